package audio

import (
	"testing"
	"testing/synctest"
	"time"

	"pintle/interpreter"
	"pintle/media"
	"pintle/media/rtpio"
)

// held is what a re-INVITE that puts us on hold makes of an agreement.
func held(p rtpio.Params, d rtpio.Direction) rtpio.Params {
	p.Held, p.Direction = true, d
	return p
}

func update(t *testing.T, h *Half, p rtpio.Params) {
	t.Helper()
	if err := h.Update(p); err != nil {
		t.Fatal(err)
	}
}

// While one party holds, the other one hears music, as was asked or our own; it stops with the hold, and the recording
// is as long as the call.
func TestHoldInBridge(t *testing.T) {
	for name, o := range map[string]interpreter.BridgeOptions{
		"own":       {},
		"asked for": {Hold: interpreter.Prompt{Tone: "600"}},
		"broken":    {Hold: interpreter.Prompt{URL: "https://nowhere.example/a.wav"}},
	} {
		synctest.Test(t, func(t *testing.T) {
			var agreed terms
			a, b, d := newLine(t, nil, nil), newLine(t, nil, func(x *terms) { agreed = *x }), &disk{}
			o.Record = d
			j := join(t, a, b, o)
			b.say(t, "850/1000")
			update(t, b.Half, held(agreed.here, rtpio.RecvOnly))
			time.Sleep(100 * time.Millisecond)
			a.heard()
			b.heard()
			time.Sleep(3 * time.Second)
			music := a.heard()
			if got := music.loud(); got < 2500*time.Millisecond {
				t.Errorf("%s: the party on hold hears something for %v of 3 s", name, got)
			}
			if got := music.tone(lowTone); name == "asked for" && got < 2900*time.Millisecond {
				t.Errorf("the music asked for is heard for %v", got)
			}
			if got := b.heard().loud(); got > 0 {
				t.Errorf("%s: who holds hears %v of sound", name, got)
			}
			update(t, b.Half, held(agreed.here, rtpio.Inactive)) // another way to hold
			time.Sleep(time.Second)
			if got := a.heard().loud(); got < 800*time.Millisecond {
				t.Errorf("%s: still on hold: %v of 1 s", name, got)
			}
			update(t, b.Half, agreed.here)
			time.Sleep(100 * time.Millisecond) // what was under way
			a.heard()
			b.say(t, "850/1000")
			time.Sleep(100 * time.Millisecond)
			after := a.heard()
			if got := after.tone(highTone); !near(got, time.Second, 60*time.Millisecond) || after.tone(lowTone) > 0 {
				t.Errorf("%s: after the hold b is heard for %v, want 1 s, and %v of music", name, got, after.tone(lowTone))
			}
			if err := j.end(); err != nil {
				t.Errorf("%s: %v", name, err)
			}
			if long := d.clip(t).Duration(); !near(long, 6300*time.Millisecond, 80*time.Millisecond) {
				t.Errorf("%s: the recording lasts %v, want 6.3 s", name, long)
			}
		})
	}
}

// A bridge may begin and end on hold, with both parties.
func TestHoldAroundABridge(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var here, there terms
		a, b := newLine(t, nil, func(x *terms) { here = *x }), newLine(t, nil, func(x *terms) { there = *x })
		update(t, b.Half, held(there.here, rtpio.RecvOnly))
		j := join(t, a, b, interpreter.BridgeOptions{})
		time.Sleep(time.Second)
		if got := a.heard().loud(); got < 700*time.Millisecond {
			t.Errorf("music for %v of 1 s", got)
		}
		update(t, a.Half, held(here.here, rtpio.RecvOnly)) // nobody is left to hear anything
		time.Sleep(time.Second)
		if err := j.end(); err != nil {
			t.Error(err)
		}
		a.heard()
		update(t, a.Half, here.here)
		time.Sleep(500 * time.Millisecond)
		if got := a.heard().loud(); got > 0 {
			t.Errorf("music for %v after the bridge", got)
		}
	})
}

// A party that holds may fall silent for the time that holds are given, and no longer.
func TestSilenceOnHold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		here, there := rtpio.Pair()
		defer there.Close()
		pacer := media.NewPacer()
		defer pacer.Close()
		gone := make(chan string, 1)
		h, err := Open(rtpio.Options{RTP: here, Pace: pacer}, &Sounds{}, func(why string) { gone <- why })
		if err != nil {
			t.Fatal(err)
		}
		defer h.Close()
		update(t, h, held(rtpio.Params{Codec: codecNamed("PCMU"), Remote: there.LocalAddr()}, rtpio.RecvOnly))
		began := time.Now()
		<-gone
		if took := time.Since(began); !near(took, 30*time.Minute, time.Second) {
			t.Errorf("given up after %v, want half an hour", took)
		}
	})
}

// A re-INVITE that changes the rate of samples changes neither what is being played nor what is being recorded.
func TestRateChangesWhilePlaying(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var agreed terms
		l, d := newLine(t, nil, func(x *terms) { agreed = *x }), &disk{}
		wideband := agreed
		wide(&wideband)
		alaws := agreed
		alaw(&alaws)
		rec := record(t.Context(), l, d, interpreter.RecordOptions{MaxLength: 3 * time.Second})
		played := make(chan error, 1)
		go func() { played <- l.Play(t.Context(), interpreter.Prompt{Tone: "600/3000"}) }()
		go l.say(t, "850/3000")
		for _, next := range []terms{wideband, alaws, wideband} {
			time.Sleep(700 * time.Millisecond)
			update(t, l.Half, next.here)
			update(t, l.phone, next.there)
		}
		if err := <-played; err != nil {
			t.Error(err)
		}
		<-rec.over
		time.Sleep(200 * time.Millisecond)
		if got := l.heard().tone(lowTone); !near(got, 3*time.Second, 300*time.Millisecond) {
			t.Errorf("heard for %v, want 3 s", got)
		}
		got := d.sound(t).tone(highTone)
		if !near(got, 3*time.Second, 300*time.Millisecond) || rec.got.Length != 3*time.Second {
			t.Errorf("recorded %v of the tone in %v, want 3 s", got, rec.got.Length)
		}
	})
}
