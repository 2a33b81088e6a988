package audio

import (
	"bytes"
	"context"
	"errors"
	"io"
	"testing"
	"testing/synctest"
	"time"

	"pintle/interpreter"
	"pintle/media"
	"pintle/media/codec"
	"pintle/media/dtmf"
	"pintle/media/file"
	"pintle/media/rtpio"
)

// started is a recording under way.
type started struct {
	got  interpreter.Recorded
	err  error
	took time.Duration
	over chan struct{}
}

func record(ctx context.Context, l *line, w io.WriteSeeker, o interpreter.RecordOptions) *started {
	s := &started{over: make(chan struct{})}
	began := time.Now()
	go func() {
		defer close(s.over)
		s.got, s.err = l.Record(ctx, w, o)
		s.took = time.Since(began)
	}()
	return s
}

func TestRecordToMaxLength(t *testing.T) {
	for name, wrap := range map[string]func(d *disk) io.WriteSeeker{
		"seeking": func(d *disk) io.WriteSeeker { return d },
		"writing at": func(d *disk) io.WriteSeeker {
			return struct {
				io.WriteSeeker
				io.WriterAt
			}{d, &seekAt{d}}
		},
	} {
		synctest.Test(t, func(t *testing.T) {
			l, d := newLine(t, nil, nil), &disk{}
			s := record(t.Context(), l, wrap(d), interpreter.RecordOptions{MaxLength: 2 * time.Second, Silence: time.Minute})
			l.say(t, "600/3000")
			<-s.over
			want := interpreter.Recorded{Length: 2 * time.Second, Trimmed: 2 * time.Second, Why: interpreter.RecordMaxLength}
			if s.got != want || s.err != nil || !near(s.took, 2*time.Second, 20*time.Millisecond) {
				t.Errorf("%s: %+v, %v after %v; want %+v", name, s.got, s.err, s.took, want)
			}
			if c := d.clip(t); c.Duration() != 2*time.Second || sound(c.Samples()).tone(lowTone) < 1900*time.Millisecond {
				t.Errorf("%s: the file lasts %v, %v of it the tone", name, c.Duration(), sound(c.Samples()).tone(lowTone))
			}
		})
	}
}

// So much silence ends a recording, from its start too, whatever the length of packets.
func TestRecordToSilence(t *testing.T) {
	for _, ptime := range []time.Duration{10 * time.Millisecond, 20 * time.Millisecond, 60 * time.Millisecond} {
		synctest.Test(t, func(t *testing.T) {
			l := newLine(t, nil, func(a *terms) { a.there.Ptime = ptime })
			time.Sleep(time.Second)
			s := record(t.Context(), l, &disk{}, interpreter.RecordOptions{Silence: 2 * time.Second})
			<-s.over
			if s.got.Why != interpreter.RecordSilence || s.err != nil || !near(s.took, 2*time.Second, 100*time.Millisecond) {
				t.Errorf("packets of %v: silence: %+v, %v after %v, want silence after 2 s", ptime, s.got, s.err, s.took)
			}
			s = record(t.Context(), l, &disk{}, interpreter.RecordOptions{Silence: 2 * time.Second})
			time.Sleep(time.Second)
			l.say(t, "600/1000")
			<-s.over
			if s.got.Why != interpreter.RecordSilence || !near(s.took, 4*time.Second, 150*time.Millisecond) {
				t.Errorf("packets of %v: speech: %+v after %v, want silence after 4 s", ptime, s.got, s.took)
			}
		})
	}
}

// While no packets come nobody is silent.
func TestSilenceNeedsPackets(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLine(t, nil, nil)
		time.Sleep(time.Second)
		s := record(t.Context(), l, &disk{}, interpreter.RecordOptions{Silence: 2 * time.Second})
		time.Sleep(time.Second)
		p := rtpio.Params{Codec: l.phone.params(), EventSend: 101, EventRecv: 101, Remote: l.Local(),
			Direction: rtpio.RecvOnly}
		if err := l.phone.Update(p); err != nil {
			t.Fatal(err)
		}
		time.Sleep(10 * time.Second)
		p.Direction = rtpio.SendRecv
		if err := l.phone.Update(p); err != nil {
			t.Fatal(err)
		}
		<-s.over
		if !near(s.took, 12*time.Second, 250*time.Millisecond) || !near(s.got.Length, s.took, 40*time.Millisecond) {
			t.Errorf("ended after %v with length %v, want 12 s: ten of them without packets", s.took, s.got.Length)
		}
	})
}

// untilKey records until a key of the party, as the verb does.
func untilKey(t *testing.T, l *line, d *disk, o interpreter.RecordOptions, press func()) *started {
	t.Helper()
	ctx, cancel := context.WithCancelCause(t.Context())
	s := record(ctx, l, d, o)
	go press()
	cancel(&interpreter.Pressed{Digit: <-l.Digits()})
	<-s.over
	return s
}

func TestKeyEndsRecording(t *testing.T) {
	for name, inband := range map[string]bool{"tone": true, "event": false} {
		synctest.Test(t, func(t *testing.T) {
			l := newLine(t, nil, func(a *terms) {
				if inband {
					a.here.Inband, a.here.EventRecv, a.there.EventSend = true, 0, 0
				}
			})
			d := &disk{}
			s := untilKey(t, l, d, interpreter.RecordOptions{}, func() {
				l.say(t, "600/1000,0/500")
				l.phone.Play(t.Context(), interpreter.Prompt{Digits: "5"}) //nolint:errcheck // what comes of it is looked at
			})
			var key *interpreter.Pressed
			if !errors.As(s.err, &key) || key.Digit.Key != '5' || s.got.Why != interpreter.RecordCancelled {
				t.Errorf("%s: %+v, %v; want cancelled by 5", name, s.got, s.err)
			}
			cut := s.got.Length - s.got.Trimmed
			if want := map[bool]time.Duration{true: 120 * time.Millisecond}[inband]; cut != want {
				t.Errorf("%s: %v were cut, want %v", name, cut, want)
			}
			f := d.sound(t)
			if got := f.loud(); !near(got, time.Second, 60*time.Millisecond) {
				t.Errorf("%s: %v of sound in the file, want 1 s: what was said, not the key", name, got)
			}
			if heardKey(f) {
				t.Errorf("%s: the key is heard in the file", name)
			}
		})
	}
}

func heardKey(s sound) bool {
	det := dtmf.NewDetector(8000)
	for at := 0; at+window <= len(s); at += window {
		if _, ok := det.Write(media.Frame(s[at : at+window])); ok {
			return true
		}
	}
	return false
}

// Silence is cut off both ends, also before a key that is a tone; nothing but silence leaves nothing.
func TestTrim(t *testing.T) {
	for _, inband := range []bool{false, true} {
		for said, want := range map[string]time.Duration{
			"0/1000,600/1000,0/1500": 1300 * time.Millisecond, // 100 ms at each end, 200 ms of hang-over
			"600/500,0/2000,600/500": 3050 * time.Millisecond,
			"0/3000":                 0,
			// A pause of more than is held back lasts as long in the file.
			"600/500,0/45000,0/45000,600/500,0/35000,0/35000": 91300 * time.Millisecond,
		} {
			synctest.Test(t, func(t *testing.T) {
				l := newLine(t, nil, func(a *terms) {
					if inband {
						a.here.Inband, a.here.EventRecv, a.there.EventSend = true, 0, 0
					}
				})
				time.Sleep(200 * time.Millisecond)
				d := &disk{}
				s := untilKey(t, l, d, interpreter.RecordOptions{Trim: true}, func() {
					l.say(t, said)
					l.phone.Play(t.Context(), interpreter.Prompt{Digits: "#"}) //nolint:errcheck // the key is waited for
				})
				if !near(s.got.Trimmed, want, 150*time.Millisecond) || (want == 0 && s.got.Trimmed != 0) {
					t.Errorf("%s, key a tone %t: %v kept of %v, want %v", said, inband, s.got.Trimmed, s.got.Length, want)
				}
				if want == 0 {
					return
				}
				if c := d.clip(t); c.Duration() != s.got.Trimmed || heardKey(c.Samples()) {
					t.Errorf("%s, key a tone %t: file of %v with key: %t", said, inband, c.Duration(), heardKey(c.Samples()))
				}
			})
		}
	}
}

// Whatever ends a recording from outside, the file is complete and the cause comes back.
func TestRecordingIsCutShort(t *testing.T) {
	for name, end := range map[string]func(l *line, cancel context.CancelCauseFunc){
		"hang-up": func(_ *line, cancel context.CancelCauseFunc) { cancel(errHangup) },
		"close":   func(l *line, _ context.CancelCauseFunc) { l.Close() },
		"both":    func(l *line, cancel context.CancelCauseFunc) { cancel(errHangup); l.Close() },
	} {
		synctest.Test(t, func(t *testing.T) {
			l, d := newLine(t, nil, nil), &disk{}
			ctx, cancel := context.WithCancelCause(t.Context())
			defer cancel(nil)
			s := record(ctx, l, d, interpreter.RecordOptions{MaxLength: time.Minute, Silence: time.Minute, Trim: false})
			go l.phone.Play(ctx, interpreter.Prompt{Tone: "600/2000"}) //nolint:errcheck // the call ends before
			time.Sleep(1505 * time.Millisecond)
			end(l, cancel)
			<-s.over
			want := error(errHangup)
			if name == "close" {
				want = interpreter.ErrCallOver
			}
			if s.err != want || s.got.Why != interpreter.RecordCancelled || s.took > 1510*time.Millisecond {
				t.Errorf("%s: %+v, %v after %v; want %v at once", name, s.got, s.err, s.took, want)
			}
			if !near(s.got.Length, 1500*time.Millisecond, 20*time.Millisecond) || s.got.Trimmed != s.got.Length ||
				d.clip(t).Duration() != s.got.Length {
				t.Errorf("%s: %+v, file of %v; want 1.5 s", name, s.got, d.clip(t).Duration())
			}
		})
	}
}

func TestRecordingOnFullDisk(t *testing.T) {
	for name, room := range map[string]int{"at once": 20, "later": 44 + 3*8000 + 100} {
		synctest.Test(t, func(t *testing.T) {
			l, d := newLine(t, nil, nil), &disk{room: room}
			s := record(t.Context(), l, d, interpreter.RecordOptions{MaxLength: time.Minute, Silence: 20 * time.Second})
			<-s.over
			if s.got.Why != interpreter.RecordFault || interpreter.CodeOf(s.err) != interpreter.CodeRecording ||
				!errors.Is(s.err, errFull) {
				t.Errorf("%s: %+v, %v; want a fault 90004", name, s.got, s.err)
			}
			if name == "at once" {
				return
			}
			if c := d.clip(t); !near(c.Duration(), s.got.Trimmed, 10*time.Millisecond) || s.got.Length < s.got.Trimmed ||
				s.got.Length > 3*time.Second {
				t.Errorf("%s: %+v, file of %v", name, s.got, c.Duration())
			}
		})
	}
	synctest.Test(t, func(t *testing.T) { // the last octets
		l, d := newLine(t, nil, nil), &disk{room: 44 + 16000}
		s := record(t.Context(), l, d, interpreter.RecordOptions{MaxLength: 1100 * time.Millisecond})
		<-s.over
		if s.got.Why != interpreter.RecordFault || interpreter.CodeOf(s.err) != interpreter.CodeRecording {
			t.Errorf("the last octets: %+v, %v; want a fault 90004", s.got, s.err)
		}
	})
}

// A process that dies leaves a file that plays as far as it goes.
func TestFileIsWholeAtAnyMoment(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, d := newLine(t, nil, nil), &disk{}
		s := record(t.Context(), l, d, interpreter.RecordOptions{MaxLength: 4 * time.Second})
		go l.phone.Play(t.Context(), interpreter.Prompt{Tone: "600/4000"}) //nolint:errcheck // it outlasts the recording
		for at := 100 * time.Millisecond; at < 4*time.Second; at += 100 * time.Millisecond {
			time.Sleep(100 * time.Millisecond)
			synctest.Wait()
			if at < time.Second {
				continue // not even half a second was handed on
			}
			if got := d.clip(t).Duration(); got > at || got < at-700*time.Millisecond {
				t.Errorf("after %v the file lasts %v", at, got)
			}
		}
		<-s.over
	})
}

// A disk that stands still for ten seconds costs the sound of that time, and not its length.
func TestSlowDisk(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, d, writes := newLine(t, nil, nil), &disk{}, 0
		d.delay = func() time.Duration {
			if writes++; writes == 4 {
				return 10 * time.Second
			}
			return 0
		}
		go l.phone.Play(t.Context(), interpreter.Prompt{Tone: "600/20000"}) //nolint:errcheck // it outlasts the recording
		ctx, cancel := context.WithCancelCause(t.Context())
		s := record(ctx, l, d, interpreter.RecordOptions{})
		time.Sleep(15 * time.Second)
		cancel(errHangup)
		<-s.over
		if !near(s.got.Length, 15*time.Second, 40*time.Millisecond) || d.clip(t).Duration() != s.got.Length {
			t.Errorf("%+v, file of %v; want 15 s", s.got, d.clip(t).Duration())
		}
		if got := d.sound(t).tone(lowTone); !near(got, 7*time.Second, 300*time.Millisecond) {
			t.Errorf("%v of sound, want 7 s: 8 are lost", got)
		}

		writes = 0
		s = record(t.Context(), l, &disk{delay: d.delay}, interpreter.RecordOptions{MaxLength: 6 * time.Second})
		<-s.over
		if s.got.Length != 6*time.Second || s.got.Why != interpreter.RecordMaxLength {
			t.Errorf("%+v, want 6 s: time that was lost counts for the limit", s.got)
		}
	})
}

// The disk stands still until after the end: what was lost last counts too.
func TestSlowDiskAtTheEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, d, writes := newLine(t, nil, nil), &disk{}, 0
		d.delay = func() time.Duration {
			if writes++; writes == 2 {
				return 10 * time.Second
			}
			return 0
		}
		ctx, cancel := context.WithCancelCause(t.Context())
		s := record(ctx, l, d, interpreter.RecordOptions{})
		time.Sleep(8 * time.Second)
		cancel(errHangup)
		<-s.over
		if s.got.Length < 8*time.Second || s.got.Length != d.clip(t).Duration() {
			t.Errorf("%+v, file of %v; want 8 s and more", s.got, d.clip(t).Duration())
		}
	})
}

func TestRecordWideband(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, d := newLine(t, nil, wide), &disk{}
		s := record(t.Context(), l, d, interpreter.RecordOptions{MaxLength: time.Second})
		l.say(t, "600/1500")
		<-s.over
		c, err := file.Open(bytes.NewReader(d.b), file.Hint{Name: "a.wav"})
		if err != nil || c.Rate() != 16000 || c.Duration() != time.Second ||
			sound(c.Samples()).at(16000).tone(lowTone) < 900*time.Millisecond {
			t.Errorf("%v, rate %d, %v", err, c.Rate(), c.Duration())
		}
	})
}

// wide agrees on a codec of 16 kHz.
func wide(a *terms) {
	l16, _ := codec.ByName("L16", 16000)
	for _, p := range []*rtpio.Params{&a.here, &a.there} {
		p.Codec, p.SendType, p.RecvType = l16, 97, 97
	}
}
