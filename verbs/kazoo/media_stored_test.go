package kazoo

import (
	"context"
	"errors"
	"io"
	"strings"
	"testing"

	"pintle/interpreter"
	"pintle/interpreter/account"
)

// shelf is a store of one sound.
type shelf struct{ interpreter.Blobs }

type sounding struct{ *strings.Reader }

func (sounding) Close() error { return nil }

func (shelf) Open(_ context.Context, name string) (io.ReadSeekCloser, error) {
	if name != "sound.wav" {
		return nil, interpreter.ErrNotFound
	}
	return sounding{strings.NewReader("RIFF")}, nil
}

// A media of an account is fetched, spoken, or read from the store; one of another account is not there.
func TestMediaOfAnAccount(t *testing.T) {
	book, err := account.Open(context.Background(), nil, account.File{Name: "a.yaml", Config: true, Body: []byte(`
accounts:
  one:
    name: One
    media:
      far: {name: Far, url: "https://a.example/far.wav"}
      words: {name: Words, media_source: tts, tts: {text: Good morning, voice: male/en-GB}}
      plain: {name: Plain, media_source: tts, language: fr-fr, tts: {text: Bonjour}}
      kept: {name: Kept, media_source: recording, blob: sound.wav}
      lost: {name: Lost, media_source: recording, blob: other.wav}
      empty: {name: Empty}
  two: {name: Two, media: {theirs: {name: Theirs, media_source: tts, tts: {text: Secret}}}}
`)})
	if err != nil {
		t.Fatal(err)
	}
	one, err := book.View("one")
	if err != nil {
		t.Fatal(err)
	}
	d := New(Options{Book: book})
	c := bare()
	c.Start.Account, c.Blobs = one.Account().ID, shelf{}
	for ref, want := range map[string]interpreter.Prompt{
		"far":   {URL: "https://a.example/far.wav"},
		"words": {Text: interpreter.Words("Good morning"), Voice: "man", Lang: "en-GB"},
		"plain": {Text: interpreter.Words("Bonjour"), Voice: "woman", Lang: "en-US"},
		"kept":  {Audio: []byte("RIFF")},
	} {
		got, err := d.sound(context.Background(), c, media{ref: ref})
		if err != nil || got.URL != want.URL || string(got.Audio) != string(want.Audio) || got.Voice != want.Voice ||
			got.Lang != want.Lang || len(got.Text) != len(want.Text) || len(want.Text) > 0 && got.Text[0] != want.Text[0] {
			t.Errorf("%s: %+v, %v; want %+v", ref, got, err, want)
		}
	}
	for _, ref := range []string{"lost", "empty", "theirs"} {
		var f *interpreter.Fault
		if p, err := d.sound(context.Background(), c, media{ref: ref}); !errors.As(err, &f) {
			t.Errorf("%s: %+v, %v; want a fault", ref, p, err)
		}
	}
}

// What a number's pattern captured goes with every request.
func TestCapturesAreSent(t *testing.T) {
	c := bare()
	c.Start.Capture, c.Start.Captures = "123", map[string]string{"to": "123"}
	got := New(Options{}).Encode(c, interpreter.Result{})
	if got.Get("Capture-Group") != "123" || got.Get("Capture-Groups[to]") != "123" {
		t.Errorf("sent: %v", got)
	}
}
