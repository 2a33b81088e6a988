package number

import (
	"testing"
)

func TestE164(t *testing.T) {
	for _, tc := range []struct{ country, in, want string }{
		{"", "5551234567", "+15551234567"},
		{"US", "(415) 555-2671", "+14155552671"},
		{"US", "14155552671", "+14155552671"},
		{"US", "011353871234567", "+353871234567"},
		{"US", "0035312345678", "+35312345678"},
		{"US", "35312345678", "+35312345678"},
		{"US", "+4930123456", "+4930123456"},
		{"US", "tel:+4930123456", "+4930123456"},
		{"IE", "012345678", "+35312345678"},
		{"IE", "087 123 4567", "+353871234567"},
		{"IE", "004930123456", "+4930123456"},
		{"IE", "+1 (415) 555-2671", "+14155552671"},
		{"DE", "030/123456", "+4930123456"},
		{"GB", "020 7946 0958", "+442079460958"},
		// No numbers that the whole world can call.
		{"US", "911", ""}, {"IE", "999", ""}, {"IE", "112", ""}, {"US", "100", ""}, {"US", "*98", ""}, {"US", "", ""},
		{"US", "+", ""}, {"US", "alice", ""}, {"US", "5551234567x99", ""}, {"US", "+0123456789", ""},
		{"US", "+1234567890123456", ""}, {"US", "1;ext=5", ""},
		{"US", "5551234", ""},
	} {
		got, ok := Plan{tc.country}.E164(tc.in)
		if got != tc.want || ok != (tc.want != "") {
			t.Errorf("%s %q: %q %v, want %q", tc.country, tc.in, got, ok, tc.want)
		}
	}
}

func TestClass(t *testing.T) {
	for _, tc := range []struct{ country, in, want string }{
		{"US", "911", "emergency"}, {"US", "933", "emergency"}, {"US", "112", "emergency"},
		{"US", "8005551212", "tollfree_us"}, {"US", "+18335551212", "tollfree_us"}, {"US", "9005551212", "toll_us"},
		{"US", "8765551212", "caribbean"}, {"US", "4155552671", "did_us"}, {"US", "+35312345678", "international"},
		{"US", "100", "unknown"}, {"US", "bob", "unknown"},
		{"IE", "999", "emergency"}, {"IE", "112", "emergency"}, {"IE", "1800123456", "tollfree_ie"},
		{"IE", "1550123456", "toll_ie"}, {"IE", "0871234567", "mobile_ie"}, {"IE", "012345678", "did_ie"},
		{"IE", "+14155552671", "international"},
		{"DE", "110", "emergency"}, {"DE", "0800 1234567", "tollfree_de"}, {"DE", "0900 1123456", "toll_de"},
		{"DE", "0151 23456789", "mobile_de"}, {"DE", "030 123456", "did_de"}, {"DE", "+35312345678", "international"},
	} {
		if got := (Plan{tc.country}).Class(tc.in); got != tc.want {
			t.Errorf("%s %q: %s, want %s", tc.country, tc.in, got, tc.want)
		}
	}
}

func TestKind(t *testing.T) {
	for in, want := range map[string]Kind{
		"+19005551212": Premium, "+14159761234": Premium, "+49900123456": Ordinary, "+499001123456": Premium,
		"+881612345678": Satellite, "+870772001234": Satellite, "+882161234567": Satellite, "+979112345678": Premium,
		"+18005551212": TollFree, "+353871234567": Mobile, "+35312345678": Ordinary, "+447012345678": Personal,
	} {
		if got := KindOf(in); got != want {
			t.Errorf("%s: %s, want %s", in, got, want)
		}
	}
}

func TestWrite(t *testing.T) {
	for _, tc := range []struct {
		country string
		f       Format
		in      string
		want    string
	}{
		{"US", E164, "+14155552671", "+14155552671"}, {"US", NPAN, "+14155552671", "4155552671"},
		{"US", OneNPAN, "+14155552671", "14155552671"}, {"US", StripPlus, "+35312345678", "35312345678"},
		{"US", NPAN, "+35312345678", "+35312345678"}, {"US", National, "+14155552671", "4155552671"},
		{"US", National, "+35312345678", "01135312345678"}, {"IE", National, "+35312345678", "012345678"},
		{"IE", National, "+4930123456", "004930123456"}, {"IE", StripPlus, "999", "999"},
	} {
		if got := (Plan{tc.country}).Write(tc.in, tc.f); got != tc.want {
			t.Errorf("%s %s %s: %s, want %s", tc.country, tc.f, tc.in, got, tc.want)
		}
	}
}

func TestPlan(t *testing.T) {
	if err := (Plan{"XX"}).Check(); err == nil {
		t.Error("a country that does not exist is taken")
	}
	if err := (Plan{"ie"}).Check(); err != nil {
		t.Error(err)
	}
	if c := Country("+4930123456"); c != "DE" {
		t.Errorf("country %q", c)
	}
	if c := Country("+881612345678"); c != "" {
		t.Errorf("a satellite network lies in %q", c)
	}
}

// Whatever is dialled, the result is in E.164 form or refused, and bringing it into form again changes nothing.
func FuzzE164(f *testing.F) {
	for _, s := range []string{"5551234567", "+353 1 234", "00", "tel:+", "+1(2)3", "٣٣٣٣٣٣٣٣", "12345678901234567890"} {
		f.Add(s, "IE")
	}
	f.Add("911", "US")
	f.Fuzz(func(t *testing.T, in, country string) {
		p := Plan{country}
		if p.Check() != nil {
			return
		}
		e, ok := p.E164(in)
		if !ok {
			return
		}
		if !IsE164(e) {
			t.Fatalf("%q became %q", in, e)
		}
		if again, same := p.E164(e); !same || again != e {
			t.Fatalf("%q became %q, then %q", in, e, again)
		}
		if c := p.Class(in); c == "" {
			t.Fatalf("%q has no class", in)
		}
		KindOf(e)
		for _, form := range Formats() {
			if p.Write(e, form) == "" {
				t.Fatalf("%q as %s is empty", e, form)
			}
		}
	})
}
