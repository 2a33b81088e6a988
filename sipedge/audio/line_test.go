package audio

import (
	"bytes"
	"context"
	"errors"
	"io"
	"math"
	"slices"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"pintle/interpreter"
	"pintle/media"
	"pintle/media/codec"
	"pintle/media/file"
	"pintle/media/rtpio"
	"pintle/media/tts"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// Tones that are told apart in windows of 20 ms.
const (
	lowTone  = 600
	highTone = 850
)

// line is a half of the engine and its party's telephone, which is a half too.
type line struct {
	*Half
	phone  *Half
	events *events
	ear    *media.Tap // what the telephone hears
	end    *rtpio.End // where packets to the engine arrive
}

// terms are the two ends of what was agreed.
type terms struct{ here, there rtpio.Params }

// newLine joins a half with a telephone. It lives in a bubble.
func newLine(t *testing.T, sounds *Sounds, change func(*terms)) *line {
	t.Helper()
	here, there := rtpio.Pair()
	pcmu, _ := codec.ByName("PCMU", 8000)
	p := rtpio.Params{Codec: pcmu, SendType: pcmu.PayloadType, RecvType: pcmu.PayloadType, EventSend: 101, EventRecv: 101}
	a := terms{here: p, there: p}
	a.here.Remote, a.there.Remote = there.LocalAddr(), here.LocalAddr()
	if change != nil {
		change(&a)
	}
	if sounds == nil {
		sounds = &Sounds{}
	}
	l := &line{events: &events{}, end: here, ear: media.NewTap(a.there.Codec.SampleRate, 10*time.Minute)}
	l.Half = newHalf(t, here, sounds)
	l.Trace(l.events.add)
	l.phone = newHalf(t, there, &Sounds{})
	for h, p := range map[*Half]rtpio.Params{l.Half: a.here, l.phone: a.there} {
		if err := h.Update(p); err != nil {
			t.Fatal(err)
		}
	}
	l.phone.AddTap(rtpio.Received, l.ear)
	return l
}

func newHalf(t *testing.T, end *rtpio.End, s *Sounds) *Half {
	t.Helper()
	pacer := media.NewPacer()
	h, err := Open(rtpio.Options{RTP: end, Pace: pacer}, s, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		h.Close()
		pacer.Close()
	})
	return h
}

// heard takes what the telephone has heard since the last time.
func (l *line) heard() sound { return taken(l.ear) }

func taken(tap *media.Tap) sound {
	var all sound
	f := make(media.Frame, media.MaxFrame)
	for tap.Len() > 0 {
		n, _ := tap.ReadFrame(f)
		all = append(all, f[:n]...)
	}
	return all
}

// say lets the telephone speak.
func (l *line) say(t *testing.T, tone string) {
	t.Helper()
	if err := l.phone.Play(t.Context(), interpreter.Prompt{Tone: tone}); err != nil {
		t.Error(err)
	}
}

// keys takes the keys that wait at a half.
func keys(h *Half) string {
	var b []byte
	for {
		select {
		case d := <-h.Digits():
			b = append(b, d.Key)
		default:
			return string(b)
		}
	}
}

// sound is 8 kHz mono.
type sound []int16

const window = 160

// tone is how long a tone was the main part of the sound, at any rate of samples that suits.
func (s sound) tone(hz float64) time.Duration { return s.at(8000).tone(hz) }

type rated struct {
	sound
	rate int
}

func (s sound) at(rate int) rated { return rated{s, rate} }

func (s rated) tone(hz float64) time.Duration {
	n, size := 0, s.rate/50
	for at := 0; at+size <= len(s.sound); at += size {
		w := s.sound[at : at+size]
		var re, im, energy float64
		for i, v := range w {
			a := 2 * math.Pi * hz * float64(i) / float64(s.rate)
			re, im = re+float64(v)*math.Cos(a), im+float64(v)*math.Sin(a)
			energy += float64(v) * float64(v)
		}
		if media.Level(media.Frame(w)) > -45 && (re*re+im*im)*2/float64(len(w))/energy > 0.6 {
			n++
		}
	}
	return time.Duration(n) * media.FrameDuration
}

// loud is how long there was any sound.
func (s sound) loud() time.Duration {
	n := 0
	for w := range slices.Chunk(s, window) {
		if media.Level(media.Frame(w)) > -45 {
			n++
		}
	}
	return time.Duration(n) * media.FrameDuration
}

func near(got, want, off time.Duration) bool { return got >= want-off && got <= want+off }

// sine makes a clip.
func sine(name string, hz float64, d time.Duration) *file.Clip {
	s := make([]int16, media.Samples(8000, d))
	for i := range s {
		s[i] = int16(8000 * math.Sin(2*math.Pi*hz*float64(i)/8000))
	}
	return file.NewClip(name, 8000, s)
}

// wav is a clip as a file.
func wav(t *testing.T, c *file.Clip) []byte {
	t.Helper()
	var b bytes.Buffer
	w, err := file.NewWriter(&b, c.Rate(), 1)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(w.WriteFrame(c.Samples()), w.Close()); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// files is a Files of functions.
type files func(ctx context.Context, url string) (*file.Clip, error)

func (f files) Get(ctx context.Context, url string) (*file.Clip, error) { return f(ctx, url) }

// voice is a tts.Provider of functions.
type voice func(ctx context.Context, u tts.Utterance) (media.Source, error)

func (v voice) Synthesize(ctx context.Context, u tts.Utterance) (media.Source, error) {
	return v(ctx, u)
}

// events keeps what a half told.
type events struct {
	mu  sync.Mutex
	all []interpreter.Event
}

func (e *events) add(ev interpreter.Event) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.all = append(e.all, ev)
}

func (e *events) texts() []string {
	e.mu.Lock()
	defer e.mu.Unlock()
	var s []string
	for _, ev := range e.all {
		s = append(s, ev.Text)
	}
	return s
}

// disk is a file in memory. It may be slow, and full.
type disk struct {
	mu    sync.Mutex
	b     []byte
	at    int64
	room  int                  // octets it takes; 0: any number
	delay func() time.Duration // of the next write; nil: none
}

var errFull = errors.New("no space left")

func (d *disk) Write(p []byte) (int, error) {
	if d.delay != nil {
		time.Sleep(d.delay())
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	n := len(p)
	if d.room > 0 && int(d.at)+n > d.room {
		n = max(0, d.room-int(d.at))
	}
	d.put(p[:n], d.at)
	d.at += int64(n)
	if n < len(p) {
		return n, errFull
	}
	return n, nil
}

func (d *disk) put(p []byte, at int64) {
	if need := int(at) + len(p); need > len(d.b) {
		d.b = append(d.b, make([]byte, need-len(d.b))...)
	}
	copy(d.b[at:], p)
}

func (d *disk) Seek(off int64, whence int) (int64, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if whence == io.SeekCurrent {
		off += d.at
	}
	d.at = off
	return off, nil
}

// clip opens what is on the disk now.
func (d *disk) clip(t *testing.T) *file.Clip {
	t.Helper()
	d.mu.Lock()
	defer d.mu.Unlock()
	c, err := file.Open(bytes.NewReader(d.b), file.Hint{Name: "recording.wav"})
	if err != nil {
		t.Fatalf("open what was recorded: %v", err)
	}
	return c
}

func (d *disk) sound(t *testing.T) sound { return d.clip(t).Samples() }
