package account_test

import (
	"encoding/json"
	"os"
	"path"
	"path/filepath"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"pintle/interpreter/account"
)

// schemaDir is where Kazoo's JSON schemas lie on machines that have them; PINTLE_KAZOO_SCHEMAS names another place.
const schemaDir = "../../../shared/schemas/kazoo"

type schemas string

// Load reads a schema by the last part of its address: $ref names files without their ending.
func (s schemas) Load(url string) (any, error) {
	f, err := os.Open(filepath.Join(string(s), strings.TrimSuffix(path.Base(url), ".json")+".json"))
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return jsonschema.UnmarshalJSON(f)
}

// TestSchemas holds what the loader accepts against Kazoo's own schemas. We differ on purpose: a call restriction may
// be "allow".
func TestSchemas(t *testing.T) {
	dir := os.Getenv("PINTLE_KAZOO_SCHEMAS")
	if dir == "" {
		dir = schemaDir
	}
	if _, err := os.Stat(dir); err != nil {
		t.Skipf("Kazoo's schemas are not here, nothing is compared: %v", err)
	}
	files := map[account.Kind]string{account.KindUser: "users", account.KindDevice: "devices", account.KindGroup: "groups",
		account.KindCallflow: "callflows", account.KindMailbox: "vmboxes", account.KindDirectory: "directories"}
	c := jsonschema.NewCompiler()
	c.UseLoader(schemas(dir))
	n := 0
	for _, yaml := range []string{office, people, strings.Replace(layered, "action: allow", "action: inherit", 1)} {
		v := view(t, open(t, yaml))
		for kind, name := range files {
			s, err := c.Compile("file:///" + name)
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			for _, o := range v.Objects(kind) {
				body, err := json.Marshal(o)
				if err != nil {
					t.Fatal(err)
				}
				x, err := jsonschema.UnmarshalJSON(strings.NewReader(string(body)))
				if err != nil {
					t.Fatal(err)
				}
				if err := s.Validate(x); err != nil {
					t.Errorf("%s: %v", body, err)
				}
				n++
			}
		}
	}
	if n < 30 {
		t.Errorf("%d objects were compared", n)
	}
}
