package sipedge

import (
	"testing"

	"github.com/emiago/sipgo/sip"
)

// A refusal says why, once; what explains itself is left as it is.
func TestSayWhy(t *testing.T) {
	for _, tc := range []struct {
		name, phrase, header string
		code                 int
		want                 string
	}{
		{name: "a plain refusal", code: 488, want: `399 pintle "the session description cannot be used"`},
		{name: "a phrase that says it", code: 400, phrase: "Missing RAck", want: `399 pintle "Missing RAck"`},
		{name: "a code without words", code: 499, want: `399 pintle "Refused"`},
		{name: "said in Reason", code: 486, header: `SIP;cause=486;text="busy"`},
		{name: "a Reason without words", code: 486, header: "SIP;cause=486", want: `399 pintle "the called party is busy"`},
		{name: "a challenge", code: 401}, {name: "cancelled", code: 487}, {name: "success", code: 200},
		{name: "moved", code: 302},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if tc.phrase == "" {
				tc.phrase = phrase(tc.code)
			}
			res := sip.NewResponse(tc.code, tc.phrase)
			if tc.header != "" {
				res.AppendHeader(sip.NewHeader("Reason", tc.header))
			}
			sayWhy(res)
			sayWhy(res)
			got := res.GetHeaders("warning")
			switch {
			case tc.want == "" && len(got) != 0, tc.want != "" && (len(got) != 1 || got[0].Value() != tc.want):
				t.Errorf("Warning %v, want %q once at most", got, tc.want)
			}
		})
	}
}
