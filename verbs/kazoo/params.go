package kazoo

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"pintle/interpreter"
)

// apiVersion is what Pivot servers see of the exchange's version.
const apiVersion = "4.x"

// Encode gives the parameters of a request in Kazoo's names. Objects become Name[member]=value, lists Name[]=value;
// what has no value, and an empty object, is left out.
func (d *Dialect) Encode(c *interpreter.Call, r interpreter.Result) url.Values {
	v := url.Values{}
	for name, x := range d.params(c, r) {
		flatten(v, name, x)
	}
	return v
}

// EncodeJSON gives the same parameters with their native types.
func (d *Dialect) EncodeJSON(c *interpreter.Call, r interpreter.Result) ([]byte, error) {
	p := d.params(c, r)
	for _, e := range r.Extra {
		p[e[0]] = e[1]
	}
	b, err := json.Marshal(p)
	if err != nil {
		return nil, fmt.Errorf("encode pivot parameters: %w", err)
	}
	return b, nil
}

// params are the parameters with their native types: string, int, map[string]string.
func (d *Dialect) params(c *interpreter.Call, r interpreter.Result) map[string]any {
	s := stateOf(c)
	p := params{
		"Account-ID":       c.Account.ID,
		"Api-Version":      apiVersion,
		"Call-ID":          c.ID,
		"Call-Status":      statusWord(c.Status()),
		"Caller-ID-Name":   c.From.Display,
		"Caller-ID-Number": c.From.User,
		// Kazoo documents "outbound" for calls that the platform placed, but runs Pivot on inbound ones only.
		"Direction":   direction(c),
		"From":        c.From.User,
		"From-Realm":  c.From.Host,
		"Language":    d.language(c),
		"To":          c.To.User,
		"To-Realm":    c.To.Host,
		"Last-Module": r.Verb,
		"Last-Result": r.Branch,
	}
	p.captured(c.Start)
	if c.Leg != nil {
		p.leg(c.Leg.Info())
	}
	if vars := c.Vars(); len(vars) > 0 {
		p["Custom-Application-Vars"] = vars
	}
	switch {
	case r.Recording != nil && r.Recording.Key != "":
		p["Digits"] = r.Recording.Key
	case len(s.collections) > 0:
		p["Digits"] = maps.Clone(s.collections)
	case r.Digits != nil:
		p["Digits"] = *r.Digits
	}
	p.results(r)
	for name, x := range p {
		if x == "" {
			delete(p, name)
		}
	}
	return p
}

type params map[string]any

// leg adds what only the leg knows.
func (p params) leg(i interpreter.LegInfo) {
	if i.CallID != "" {
		p["Call-ID"] = i.CallID
	}
	p["Request"], p["Request-Realm"] = i.Request.User, i.Request.Host
	if len(i.Headers) == 0 {
		return
	}
	h := map[string]string{}
	for _, x := range i.Headers {
		h[x.Name] = x.Value
	}
	p["Custom-SIP-Headers"] = h
}

// captured adds what the pattern of the dialled number captured, so that a feature code may lead to an application.
func (p params) captured(s interpreter.Start) {
	p["Capture-Group"] = s.Capture
	if len(s.Captures) > 0 {
		p["Capture-Groups"] = maps.Clone(s.Captures)
	}
}

// results adds what verbs found out: in Kazoo's names, and in those that Pivot borrows from TwiML in every format.
func (p params) results(r interpreter.Result) {
	if rec := r.Recording; rec != nil {
		secs := int(rec.Duration.Round(time.Second) / time.Second)
		p["Recording-ID"], p["Recording-Url"], p["Recording-Duration"] = rec.ID, rec.URL, secs
		p["RecordingUrl"], p["RecordingDuration"] = rec.URL, secs
	}
	if r.Dial != nil {
		p["DialCallStatus"] = statusWord(r.Dial.Status)
		p["DialCallSid"] = r.Dial.CallID
		if r.Dial.CallID == "" {
			p["DialCallSid"] = r.Dial.ID
		}
		p["CallStatus"] = p["Call-Status"]
	}
	if r.Fault != nil {
		p["ErrorCode"], p["ErrorUrl"] = r.Fault.Code, r.Fault.URL
	}
}

// statusWord is a call's state in the eight words of Pivot.
func statusWord(s interpreter.CallStatus) string {
	if s == interpreter.StatusInitiated {
		return string(interpreter.StatusQueued)
	}
	return string(s)
}

// flatten adds a value under the names that a form gives its parts.
func flatten(v url.Values, name string, x any) {
	switch x := x.(type) {
	case string:
		v.Set(name, x)
	case int:
		v.Set(name, strconv.Itoa(x))
	case map[string]string:
		for k, s := range x {
			v.Set(name+"["+k+"]", s)
		}
	}
}

// collectionParams are the collections as parameters for a request in another dialect's names.
func (s *state) collectionParams() [][2]string {
	var extra [][2]string
	for _, k := range slices.Sorted(maps.Keys(s.collections)) {
		extra = append(extra, [2]string{"Digits[" + k + "]", s.collections[k]})
	}
	return extra
}

// language is the call's language now.
func (d *Dialect) language(c *interpreter.Call) string {
	if l := stateOf(c).language; l != "" {
		return l
	}
	return d.opt.Language
}

// isHTTP tells whether a text is a web address.
func isHTTP(s string) bool {
	l := strings.ToLower(s)
	return strings.HasPrefix(l, "http://") || strings.HasPrefix(l, "https://")
}
