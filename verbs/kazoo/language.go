package kazoo

import (
	"context"
	"regexp"
	"strings"

	"pintle/interpreter"
)

var _ = register(spec{
	name: "language",
	doc:  "Sets the call's language for prompts, tts and the Language parameter.",
	fields: []field{
		{name: "language", kind: "string", required: true, doc: "a language, with or without a country: fr, fr-CA"},
	},
	decode: func(d *data) interpreter.Verb {
		l := strings.ToLower(strings.TrimSpace(d.required("language")))
		if v, ok := d.n.data.get("language"); ok && !d.unusable && !languageTag.MatchString(l) {
			d.fail("language", v, v.String()+" is no language such as en or en-US")
		}
		return Language{Tag: l}
	},
})

// languageTag admits Kazoo's double tags (fr-fr_en-us: French with English words) and three-letter languages.
var languageTag = regexp.MustCompile(`^[a-z]{2,3}(-[a-z0-9]{2,8})*(_[a-z]{2,3}(-[a-z0-9]{2,8})*)?$`)

// Language sets the language (Kazoo language).
type Language struct{ Tag string }

// Run sets it.
func (l Language) Run(_ context.Context, c *interpreter.Call) (interpreter.Outcome, error) {
	stateOf(c).language = l.Tag
	return interpreter.Branch(wildcard), nil
}
