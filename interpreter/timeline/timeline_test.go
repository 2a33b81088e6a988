package timeline

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"pintle/interpreter"
)

func TestLinesAreAlignedAndHarmless(t *testing.T) {
	events := []interpreter.Event{
		{Offset: 12 * time.Millisecond, Lane: interpreter.LaneHTTP, Kind: interpreter.EvRequest, Text: "POST http://app/x",
			Data: interpreter.RequestData{Params: [][2]string{{"CallSid", "CA1"}, {"Digits", "12"}}}},
		{Offset: 61 * time.Second, Lane: interpreter.LaneVerb, Kind: interpreter.EvVerb, Text: "Say",
			Pos: interpreter.Pos{Line: 3, Col: 5}},
		{Offset: 2 * time.Hour, Lane: interpreter.LaneCaller, Kind: interpreter.EvPlay, Text: "say \"a\x1b[31mb\nc\""},
		{Offset: time.Second, Lane: interpreter.LaneVerb, Kind: interpreter.EvVerbEnd, Text: "continue"},
	}
	var b bytes.Buffer
	p := Printer{W: &b}
	for _, e := range events {
		p.Observe(e)
	}
	want := `   0.012s  http    POST http://app/x Digits=12
  1m01.0s  verb    Say              line 3
 2h00m00s  caller  say "a` + "\uFFFD" + `[31mb` + "\uFFFD" + `c"
`
	if diff := cmp.Diff(want, b.String()); diff != "" {
		t.Errorf("timeline (-want +got):\n%s", diff)
	}
}

func TestJSONKeepsEveryEvent(t *testing.T) {
	var b bytes.Buffer
	p := Printer{W: &b, JSON: true}
	p.Observe(interpreter.Event{Seq: 7, Kind: interpreter.EvVerbEnd, Lane: interpreter.LaneVerb, Text: "continue"})
	var got map[string]any
	if err := json.Unmarshal(b.Bytes(), &got); err != nil {
		t.Fatal(err)
	}
	if got["seq"] != 7.0 || got["kind"] != "verb-end" {
		t.Errorf("got %v, want event 7 of kind verb-end", got)
	}
}

// R-INJ-4: whatever a caller's name or keys hold, a line stays one line and commands no terminal, as text and as JSON.
func TestForeignTextIsHarmless(t *testing.T) {
	evil := "a\x00\x07\x1b]0;x\x07\r\n\x7f\u0085\u009b31m\u2028\u202eb\u2066\xff"
	e := interpreter.Event{Kind: interpreter.EvRequest, Lane: interpreter.LaneHTTP, Text: evil, Step: evil, URL: evil,
		Data: interpreter.RequestData{Params: [][2]string{{"Digits[" + evil + "]", evil}}}}
	for _, p := range []*Printer{{}, {Detail: true, Calls: true}, {JSON: true}} {
		var b bytes.Buffer
		p.W = &b
		p.Observe(e)
		line, ok := strings.CutSuffix(b.String(), "\n")
		if i := strings.IndexFunc(line, harmful); i >= 0 || !ok || !utf8.ValidString(line) {
			t.Errorf("JSON %t, detail %t: wrote %q", p.JSON, p.Detail, b.String())
		}
		var back interpreter.Event
		if p.JSON && (json.Unmarshal([]byte(line), &back) != nil || back.Text != strings.ToValidUTF8(evil, "\uFFFD")) {
			t.Errorf("JSON gives back %q", back.Text)
		}
	}
}
