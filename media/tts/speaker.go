package tts

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"pintle/media"
	"pintle/media/file"
)

// Options configure a Speaker.
type Options struct {
	// Engines in the order of preference; see Installed.
	Engines []Engine
	// Dir keeps what was spoken over restarts, up to DiskBytes (256 MiB if zero); empty keeps it in memory alone.
	Dir       string
	DiskBytes int64
	// MemoryBytes bounds the sound kept in memory (32 MiB if zero).
	MemoryBytes int64
}

// Speaker is the Provider over all engines of a machine. It is safe for concurrent use.
type Speaker struct {
	engines []Engine
	kept    *store
}

var _ Provider = (*Speaker)(nil)

// New returns a speaker.
func New(o Options) (*Speaker, error) {
	kept, err := newStore(o)
	if err != nil {
		return nil, fmt.Errorf("open speech cache: %w", err)
	}
	return &Speaker{engines: o.Engines, kept: kept}, nil
}

// Installed returns the engines this machine has, in the usual order: our recordings, the flite program (which
// is many times faster than the module and sounds the same), flite's module, espeak-ng. What is missing is left out;
// closeAll ends the module.
func Installed(ctx context.Context, o FliteOptions) (engines []Engine, closeAll func() error) {
	engines, closeAll = []Engine{Recorded{}}, func() error { return nil }
	if p, err := NewFliteProgram(); err == nil {
		engines = append(engines, p)
	}
	if f, err := NewFlite(o); err == nil {
		engines, closeAll = append(engines, f), f.Close
	}
	if e, err := NewEspeak(ctx); err == nil {
		engines = append(engines, e)
	}
	return engines, closeAll
}

// Synthesize returns a *Speech as soon as its first piece can be played; the rest is made meanwhile, until ctx ends.
// The error wraps ErrNoVoice when no engine speaks the language; an engine that fails is followed by the next.
func (s *Speaker) Synthesize(ctx context.Context, u Utterance) (media.Source, error) {
	u = u.clean()
	if u.SampleRate%50 != 0 {
		return nil, fmt.Errorf("speak: %d Hz has no whole frames", u.SampleRate)
	}
	voice := Lookup(u.Voice, u.Language)
	var failed error
	for _, e := range s.choose(voice) {
		sp := &Speech{rate: u.SampleRate, name: e.engine.Name()}
		pieces := e.plan(u)
		next := func(i int) (*file.Clip, error) { return s.piece(ctx, e.engine, pieces[i], u) }
		if err := sp.begin(ctx, len(pieces), next); err == nil {
			return sp, nil
		} else if cause := context.Cause(ctx); cause != nil {
			return nil, cause
		} else if !errors.Is(err, errNotRecorded) {
			failed = errors.Join(failed, fmt.Errorf("%s: %w", e.engine.Name(), err))
		}
	}
	if failed != nil {
		return nil, fmt.Errorf("speak: %w", failed)
	}
	return nil, fmt.Errorf("speak %s: %w", voice.Language, ErrNoVoice)
}

// Close closes the directory. Speech that is still being made is then not kept.
func (s *Speaker) Close() error {
	if s.kept.root == nil {
		return nil
	}
	return s.kept.root.Close()
}

// choice is an engine with its voice.
type choice struct {
	engine Engine
	voice  string
}

// choose lists the engines that speak the language; one that still has to be compiled goes behind the others, and is
// being compiled from now on.
func (s *Speaker) choose(v Voice) []choice {
	var now, later []choice
	for _, e := range s.engines {
		name, ok := e.Voice(v)
		if !ok {
			continue
		}
		w, warms := e.(interface {
			Warm()
			Ready() bool
		})
		if warms && !w.Ready() {
			w.Warm()
			later = append(later, choice{e, name})
			continue
		}
		now = append(now, choice{e, name})
	}
	return append(now, later...)
}

// piece is something to say, or else a silence.
type piece struct {
	say     Sentence
	silence time.Duration
}

// plan divides an utterance for the engine.
func (c choice) plan(u Utterance) []piece {
	if _, reads := c.engine.(interface{ ReadsSSML() }); reads && u.SSML != "" {
		return []piece{{say: Sentence{Text: u.SSML, SSML: true, Voice: c.voice, Rate: u.Rate}}}
	}
	divide := sentences
	if c.engine.Name() == recordedName {
		divide = func(text string) []string { return []string{text} } // recorded as a whole
	}
	var out []piece
	for _, s := range u.Segments {
		if s.Text != "" {
			for _, text := range divide(s.Text) {
				out = append(out, piece{say: Sentence{Text: text, Voice: c.voice, Rate: u.Rate}})
			}
		}
		if s.Break > 0 {
			out = append(out, piece{silence: s.Break})
		}
	}
	return out
}

// piece makes the sound of a piece at the rate of the utterance, and encodes it if asked.
func (s *Speaker) piece(ctx context.Context, e Engine, p piece, u Utterance) (*file.Clip, error) {
	clip := file.NewClip("silence", u.SampleRate, make([]int16, media.Samples(u.SampleRate, p.silence)))
	if p.say.Text != "" {
		var err error
		if clip, err = s.kept.speak(ctx, e, p.say); err != nil {
			return nil, err
		}
	}
	clip, err := clip.At(u.SampleRate)
	if err != nil {
		return nil, err
	}
	if u.Codec.New != nil && u.Codec.SampleRate == u.SampleRate {
		err = clip.Prepare(u.Codec)
	}
	return clip, err
}

// Speech is spoken text as a source at the rate that was asked for. It ends early when the context of Synthesize ends.
type Speech struct {
	rate int
	name string
	work sync.WaitGroup

	mu    sync.Mutex
	clips []*file.Clip // made and not yet begun
	done  bool         // no more will come
	err   error

	now *file.Player // belongs to the reader
}

var _ media.EncodedSource = (*Speech)(nil)

// begin makes the first piece at once and the others beside.
func (s *Speech) begin(ctx context.Context, pieces int, next func(i int) (*file.Clip, error)) error {
	if pieces == 0 {
		s.done = true
		return nil
	}
	first, err := next(0)
	if err != nil {
		return err
	}
	s.clips, s.done = append(s.clips, first), pieces == 1
	if s.done {
		return nil
	}
	s.work.Go(func() {
		for i := 1; i < pieces; i++ {
			c, err := next(i)
			s.add(c, err, i == pieces-1)
			if err != nil || ctx.Err() != nil {
				return
			}
		}
	})
	return nil
}

func (s *Speech) add(c *file.Clip, err error, last bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err == nil {
		s.clips = append(s.clips, c)
	}
	s.err, s.done = err, last || err != nil
}

// Wait returns when nothing is being made any more, with the error that cut the speech short. Cancel the context of
// Synthesize first to end it early.
func (s *Speech) Wait() error {
	s.work.Wait()
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.err
}

// advance makes now the piece to play. It reports io.EOF after the last, and nil with now nil when the next one is not
// ready.
func (s *Speech) advance() error {
	if s.now != nil {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.clips) == 0 {
		if s.done {
			return io.EOF
		}
		return nil
	}
	s.now = s.clips[0].Play(file.PlayOptions{})
	s.clips = s.clips[1:]
	return nil
}

// ReadFrame gives the next 20 ms, or no samples while the next piece is not ready.
func (s *Speech) ReadFrame(dst media.Frame) (int, error) {
	for {
		if err := s.advance(); err != nil || s.now == nil {
			return 0, err
		}
		n, err := s.now.ReadFrame(dst)
		if errors.Is(err, io.EOF) {
			s.now = nil
			if n == 0 {
				continue
			}
			err = nil
		}
		return n, err
	}
}

// ReadEncoded gives the payload of the next 20 ms when the utterance asked for this codec.
func (s *Speech) ReadEncoded(c media.Codec) ([]byte, bool, error) {
	for {
		if err := s.advance(); err != nil || s.now == nil {
			return nil, err != nil, err
		}
		p, ok, err := s.now.ReadEncoded(c)
		if errors.Is(err, io.EOF) {
			s.now = nil
			if len(p) == 0 {
				continue
			}
			err = nil
		}
		return p, ok, err
	}
}

// Rate is the rate of the frames it gives.
func (s *Speech) Rate() int { return s.rate }

// String names the engine for traces.
func (s *Speech) String() string { return fmt.Sprintf("speech(%s)", s.name) }
