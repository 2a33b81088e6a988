package main

import (
	"strings"
	"testing"
	"time"

	"pintle/sipedge"
)

func TestSessionSettings(t *testing.T) {
	for name, tc := range map[string]struct {
		s    sessionConfig
		want string // part of the error; empty: none
	}{
		"nothing":   {},
		"all":       {s: sessionConfig{Expires: time.Hour, MinSE: 2 * time.Minute, Reliable: true, HoldMusic: "tone:us"}},
		"none":      {s: sessionConfig{Expires: -time.Second}},
		"short":     {sessionConfig{Expires: time.Minute}, "1m30s or more"},
		"below":     {sessionConfig{Expires: 2 * time.Minute, MinSE: 3 * time.Minute}, "3m0s or more"},
		"short min": {sessionConfig{MinSE: time.Minute}, "min_se"},
		"music":     {sessionConfig{HoldMusic: "nice.wav"}, "hold_music"},
	} {
		c := &config{}
		c.SIP.Session = tc.s
		err := c.checkSessions()
		if tc.want == "" && err != nil || tc.want != "" && (err == nil || !strings.Contains(err.Error(), tc.want)) {
			t.Errorf("%s: %v, want %q", name, err, tc.want)
		}
		var edge sipedge.Config
		tc.s.apply(&edge)
		if edge.SessionExpires != tc.s.Expires || edge.MinSE != tc.s.MinSE || edge.Reliable != tc.s.Reliable {
			t.Errorf("%s: applied as %v %v %v", name, edge.SessionExpires, edge.MinSE, edge.Reliable)
		}
	}
	if p := (sessionConfig{HoldMusic: "tone:busy:fr"}).hold(); p.Tone != "busy:fr" || p.URL != "" {
		t.Errorf("tone: %+v", p)
	}
	if p := (sessionConfig{HoldMusic: "https://x.example/a.wav"}).hold(); p.URL == "" || p.Tone != "" {
		t.Errorf("URL: %+v", p)
	}
}
