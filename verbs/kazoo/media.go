package kazoo

import (
	"context"
	"net/url"
	"path"
	"regexp"
	"strconv"
	"strings"
	"time"

	"pintle/interpreter"
	"pintle/verbs/prompts"
)

// media is a reference to sound in a document.
type media struct {
	ref  string
	base string // document it stands in: where a relative address starts
}

// sound finds what a reference means: a system prompt, silence, a tone, an address, or the id of a stored file.
// A *interpreter.Fault says why there is none.
func (d *Dialect) sound(ctx context.Context, c *interpreter.Call, m media) (interpreter.Prompt, error) {
	ref := strings.TrimSpace(m.ref)
	scheme, rest, _ := strings.Cut(ref, "://")
	switch {
	case ref == "":
		return interpreter.Prompt{}, missing(KindMedia, "", nil)
	case strings.HasPrefix(strings.TrimPrefix(ref, "/"), "system_media"):
		return d.prompt(c, promptName(ref))
	case scheme == "prompt":
		return d.prompt(c, promptOf(rest))
	case scheme == "silence_stream":
		return silence(rest)
	case scheme == "tone_stream":
		return tone(rest)
	case scheme == "local_stream":
		return interpreter.Prompt{}, unplayable(ref, "there is no stream of that name here; use the address of a file")
	case strings.Contains(ref, "/"):
		u, err := resolve(m.base, ref)
		if err != nil || !isHTTP(u) {
			return interpreter.Prompt{}, unplayable(ref, "only http and https addresses can be played")
		}
		return interpreter.Prompt{URL: u}, nil
	}
	dir := d.directory(c)
	if dir == nil {
		return interpreter.Prompt{}, missing(KindMedia, ref, nil)
	}
	if p, ok, err := d.storedSound(ctx, c, ref); ok {
		return p, err
	}
	u, err := dir.Media(ctx, ref)
	if err != nil {
		return interpreter.Prompt{}, lookupFault(ctx, KindMedia, ref, err)
	}
	return interpreter.Prompt{URL: u}, nil
}

// prompt is a system prompt in the call's language: the operator's recording where there is one, else a text.
func (d *Dialect) prompt(c *interpreter.Call, name string) (interpreter.Prompt, error) {
	if b, ok := prompts.Recording(d.opt.Recordings, d.language(c), name); ok {
		return interpreter.Prompt{Audio: b}, nil
	}
	t, l, ok := prompts.Lookup(d.language(c), name)
	if !ok {
		return interpreter.Prompt{}, unplayable(name, "there is no system prompt of that name")
	}
	return interpreter.Prompt{Text: interpreter.Words(t), Lang: l}, nil
}

// promptName is the last part of a reference to a system prompt: system_media/en-us%2Fmenu-exit means menu-exit.
func promptName(ref string) string {
	s, err := url.PathUnescape(ref)
	if err != nil {
		s = ref
	}
	return strings.TrimSuffix(path.Base(s), path.Ext(s))
}

// promptOf is the name in account/name/language, what stands behind prompt://.
func promptOf(ref string) string {
	if parts := strings.Split(ref, "/"); len(parts) > 1 {
		return parts[1]
	}
	return ref
}

// silence reads silence_stream://milliseconds; -1 lasts until the caller hangs up. What follows a comma is a level of
// noise and is left out.
func silence(ms string) (interpreter.Prompt, error) {
	ms, _, _ = strings.Cut(ms, ",")
	n, err := strconv.Atoi(ms)
	switch {
	case err != nil || n < -1:
		return interpreter.Prompt{}, unplayable("silence_stream://"+ms, "milliseconds are expected")
	case n == -1 || n > maxWait:
		n = maxWait
	}
	return interpreter.Prompt{Silence: time.Duration(n) * time.Millisecond}, nil
}

// tonePart is one %(on,off,frequency,…) of a tone_stream.
var tonePart = regexp.MustCompile(`%\(\s*(\d{1,5})\s*,\s*(\d{1,5})\s*,\s*(\d{1,4}(?:\s*,\s*\d{1,4}){0,3})\s*\)`)

// tone reads tone_stream://%(on,off,f1,f2);loops=n and writes it as a cadence: f1+f2/on,0/off.
func tone(spec string) (interpreter.Prompt, error) {
	if s, err := url.PathUnescape(strings.ReplaceAll(spec, "%(", "%25(")); err == nil {
		spec = s
	}
	var parts []string
	for _, m := range tonePart.FindAllStringSubmatch(spec, 32) {
		freqs := strings.ReplaceAll(strings.ReplaceAll(m[3], " ", ""), ",", "+")
		if m[1] != "0" {
			parts = append(parts, freqs+"/"+m[1])
		}
		if m[2] != "0" {
			parts = append(parts, "0/"+m[2])
		}
	}
	if len(parts) == 0 {
		return interpreter.Prompt{}, unplayable("tone_stream://"+spec, "a tone such as %(500,500,480,620) is expected")
	}
	p := interpreter.Prompt{Tone: strings.Join(parts, ","), Loop: 1}
	if _, n, ok := strings.Cut(spec, "loops="); ok {
		if times, err := strconv.Atoi(n); err == nil && times != 0 {
			p.Loop = times
		}
	}
	return p, nil
}

func unplayable(ref, why string) error {
	return &interpreter.Fault{Code: interpreter.CodeMedia, Msg: "play " + clip(ref) + ": " + why}
}
