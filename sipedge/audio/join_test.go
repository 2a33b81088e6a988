package audio

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"pintle/interpreter"
	"pintle/media/rtpio"
)

// joined is a join under way.
type joined struct {
	cancel context.CancelFunc
	err    error
	over   chan struct{}
}

func join(t *testing.T, a, b *line, o interpreter.BridgeOptions) *joined {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	j := &joined{cancel: cancel, over: make(chan struct{})}
	go func() {
		defer close(j.over)
		j.err = a.Join(ctx, b.Half, o)
	}()
	synctest.Wait()
	return j
}

// end parts the two and gives the error.
func (j *joined) end() error {
	j.cancel()
	<-j.over
	return j.err
}

func alaw(a *terms) {
	for _, p := range []*rtpio.Params{&a.here, &a.there} {
		p.Codec = codecNamed("PCMA")
		p.SendType, p.RecvType = 8, 8
	}
}

func TestJoinBothWays(t *testing.T) {
	for name, change := range map[string]func(*terms){"one codec": nil, "two codecs": alaw, "two rates": wide} {
		synctest.Test(t, func(t *testing.T) {
			a, b := newLine(t, nil, nil), newLine(t, nil, change)
			j := join(t, a, b, interpreter.BridgeOptions{})
			go a.say(t, "600/1000")
			b.say(t, "850/1000")
			time.Sleep(200 * time.Millisecond)
			rate := b.phone.Rate()
			if got := b.heard().at(rate).tone(lowTone); !near(got, time.Second, 60*time.Millisecond) {
				t.Errorf("%s: b heard a for %v, want 1 s", name, got)
			}
			if got := a.heard().tone(highTone); !near(got, time.Second, 60*time.Millisecond) {
				t.Errorf("%s: a heard b for %v, want 1 s", name, got)
			}
			if err := j.end(); err != nil {
				t.Errorf("%s: %v", name, err)
			}
			a.say(t, "600/500")
			time.Sleep(200 * time.Millisecond)
			if got := b.heard().loud(); got != 0 {
				t.Errorf("%s: b heard a for %v after they were parted", name, got)
			}
		})
	}
}

func press(t *testing.T, h *Half, keys string) {
	t.Helper()
	if err := h.Play(t.Context(), interpreter.Prompt{Digits: keys}); err != nil {
		t.Error(err)
	}
}

// Keys of a bridge are the other party's, once, except those that stay.
func TestKeysInBridge(t *testing.T) {
	inband := func(a *terms) {
		a.here.Inband, a.there.Inband = true, true
		a.here.EventRecv, a.here.EventSend, a.there.EventRecv, a.there.EventSend = 0, 0, 0, 0
	}
	for name, tc := range map[string]struct {
		keep, stay, pass string
		lost             bool // keys of the other party are tones, which a telephone that takes events hears as sound alone
		here, there      func(*terms)
		info             bool
	}{
		"all pass":         {pass: "5*6"},
		"star stays":       {keep: "*", stay: "*", pass: "56"},
		"as tones":         {pass: "5*6", here: inband, there: inband},
		"star as tone":     {keep: "*", stay: "*", pass: "5*6", here: inband, there: inband},
		"events to tones":  {keep: "*", stay: "*", pass: "56", there: inband, lost: true},
		"star of INFO":     {keep: "*", stay: "*", pass: "56", info: true},
		"INFO":             {pass: "5*6", info: true},
		"INFO in two ways": {pass: "5*6", info: true, there: alaw},
	} {
		synctest.Test(t, func(t *testing.T) {
			a, b := newLine(t, nil, tc.here), newLine(t, nil, tc.there)
			time.Sleep(100 * time.Millisecond)
			j := join(t, a, b, interpreter.BridgeOptions{KeepKeys: tc.keep})
			if tc.info {
				for _, k := range "5*6" {
					a.Key(byte(k), 100*time.Millisecond)
					time.Sleep(300 * time.Millisecond)
				}
			} else {
				press(t, a.phone, "5*6")
			}
			press(t, b.phone, "7*")
			time.Sleep(time.Second)
			if err := j.end(); err != nil {
				t.Error(err)
			}
			if got := keys(a.Half); got != tc.stay {
				t.Errorf("%s: keys %q stayed, want %q", name, got, tc.stay)
			}
			if got := keys(b.phone); got != tc.pass {
				t.Errorf("%s: keys %q passed, want %q", name, got, tc.pass)
			}
			if back, own := keys(a.phone), keys(b.Half); (back != "7*") != tc.lost || own != "" {
				t.Errorf("%s: of the other party's 7* came %q, and %q stayed with it", name, back, own)
			}
			press(t, a.phone, "9")
			time.Sleep(100 * time.Millisecond)
			if got := keys(a.Half); got != "9" {
				t.Errorf("%s: after the bridge: keys %q, want 9", name, got)
			}
		})
	}
}

func TestBridgeRecording(t *testing.T) {
	for name, tc := range map[string]struct {
		o          interpreter.BridgeOptions
		low, high  time.Duration
		stereo     bool
		from, long time.Duration
		other      func(*terms)
	}{
		"mixed": {low: time.Second, high: time.Second, long: 3 * time.Second},
		"inbound": {o: interpreter.BridgeOptions{Track: "inbound", Stereo: true}, low: time.Second,
			long: 3 * time.Second}, "outbound": {o: interpreter.BridgeOptions{Track: "outbound"}, high: time.Second,
			long: 3 * time.Second},
		"two channels": {o: interpreter.BridgeOptions{Stereo: true, Track: "both"}, low: time.Second, high: time.Second,
			stereo: true, long: 3 * time.Second}, "rung before": {o: interpreter.BridgeOptions{Lead: 30 * time.Second},
			low: time.Second, high: time.Second, from: 30 * time.Second, long: 33 * time.Second},
		"two rates": {low: time.Second, high: time.Second, long: 3 * time.Second, other: wide},
	} {
		synctest.Test(t, func(t *testing.T) {
			a, b, d := newLine(t, nil, nil), newLine(t, nil, tc.other), &disk{}
			tc.o.Record = d
			j := join(t, a, b, tc.o)
			a.say(t, "600/1000")
			b.say(t, "850/1000")
			time.Sleep(time.Second)
			if err := j.end(); err != nil {
				t.Errorf("%s: %v", name, err)
			}
			left, right := channels(d, tc.stereo)
			long := time.Duration(len(left)) * time.Second / 8000
			if !near(long, tc.long, 60*time.Millisecond) {
				t.Errorf("%s: the file lasts %v, want %v", name, long, tc.long)
			}
			if got := left.tone(lowTone); !near(got, tc.low, 80*time.Millisecond) {
				t.Errorf("%s: %v of a, want %v", name, got, tc.low)
			}
			if got := right.tone(highTone); !near(got, tc.high, 80*time.Millisecond) {
				t.Errorf("%s: %v of b, want %v", name, got, tc.high)
			}
			if tc.stereo && (left.tone(highTone) > 0 || right.tone(lowTone) > 0) {
				t.Errorf("%s: the parties are not apart", name)
			}
			if first, _ := left.bounds(); tc.low > 0 && !near(time.Duration(first)*20*time.Millisecond, tc.from,
				100*time.Millisecond) {
				t.Errorf("%s: sound begins with frame %d, want it after %v", name, first, tc.from)
			}
		})
	}
}

// channels reads what is on the disk; a file of one channel counts as both.
func channels(d *disk, stereo bool) (left, right sound) {
	var all sound
	for at := 44; at+1 < len(d.b); at += 2 {
		all = append(all, int16(uint16(d.b[at])|uint16(d.b[at+1])<<8))
	}
	if !stereo {
		return all, all
	}
	for i := 0; i+1 < len(all); i += 2 {
		left, right = append(left, all[i]), append(right, all[i+1])
	}
	return left, right
}

// A disk that fails or stands still ends the file or its sound, and never the conversation.
func TestBridgeRecordingOnBadDisk(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := newLine(t, nil, nil), newLine(t, nil, nil)
		j := join(t, a, b, interpreter.BridgeOptions{Record: &disk{room: 44 + 5000}})
		time.Sleep(2 * time.Second)
		a.say(t, "600/1000")
		time.Sleep(200 * time.Millisecond)
		if got := b.heard().tone(lowTone); !near(got, time.Second, 60*time.Millisecond) {
			t.Errorf("b heard a for %v, want 1 s", got)
		}
		if err := j.end(); interpreter.CodeOf(err) != interpreter.CodeRecording || !errors.Is(err, errFull) {
			t.Errorf("%v, want a fault 90004", err)
		}
	})
	synctest.Test(t, func(t *testing.T) {
		a, b, d, writes := newLine(t, nil, nil), newLine(t, nil, nil), &disk{}, 0
		d.delay = func() time.Duration {
			if writes++; writes == 3 {
				return 5 * time.Second
			}
			return 0
		}
		j := join(t, a, b, interpreter.BridgeOptions{Record: d, Stereo: true})
		said := make(chan struct{})
		go func() { defer close(said); a.say(t, "600/10000") }()
		b.say(t, "850/10000")
		<-said
		if err := j.end(); err != nil {
			t.Error(err)
		}
		left, right := channels(d, true)
		if long := time.Duration(len(left)) * time.Second / 8000; !near(long, 10*time.Second, 60*time.Millisecond) {
			t.Errorf("the file lasts %v, want 10 s", long)
		}
		if l, r := left.tone(lowTone), right.tone(highTone); l < 6*time.Second || !near(l, r, 100*time.Millisecond) {
			t.Errorf("%v of a and %v of b, want both alike and more than 6 s", l, r)
		}
	})
}

// Whichever half ends, the join ends with it, and the other lives on.
func TestJoinEndsWithEitherHalf(t *testing.T) {
	for _, name := range []string{"a", "b"} {
		synctest.Test(t, func(t *testing.T) {
			a, b := newLine(t, nil, nil), newLine(t, nil, nil)
			d := &disk{}
			j := join(t, a, b, interpreter.BridgeOptions{Record: d, KeepKeys: "*"})
			time.Sleep(time.Second)
			gone, left := a, b
			if name == "b" {
				gone, left = b, a
			}
			gone.Close()
			synctest.Wait()
			select {
			case <-j.over:
			default:
				t.Fatalf("%s is closed and the join goes on", name)
			}
			if j.err != nil {
				t.Errorf("%s closed: %v", name, j.err)
			}
			if got := d.clip(t).Duration(); !near(got, time.Second, 40*time.Millisecond) {
				t.Errorf("%s closed: the file lasts %v, want 1 s", name, got)
			}
			if err := left.Play(t.Context(), interpreter.Prompt{Tone: "600/500"}); err != nil {
				t.Errorf("%s closed: %v", name, err)
			}
			time.Sleep(200 * time.Millisecond)
			if got := left.heard().tone(lowTone); !near(got, 500*time.Millisecond, 20*time.Millisecond) {
				t.Errorf("%s closed: the other one heard %v of a tone, want 0.5 s", name, got)
			}
		})
	}
}

func TestSecondJoin(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b, c := newLine(t, nil, nil), newLine(t, nil, nil), newLine(t, nil, nil)
		j := join(t, a, b, interpreter.BridgeOptions{})
		for _, pair := range [][2]*line{{a, c}, {c, b}, {b, a}, {c, c}} {
			if err := pair[0].Join(t.Context(), pair[1].Half, interpreter.BridgeOptions{}); !errors.Is(err, rtpio.ErrBridged) {
				t.Errorf("%v, want ErrBridged", err)
			}
		}
		a.say(t, "600/500")
		time.Sleep(200 * time.Millisecond)
		if got := b.heard().tone(lowTone); !near(got, 500*time.Millisecond, 40*time.Millisecond) {
			t.Errorf("b heard a for %v, want 0.5 s", got)
		}
		if err := j.end(); err != nil {
			t.Error(err)
		}
		again := join(t, c, b, interpreter.BridgeOptions{})
		c.say(t, "600/500")
		time.Sleep(200 * time.Millisecond)
		if got := b.heard().tone(lowTone); !near(got, 500*time.Millisecond, 40*time.Millisecond) {
			t.Errorf("joined anew: b heard c for %v, want 0.5 s", got)
		}
		again.end() //nolint:errcheck // it was looked at before
	})
}

// A prompt to one party of a bridge is heard in the place of the other, who is heard again after it.
func TestPromptInBridge(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := newLine(t, nil, nil), newLine(t, nil, nil)
		j := join(t, a, b, interpreter.BridgeOptions{})
		go b.say(t, "850/3000")
		time.Sleep(time.Second)
		if err := a.Play(t.Context(), interpreter.Prompt{Tone: "600/1000"}); err != nil {
			t.Error(err)
		}
		time.Sleep(1500 * time.Millisecond)
		s := a.heard()
		if low, high := s.tone(lowTone), s.tone(highTone); !near(low, time.Second, 60*time.Millisecond) ||
			!near(high, 2*time.Second, 100*time.Millisecond) {
			t.Errorf("heard %v of the prompt and %v of the other party, want 1 s and 2 s", low, high)
		}
		j.end() //nolint:errcheck // looked at elsewhere
	})
}
