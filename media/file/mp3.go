package file

import (
	"bytes"
	"fmt"
	"io"

	"github.com/hajimehoshi/go-mp3"
)

// maxSyncSearch is how far behind the tags the first frame may begin.
const maxSyncSearch = 64 << 10

// openMP3 opens MPEG-1 and MPEG-2 layer III. Tags are skipped here and not by the decoder, which would allocate
// whatever size a tag claims.
func openMP3(raw []byte) (*stream, error) {
	for len(raw) >= 10 && string(raw[:3]) == "ID3" {
		size := 10 + (int(raw[6]&0x7f)<<21 | int(raw[7]&0x7f)<<14 | int(raw[8]&0x7f)<<7 | int(raw[9]&0x7f))
		if raw[5]&0x10 != 0 {
			size += 10 // footer
		}
		raw = raw[min(size, len(raw)):]
	}
	for i := 0; !frameSync(raw); i++ {
		if len(raw) < 4 || i > maxSyncSearch {
			return nil, unusable("MP3 without a frame")
		}
		raw = raw[1:]
	}
	version, layer := raw[1]>>3&3, raw[1]>>1&3
	if version == 0 {
		return nil, unusable("MP3 of MPEG-2.5 (8, 11.025 or 12 kHz) is not supported; use 16 kHz or more, or WAV")
	}
	if layer != 1 {
		return nil, unusable("MPEG audio layer %d is not supported, only layer 3", 4-layer)
	}
	d := &mp3Reader{}
	err := d.guard(func() (err error) {
		d.d, err = mp3.NewDecoder(onlyReader{bytes.NewReader(raw)})
		return err
	})
	if err != nil {
		return nil, unusable("MP3: %v", err)
	}
	// The decoder gives stereo always, with both sides alike for mono.
	return &stream{d.d.SampleRate(), 2, codingS16LE, d}, nil
}

// frameSync tells whether a frame of MPEG audio may begin here.
func frameSync(b []byte) bool {
	if len(b) < 4 || b[0] != 0xff || b[1]&0xe0 != 0xe0 {
		return false
	}
	version, layer, bitrate, rate := b[1]>>3&3, b[1]>>1&3, b[2]>>4, b[2]>>2&3
	return version != 1 && layer != 0 && bitrate != 0 && bitrate != 15 && rate != 3
}

// onlyReader hides Seek, with which the decoder would read the whole file twice.
type onlyReader struct{ io.Reader }

// mp3Reader turns panics of the decoder, which trusts its input, into errors: the bytes are a stranger's.
type mp3Reader struct {
	d *mp3.Decoder
}

func (m *mp3Reader) Read(p []byte) (n int, err error) {
	err = m.guard(func() (err error) { n, err = m.d.Read(p); return err })
	return n, err
}

func (m *mp3Reader) guard(f func() error) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("broken frame: %v", r)
		}
	}()
	return f()
}
