package main

import (
	"encoding/json"
	"errors"
	"io"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// arrows says, for each package of ours, which other packages of ours it may import. A pattern that ends in /... covers
// everything below. What is not listed may not be imported, and the reason stands beside the line.
var arrows = []struct {
	pkg  string
	may  []string
	why  string
	cmds bool // a program: wires things, nobody imports it
}{
	{pkg: "interpreter", why: "the domain knows no verb, no SIP, no account"},
	{pkg: "interpreter/number", why: "numbers alone"},
	{pkg: "interpreter/toll", may: []string{"interpreter", "interpreter/number"}, why: "guards lines, and makes none"},
	{pkg: "interpreter/account", may: []string{"interpreter"}, why: "objects and look-ups: no SIP, no verb, no store"},
	{pkg: "interpreter/httpd", may: []string{"interpreter"}, why: "the server knows routes, not what they mean"},
	{pkg: "interpreter/storetest", may: []string{"interpreter"}, why: "a suite for stores"},
	{pkg: "interpreter/memstore", may: []string{"interpreter"}, why: "technology behind an interface of the domain"},
	{pkg: "interpreter/sqlitestore", may: []string{"interpreter"}, why: "technology behind an interface of the domain"},
	{pkg: "interpreter/dirstore", may: []string{"interpreter"}, why: "technology behind an interface of the domain"},
	{pkg: "interpreter/outbox", may: []string{"interpreter"}, why: "delivers what the domain queues"},
	{pkg: "interpreter/webhook", may: []string{"interpreter"}, why: "technology behind an interface of the domain"},
	{pkg: "interpreter/timeline", may: []string{"interpreter"}, why: "a view of the trace"},
	{pkg: "verbs/prompts", why: "texts alone"},
	{pkg: "verbs/spoken", why: "words alone"},
	{pkg: "verbs", may: []string{"interpreter", "interpreter/account", "interpreter/number"},
		why: "operations run on a fake leg: no sipedge, no media"},
	{pkg: "verbs/twiml", may: []string{"verbs", "verbs/prompts", "verbs/spoken", "interpreter", "interpreter/account"},
		why: "a dialect does not know the other one"},
	{pkg: "verbs/kazoo", may: []string{"verbs", "verbs/prompts", "verbs/spoken", "interpreter", "interpreter/account",
		"interpreter/number"}, why: "a dialect does not know the other one"},
	{pkg: "media", why: "reusable without the engine"},
	{pkg: "media/helper", why: "processes, nothing else"},
	{pkg: "media/codec", may: []string{"media"}, why: "a leaf of media"},
	{pkg: "media/dtmf", may: []string{"media"}, why: "a leaf of media"},
	{pkg: "media/tone", may: []string{"media"}, why: "a leaf of media"},
	{pkg: "media/file", may: []string{"media", "media/codec", "media/helper"}, why: "files are media"},
	{pkg: "media/tts", may: []string{"media", "media/codec", "media/helper", "media/file"}, why: "speech is media"},
	{pkg: "media/tts/recorded/...", may: []string{"media/..."}, cmds: true,
		why: "makes the recordings that are part of the program"},
	{pkg: "media/rtpio", may: []string{"media", "media/codec", "media/dtmf", "media/tone"}, why: "RTP knows no SIP"},
	{pkg: "sipedge/audio", may: []string{"interpreter", "media/..."}, why: "the audio half of a leg knows no SIP"},
	{pkg: "sipedge/auth", may: []string{"interpreter/memstore"}, why: "digest knows no message and no account"},
	{pkg: "sipedge/registrar", may: []string{"interpreter"}, why: "bindings know no message"},
	{pkg: "sipedge/presence", may: []string{"interpreter"}, why: "what lamps show, without SIP"},
	{pkg: "sipedge", may: []string{"sipedge/audio", "sipedge/auth", "sipedge/registrar", "sipedge/presence", "interpreter",
		"interpreter/account", "media/..."},
		why: "the only code that sees a dialog and a stream"},
	{pkg: "sipedge/browser", may: []string{"sipedge", "sipedge/audio", "interpreter", "media/..."},
		why: "the only code that sees a page and a stream"},
	{pkg: "interpreter/inspect", may: []string{"interpreter", "interpreter/httpd"},
		why: "pages and their WebSockets know neither SIP nor media"},
	{pkg: "interpreter/api", may: []string{"interpreter", "interpreter/httpd"},
		why: "answers what cmd tells it: neither SIP nor media"},
	{pkg: "fixtures", may: []string{"verbs/...", "interpreter", "interpreter/..."}, why: "scenarios run without sockets"},
	{pkg: "fixtures/phone", may: []string{"sipedge", "sipedge/audio", "interpreter", "media/..."},
		why: "a scripted phone on the production edge"},
	{pkg: "fixtures/...", may: []string{"..."}, cmds: true, why: "programs of the demo and of the tests with peers"},
	{pkg: "cmd/...", may: []string{"..."}, cmds: true, why: "the only place where things are wired"},
}

// outsiders says which packages of ours alone may import a foreign one.
var outsiders = []struct {
	pkg string
	may []string
	why string
}{
	{"github.com/emiago/sipgo", []string{"sipedge"}, "one place knows the SIP library"},
	{"github.com/pion/sdp", []string{"sipedge"}, "one place knows SDP syntax"},
	{"github.com/pion/rtp", []string{"media/rtpio", "sipedge/browser"}, "few places know RTP headers"},
	{"github.com/pion/rtcp", []string{"media/rtpio", "sipedge/browser"}, "few places know RTCP"},
	{"github.com/pion/srtp", []string{"media/rtpio"}, "one place protects packets"},
	{"github.com/pion/transport", []string{"media/rtpio"}, "one place queues records"},
	{"github.com/pion/dtls", []string{"media/rtpio"}, "one place agrees on their keys"},
	{"github.com/thesyncim/gopus", []string{"media/codec"}, "one place knows the Opus library"},
	{"github.com/pion/webrtc", []string{"sipedge/browser"}, "one place knows browsers' media"},
	{"github.com/pion/ice", []string{"sipedge/browser"}, "one place knows browsers' media"},
	{"github.com/pion/interceptor", []string{"sipedge/browser"}, "one place knows browsers' media"},
	{"github.com/fasthttp/websocket", []string{"interpreter/inspect"}, "one WebSocket server"},
	{"github.com/hashicorp/go-retryablehttp", []string{"interpreter/webhook"}, "one HTTP client, guarded and bounded"},
	{"github.com/valyala/fasthttp", []string{"interpreter/httpd", "interpreter/rest", "interpreter/api",
		"interpreter/inspect"},
		"one HTTP server"},
	{"modernc.org/sqlite", []string{"interpreter/sqlitestore"}, "one place knows SQL"},
	{"os/exec", []string{"media/helper", "fixtures/..."}, "one place starts processes, with limits"},
}

func TestArrows(t *testing.T) {
	for pkg, imports := range packages(t) {
		rel := strings.TrimPrefix(pkg, "pintle/")
		row := -1
		for i, a := range arrows {
			if matches(a.pkg, rel) {
				row = i
				break
			}
		}
		if row < 0 {
			t.Errorf("package %s stands in no row of the table of arrows", rel)
			continue
		}
		for _, imp := range imports {
			in, ours := strings.CutPrefix(imp, "pintle/")
			if ours && !slices.ContainsFunc(arrows[row].may, func(m string) bool { return matches(m, in) }) {
				t.Errorf("%s imports %s: %s", rel, in, arrows[row].why)
			}
			for _, o := range outsiders {
				if (imp == o.pkg || strings.HasPrefix(imp, o.pkg+"/")) &&
					!slices.ContainsFunc(o.may, func(m string) bool { return matches(m, rel) }) {
					t.Errorf("%s imports %s: %s", rel, imp, o.why)
				}
			}
		}
	}
}

func matches(pattern, pkg string) bool {
	if pattern == "..." {
		return true
	}
	if p, ok := strings.CutSuffix(pattern, "/..."); ok {
		return pkg == p || strings.HasPrefix(pkg, p+"/")
	}
	return pattern == pkg
}

// packages lists ours with what they import, tests left out.
func packages(t *testing.T) map[string][]string {
	t.Helper()
	cmd := exec.Command("go", "list", "-json=ImportPath,Imports", "./...")
	cmd.Dir = filepath.Join("..", "..")
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	list := map[string][]string{}
	dec := json.NewDecoder(strings.NewReader(string(out)))
	for {
		var p struct {
			ImportPath string
			Imports    []string
		}
		err := dec.Decode(&p)
		if errors.Is(err, io.EOF) {
			return list
		}
		if err != nil {
			t.Fatal(err)
		}
		list[p.ImportPath] = p.Imports
	}
}
