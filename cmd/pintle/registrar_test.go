package main

import (
	"strings"
	"testing"
	"time"

	"pintle/sipedge"
)

func TestRegistrarSettings(t *testing.T) {
	for name, tc := range map[string]struct {
		r    registrarConfig
		want string // part of the error; empty: none
	}{
		"nothing": {},
		"all": {r: registrarConfig{Contacts: 3, Expires: 5 * time.Minute, Minimum: time.Minute, KeepAlive: 20 * time.Second,
			Rate: 9, Fails: 3, MD5Only: true}},
		"contacts":    {registrarConfig{Contacts: 101}, "contacts 101"},
		"minimum":     {registrarConfig{Minimum: 2 * time.Hour}, "min_expires"},
		"expires":     {registrarConfig{Expires: 30 * time.Second}, "at least 1m0s"},
		"below":       {registrarConfig{Expires: 2 * time.Minute, Minimum: 3 * time.Minute}, "at least 3m0s"},
		"keep alive":  {registrarConfig{KeepAlive: time.Millisecond}, "keep_alive"},
		"a rate of -": {registrarConfig{Rate: -1}, "rate"},
	} {
		c := &config{}
		c.SIP.Registrar = tc.r
		err := c.checkRegistrar()
		if tc.want == "" && err != nil || tc.want != "" && (err == nil || !strings.Contains(err.Error(), tc.want)) {
			t.Errorf("%s: %v, want %q", name, err, tc.want)
		}
		var edge sipedge.Config
		tc.r.apply(&edge)
		if g := edge.Registrations; g.Contacts != tc.r.Contacts || g.Expires != tc.r.Expires || g.Minimum != tc.r.Minimum ||
			g.KeepAlive != tc.r.KeepAlive || g.Rate != tc.r.Rate || g.Fails != tc.r.Fails || g.MD5Only != tc.r.MD5Only {
			t.Errorf("%s: applied as %+v", name, g)
		}
	}
}
