package httpd

import (
	"encoding/base64"
	"strings"
	"testing"
)

// Whatever stands in Authorization is read in bounded work, and only the two words that Basic authentication carries
// come out of it.
func FuzzAuthorization(f *testing.F) {
	for _, seed := range []string{"", "Basic", "Basic QUM6dG9rZW4=", "basic  QUM6 ", "Basic " + strings.Repeat("A", 2000),
		"Digest username=\"x\"", "Basic OjpA", "Basic AAAA\x00"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, header string) {
		name, password, ok := basic(header)
		if !ok {
			return
		}
		again := "Basic " + base64.StdEncoding.EncodeToString([]byte(name+":"+password))
		n, p, ok := basic(again)
		if len(again) <= 1024 && (!ok || n != name || p != password) {
			t.Errorf("%q gives %q and %q, which written again give %q and %q", header, name, password, n, p)
		}
		if strings.Contains(name, ":") {
			t.Errorf("%q: the name %q holds a colon", header, name)
		}
	})
}
