package kazoo

import (
	"context"
	"fmt"
	"io"
	"strings"

	"pintle/interpreter"
	"pintle/interpreter/account"
)

// maxStoredSound bounds a sound that is read into memory to be played: the largest that an account may hold.
const maxStoredSound = 11534336

// storedSound finds a media of the call's account that has no address: a text to speak, or a recording in the store.
// It reports false when there is none of that name, or it has an address.
func (d *Dialect) storedSound(ctx context.Context, c *interpreter.Call, id string) (interpreter.Prompt, bool, error) {
	v, err := d.view(c)
	if err != nil {
		return interpreter.Prompt{}, false, nil //nolint:nilerr // a call of no account
	}
	m, err := account.Get[*account.Media](v, id)
	if err != nil {
		return interpreter.Prompt{}, false, nil //nolint:nilerr // none of that name
	}
	switch {
	case m.Source == "tts" && m.TTS != nil:
		return speech(m), true, nil
	case m.URL != "":
		return interpreter.Prompt{}, false, nil
	case m.Blob != "" && c.Blobs != nil:
		p, err := recorded(ctx, c.Blobs, m)
		return p, true, err
	}
	return interpreter.Prompt{}, true, unplayable(id, "this media of the account holds no sound yet; give it a url, or "+
		"record it")
}

// speech is a media of source tts: its words, in the language of its voice or its own.
func speech(m *account.Media) interpreter.Prompt {
	_, lang, ok := strings.Cut(m.TTS.Voice, "/")
	if !ok || lang == "" {
		lang = m.Language
	}
	return interpreter.Prompt{Text: interpreter.Words(m.TTS.Text), Voice: voice(m.TTS.Voice), Lang: lang}
}

func recorded(ctx context.Context, blobs interpreter.Blobs, m *account.Media) (interpreter.Prompt, error) {
	fail := func(err error) (interpreter.Prompt, error) {
		if cause := context.Cause(ctx); cause != nil {
			return interpreter.Prompt{}, cause
		}
		return interpreter.Prompt{}, &interpreter.Fault{Code: interpreter.CodeRetrieval,
			Msg: fmt.Sprintf("the sound of media %s", clip(m.Name)), Err: err}
	}
	b, err := blobs.Open(ctx, m.Blob)
	if err != nil {
		return fail(err)
	}
	defer b.Close()
	sound, err := io.ReadAll(io.LimitReader(b, maxStoredSound))
	if err != nil {
		return fail(err)
	}
	return interpreter.Prompt{Audio: sound}, nil
}

// matched remembers what the pattern of a number captured whose callflow is entered.
func (d *Dialect) matched(c *interpreter.Call, number string) {
	v, err := d.view(c)
	if err != nil {
		return
	}
	if m, err := v.Hunt(number, account.Exactly); err == nil {
		c.Start.Capture, c.Start.Captures = m.Capture, m.Captures
	}
}
