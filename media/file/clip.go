package file

import (
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"pintle/media"
	"pintle/media/codec"
)

// The rates that clips are kept at.
const (
	NarrowRate = 8000
	WideRate   = 16000
)

// Clip is decoded sound, shared by all legs that play it. Its samples never change, so that it is safe for concurrent
// use; what it derives (other rates, encoded payloads) is made once and kept with it.
type Clip struct {
	name    string
	rate    int
	samples []int16

	mu      sync.Mutex
	rates   map[int]*derived
	encoded map[encodedKey]*shared
}

type encodedKey struct {
	name string
	rate int
}

// derived is the clip at another rate, made by whoever asks first; others wait for it without holding the clip's lock.
type derived struct {
	once sync.Once
	clip *Clip
	err  error
}

// shared is made in the same way, but those who play never wait for it: to them it is there when it is whole.
type shared struct {
	once  sync.Once
	value atomic.Pointer[encoding]
}

// NewClip returns a clip of samples at rate, which must not be changed any more. The name is for traces.
func NewClip(name string, rate int, samples []int16) *Clip {
	return &Clip{
		name: name, rate: rate, samples: samples,
		rates: map[int]*derived{}, encoded: map[encodedKey]*shared{},
	}
}

// Name is what traces call the clip.
func (c *Clip) Name() string { return c.name }

// Rate is the number of samples a second.
func (c *Clip) Rate() int { return c.rate }

// Samples are all samples. The caller must not change them.
func (c *Clip) Samples() []int16 { return c.samples }

// Duration is how long the clip plays once.
func (c *Clip) Duration() time.Duration {
	return time.Duration(len(c.samples)) * time.Second / time.Duration(c.rate)
}

// Bytes is the memory its own samples take, without what was derived.
func (c *Clip) Bytes() int64 { return 2 * int64(len(c.samples)) }

// At returns the same sound at another rate. The first caller computes it, others wait for that; it is no work for
// the media path.
func (c *Clip) At(rate int) (*Clip, error) {
	if rate == c.rate {
		return c, nil
	}
	c.mu.Lock()
	d := c.rates[rate]
	if d == nil {
		d = &derived{}
		c.rates[rate] = d
	}
	c.mu.Unlock()
	d.once.Do(func() {
		samples, err := media.Resample(c.samples, c.rate, rate)
		d.clip, d.err = NewClip(c.name, rate, samples), err
	})
	return d.clip, d.err
}

// encoding holds the payloads of all frames of a clip, one behind the other.
type encoding struct {
	payload []byte
	ends    []int32 // end of each frame's payload
}

func (e *encoding) frame(i int) []byte {
	start := int32(0)
	if i > 0 {
		start = e.ends[i-1]
	}
	return e.payload[start:e.ends[i]:e.ends[i]]
}

// maxEncoded bounds what is kept encoded of one clip; beyond it legs encode for themselves.
const maxEncoded = 20 * time.Minute

// Prepare encodes the clip for a codec, once for all legs; a Player of the clip at the codec's sample rate then gives
// ready payloads. The first caller does the work, others wait for it; it is no work for the media path. A clip that is
// too long to be kept encoded is left as it is, without an error.
func (c *Clip) Prepare(info codec.Info) error {
	at, err := c.At(info.SampleRate)
	if err != nil {
		return fmt.Errorf("prepare %s for %s: %w", c.name, info.Name, err)
	}
	if info.Stateful || at.Duration() > maxEncoded {
		return nil
	}
	key := encodedKey{info.Name, info.ClockRate}
	at.mu.Lock()
	e := at.encoded[key]
	if e == nil {
		e = &shared{}
		at.encoded[key] = e
	}
	at.mu.Unlock()
	e.once.Do(func() { e.value.Store(at.encode(info)) })
	return nil
}

func (c *Clip) encode(info codec.Info) *encoding {
	size := media.FrameSize(c.rate)
	frames := (len(c.samples) + size - 1) / size
	e := &encoding{ends: make([]int32, 0, frames)}
	enc := info.New()
	frame, out := make(media.Frame, size), make([]byte, 2*size)
	for s := c.samples; len(s) > 0; {
		n := copy(frame, s)
		clear(frame[n:])
		s = s[n:]
		e.payload = append(e.payload, out[:enc.Encode(out, frame)]...)
		e.ends = append(e.ends, int32(len(e.payload)))
	}
	return e
}

// EncodedFor returns the payloads that Prepare made, one for each 20 ms, or ok false. They are shared: only read them.
func (c *Clip) EncodedFor(info codec.Info) (payloads func(i int) []byte, frames int, ok bool) {
	at, err := c.At(info.SampleRate)
	if err != nil {
		return nil, 0, false
	}
	e := at.ready(encodedKey{info.Name, info.ClockRate})
	if e == nil {
		return nil, 0, false
	}
	return e.frame, len(e.ends), true
}

func (c *Clip) ready(key encodedKey) *encoding {
	c.mu.Lock()
	defer c.mu.Unlock()
	if e := c.encoded[key]; e != nil {
		return e.value.Load()
	}
	return nil
}
