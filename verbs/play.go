package verbs

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"time"

	"pintle/interpreter"
)

// MaxLoops is how often something is played at most that is played a number of times, and a list of several prompts.
const MaxLoops = 1000

// playList plays prompts in order, the whole list loop times. A prompt that fails is noted on the call and the rest
// goes on. The error is the cause of ctx, or nil.
func playList(ctx context.Context, c *interpreter.Call, list []interpreter.Prompt, loop int) error {
	if len(list) == 0 {
		return context.Cause(ctx)
	}
	if err := prepare(ctx, c, list); err != nil {
		return err
	}
	n := times(loop)
	if len(list) == 1 && list[0].Loop == 0 {
		// One prompt is looped by the leg, which does it without a gap.
		one := list[0]
		switch {
		case loop < 0:
			one.Loop = interpreter.Forever
		case n > 1:
			one.Loop = n
		}
		_, err := playOne(ctx, c, one)
		return err
	}
	for range n {
		heard := false
		for _, p := range list {
			ok, err := playOne(ctx, c, p)
			if err != nil {
				return err
			}
			heard = heard || ok
		}
		if !heard {
			return nil // looping over failures would only repeat them
		}
	}
	return nil
}

// prepare lets a leg that can fetch every file of a list before the first one starts, so that no gap is heard. What
// fails here is noted when its turn comes.
func prepare(ctx context.Context, c *interpreter.Call, list []interpreter.Prompt) error {
	p, ok := c.Leg.(interpreter.Preparer)
	if !ok || len(list) < 2 {
		return context.Cause(ctx)
	}
	var g group
	for _, one := range list {
		if one.Silence == 0 && one.Digits == "" && one.Tone == "" {
			g.Go(func() { p.Prepare(ctx, one) }) //nolint:errcheck // Play returns the same failure
		}
	}
	g.Wait()
	return context.Cause(ctx)
}

// playOne plays one prompt and tells whether it was heard. The error is the cause of ctx, or nil.
func playOne(ctx context.Context, c *interpreter.Call, p interpreter.Prompt) (bool, error) {
	if err := context.Cause(ctx); err != nil {
		return false, err
	}
	p.Loop = min(p.Loop, MaxLoops)
	end := begin(c, p)
	err := c.Leg.Play(ctx, p)
	if cause := context.Cause(ctx); cause != nil {
		end(cause)
		return true, cause
	}
	end(nil)
	if err == nil {
		return true, nil
	}
	var f *interpreter.Fault
	if !errors.As(err, &f) {
		if cause := context.Cause(c.Leg.Context()); cause != nil {
			return false, cause
		}
		f = &interpreter.Fault{Code: interpreter.CodeMedia, Msg: title(p), Err: err}
	}
	c.Fault(f)
	return false, nil
}

// begin tells the trace that a prompt begins; the function it returns tells how it ended.
func begin(c *interpreter.Call, p interpreter.Prompt) func(cause error) {
	d := promptData(p)
	started := time.Now()
	c.Emit(interpreter.Event{Lane: interpreter.LaneCaller, Kind: interpreter.EvPlay, Text: title(p), Data: d})
	return func(cause error) {
		d.Took = time.Since(started)
		text := "prompt over after " + took(d)
		var key *interpreter.Pressed
		var red *interpreter.Redirect
		switch {
		case cause == nil:
		case errors.As(cause, &key):
			d.Stopped, d.Key = "digit", string(key.Digit.Key)
			text = fmt.Sprintf("digit %s: play stopped after %v", d.Key, took(d))
		case errors.As(cause, &red):
			d.Stopped, text = "redirect", "play stopped by a redirect after "+took(d)
		default:
			d.Stopped, text = "hangup", "play stopped after "+took(d)
		}
		c.Emit(interpreter.Event{Lane: interpreter.LaneCaller, Kind: interpreter.EvPlayEnd, Text: text, Data: d})
	}
}

// took is how long a prompt was heard; less than a millisecond is of no interest to anyone.
func took(d interpreter.PromptData) string { return d.Took.Round(time.Millisecond).String() }

// title is a prompt in one line for people.
func title(p interpreter.Prompt) string {
	d := promptData(p)
	var s string
	switch d.Kind {
	case "say":
		s = "say " + strconv.Quote(d.What)
	case "file", "audio":
		s = "play " + d.What
	case "silence":
		s = "pause " + d.What
	case "digits":
		s = "send " + d.What
	default:
		s = d.Kind + " " + d.What
	}
	switch {
	case p.Loop > 1:
		s += " loop=" + strconv.Itoa(p.Loop)
	case p.Loop < 0:
		s += " until stopped"
	}
	return s
}

// shownURL is the URL of a file as a trace may show it: without a password.
func shownURL(raw string) string {
	u, err := url.Parse(raw)
	if err != nil || u.User == nil {
		return raw
	}
	u.User = nil
	return u.String()
}

func promptData(p interpreter.Prompt) interpreter.PromptData {
	switch {
	case p.URL != "":
		return interpreter.PromptData{Kind: "file", What: shownURL(p.URL)}
	case p.Text != nil:
		return interpreter.PromptData{Kind: "say", What: words(p.Text), Voice: p.Voice}
	case p.Tone != "":
		return interpreter.PromptData{Kind: "tone", What: p.Tone}
	case p.Digits != "":
		return interpreter.PromptData{Kind: "digits", What: p.Digits}
	case p.Audio != nil:
		return interpreter.PromptData{Kind: "audio", What: fmt.Sprintf("audio of %d bytes", len(p.Audio))}
	default:
		return interpreter.PromptData{Kind: "silence", What: p.Silence.String()}
	}
}

func words(pieces []interpreter.Speech) string {
	var b strings.Builder
	for _, s := range pieces {
		t := strings.TrimSpace(s.Text)
		if t == "" {
			continue
		}
		if b.Len() > 0 {
			b.WriteByte(' ')
		}
		b.WriteString(t)
	}
	return b.String()
}

// times bounds a loop count.
func times(loop int) int {
	switch {
	case loop == 0:
		return 1
	case loop < 0 || loop > MaxLoops:
		return MaxLoops
	default:
		return loop
	}
}
