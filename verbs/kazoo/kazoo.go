package kazoo

import (
	"bytes"
	"io/fs"
	"mime"
	"net/http"
	"strings"

	"pintle/interpreter"
	"pintle/interpreter/account"
	"pintle/verbs"
)

// Dialect reads and writes Kazoo callflow JSON and the parameters of Pivot requests.
type Dialect struct{ opt Options }

// Options of the dialect. The zero value works: without Directory and Book, ids lead nowhere.
type Options struct {
	Directory Directory     // looks up ids of devices, users, menus, media and callflows; may be nil
	Book      *account.Book // accounts, whose objects ids mean after those of Directory; nil: none
	// Carriers are those of an account as they are now, or, "", of the operator; nil: those of Book.
	Carriers   func(account string) []verbs.Carrier
	Country    string // home country of numbers, ISO 3166, for formats and classes; empty: US
	Diversion  bool   // carriers are told who forwarded a call whose caller stays visible
	Language   string // language of a call that no module has set; empty: en-us
	Recordings fs.FS  // recorded system prompts as <language>/<name>.wav, which win over spoken ones; nil: none
}

// DefaultLanguage of a call.
const DefaultLanguage = "en-us"

// New returns the dialect.
func New(o Options) *Dialect {
	if o.Language == "" {
		o.Language = DefaultLanguage
	}
	o.Language = strings.ToLower(o.Language)
	return &Dialect{opt: o}
}

var (
	_ interpreter.Dialect     = (*Dialect)(nil)
	_ interpreter.JSONEncoder = (*Dialect)(nil)
)

// Name is kazoo.
func (d *Dialect) Name() string { return "kazoo" }

// Method is GET, the default of the pivot module.
func (d *Dialect) Method() string { return http.MethodGet }

// Accepts takes what begins like a JSON object, whatever its content type, what is labelled JSON and does not begin
// like XML, and an empty answer, which in this dialect is no mistake.
func (d *Dialect) Accepts(r interpreter.Response) bool {
	body := bytes.TrimLeft(bytes.TrimPrefix(r.Body, []byte("\xef\xbb\xbf")), space)
	switch {
	case len(body) == 0:
		return true
	case body[0] == '{':
		return true
	case body[0] == '<':
		return false
	}
	t, _, err := mime.ParseMediaType(r.ContentType)
	return err == nil && (t == "application/json" || t == "text/json" || strings.HasSuffix(t, "+json"))
}

// Parse makes the document. An empty body is an empty document: the call is hung up quietly.
func (d *Dialect) Parse(resp interpreter.Response) (*interpreter.Document, error) {
	r := &reader{d: d, url: resp.URL}
	root, err := r.read(resp.Body)
	if err != nil {
		return nil, err
	}
	return &interpreter.Document{URL: resp.URL, Dialect: d.Name(), Root: root, Warnings: r.warnings}, nil
}
