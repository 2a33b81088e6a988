package audio

import (
	"pintle/media"
	"pintle/media/file"
)

// Frames of 20 ms that a recording holds back.
const (
	keyTail  = 6    // cut off a recording that was ended by a key heard as a tone: such a key is known within 100 ms
	lead     = 5    // kept before the first and after the last sound of a trimmed recording
	heldMost = 3000 // of silence in a trimmed recording; of a longer one the rest is written as digital silence
)

// trimmer writes frames a little late, so that a key's own tone, and silence at both ends, can be left out.
type trimmer struct {
	out   *file.Writer
	on    bool // cut silence
	begun bool // sound was written
	size  int  // samples of a frame
	held  []heldFrame
	free  []media.Frame
	blank media.Frame
}

// heldFrame is a frame that is not written yet.
type heldFrame struct {
	sound media.Frame // nil: silence, times times
	times int
	loud  bool
}

func newTrimmer(out *file.Writer, rate int, on bool) *trimmer {
	size := media.FrameSize(rate)
	return &trimmer{out: out, on: on, size: size, blank: make(media.Frame, size)}
}

// write takes a frame; loud says that it is sound.
func (t *trimmer) write(f media.Frame, loud bool) error {
	if t.on && !loud && len(t.held) >= heldMost {
		if last := &t.held[len(t.held)-1]; last.sound == nil {
			last.times++
		} else {
			t.held = append(t.held, heldFrame{times: 1})
		}
		return nil
	}
	t.held = append(t.held, heldFrame{sound: t.copy(f), loud: loud})
	at := len(t.held) - keyTail - 1 // the frame that is no key's tone any more
	switch {
	case at < 0:
		return nil
	case !t.on, t.held[at].loud:
		t.begun = true
		return t.flush(at + 1)
	case !t.begun:
		t.drop(len(t.held) - lead - keyTail)
	}
	return nil
}

// finish writes what is left, without the tone of a key and without the silence at the end.
func (t *trimmer) finish(tone bool) error {
	n := len(t.held)
	if tone {
		n = max(0, n-keyTail)
	}
	if t.on {
		n = t.sounding(n)
	}
	return t.flush(n)
}

// sounding tells how many of the first n frames are to be kept, and drops those before the first sound.
func (t *trimmer) sounding(n int) int {
	first, last := -1, -1
	for i, f := range t.held[:n] {
		if f.loud {
			last = i
			if first < 0 {
				first = i
			}
		}
	}
	if last < 0 && !t.begun {
		return 0
	}
	n = min(n, last+1+lead)
	if early := first - lead; !t.begun && early > 0 {
		t.drop(early)
		n -= early
	}
	return n
}

// flush writes the oldest n frames.
func (t *trimmer) flush(n int) error {
	defer t.drop(n)
	for _, f := range t.held[:n] {
		if f.sound != nil {
			if err := t.out.WriteFrame(f.sound); err != nil {
				return err
			}
		}
		for range f.times {
			if err := t.out.WriteFrame(t.blank); err != nil {
				return err
			}
		}
	}
	return nil
}

// drop forgets the oldest n frames.
func (t *trimmer) drop(n int) {
	if n <= 0 {
		return
	}
	for _, f := range t.held[:n] {
		if f.sound != nil && len(t.free) < keyTail+lead {
			t.free = append(t.free, f.sound)
		}
	}
	t.held = append(t.held[:0], t.held[n:]...)
}

func (t *trimmer) copy(f media.Frame) media.Frame {
	var c media.Frame
	if n := len(t.free); n > 0 {
		c, t.free = t.free[n-1], t.free[:n-1]
	} else {
		c = make(media.Frame, t.size)
	}
	return c[:copy(c[:t.size], f)]
}
