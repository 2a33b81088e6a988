package webhook

import (
	"testing"
	"time"
)

func TestOverrides(t *testing.T) {
	start := overrides{connect: 5 * time.Second, read: 15 * time.Second, total: time.Minute, retries: 1, on: onConnect}
	with := func(change func(*overrides)) overrides { o := start; change(&o); return o }
	for _, tc := range []struct {
		fragment string
		want     overrides
		warnings int
	}{
		{"", start, 0},
		{"section", start, 0},
		{"top&x=1&e=ashburn,dublin", start, 0},
		{"rc=2&ct=1000", with(func(o *overrides) { o.retries, o.connect = 2, time.Second }), 0},
		{"RC=3", with(func(o *overrides) { o.retries = 3 }), 0},
		{"rp=5xx&rc=1", with(func(o *overrides) { o.on = on5xx }), 0},
		{"rp=ct,rt", with(func(o *overrides) { o.on = onConnect | onRead }), 0},
		{"rp=ct%2C4xx", with(func(o *overrides) { o.on = onConnect | on4xx }), 0},
		{"rp=all", with(func(o *overrides) { o.on = onConnect | onRead | on4xx | on5xx }), 0},
		{"rp=6xx", start, 1},
		{"rp=5xx,6xx", with(func(o *overrides) { o.on = on5xx }), 1},
		{"rc=9", with(func(o *overrides) { o.retries = 5 }), 1},
		{"rc=-1", with(func(o *overrides) { o.retries = 0 }), 1},
		{"ct=1&rt=99999&tt=20000", with(func(o *overrides) {
			o.connect, o.read, o.total = 100*time.Millisecond, 15*time.Second, 15*time.Second
		}), 3},
		{"rt=soon", start, 1},
		{"ct=99999999999999999999", start, 1},
		{"sni=n", with(func(o *overrides) { o.noSNI = true }), 0},
		{"sni=maybe", start, 1},
	} {
		o := start
		if warn := o.parse(tc.fragment); o != tc.want || len(warn) != tc.warnings {
			t.Errorf("%q: got %+v %q, want %+v and %d warnings", tc.fragment, o, warn, tc.want, tc.warnings)
		}
	}
}

func FuzzOverrides(f *testing.F) {
	for _, s := range []string{"rc=2&ct=1000", "rp=5xx,rt&tt=1", "sni=n", "e=a&&=", "rc=%zz"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, fragment string) {
		o := overrides{connect: time.Second, read: time.Second, total: time.Second, retries: 1, on: onConnect}
		for _, w := range o.parse(fragment) {
			if w != printable(w, 4000) {
				t.Errorf("warning %q is not one printable line", w)
			}
		}
		if o.connect < minOverride || o.connect > maxConnectTime || o.read < minOverride || o.read > maxReadTime ||
			o.total < minOverride || o.total > maxTotalTime || o.retries < 0 || o.retries > maxRetries || o.on == 0 {
			t.Errorf("%q leaves the bounds: %+v", fragment, o)
		}
	})
}
