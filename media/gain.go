package media

import (
	"fmt"
	"math"
	"sync/atomic"
)

// Gain makes a source louder or softer, limiting at full scale. The level may
// be changed while it plays.
type Gain struct {
	src    Source
	factor atomic.Int32 // in 1/4096
}

var _ Source = (*Gain)(nil)

const gainOne = 1 << 12

// NewGain returns src changed by db decibels.
func NewGain(src Source, db float64) *Gain {
	g := &Gain{src: src}
	g.Set(db)
	return g
}

// Set changes the level from the next frame on; db is limited to -96 to +36.
func (g *Gain) Set(db float64) {
	db = max(-96, min(36, db))
	g.factor.Store(int32(math.Round(gainOne * math.Pow(10, db/20))))
}

// ReadFrame reads the source and scales what it gave.
func (g *Gain) ReadFrame(dst Frame) (int, error) {
	n, err := g.src.ReadFrame(dst)
	factor := int64(g.factor.Load())
	if factor == gainOne {
		return n, err
	}
	for i, v := range dst[:n] {
		dst[i] = int16(max(-32768, min(32767, int64(v)*factor/gainOne)))
	}
	return n, err
}

// String prints the chain.
func (g *Gain) String() string {
	return fmt.Sprintf("gain(%+.0f dB) <- %v", 20*math.Log10(float64(max(1, g.factor.Load()))/gainOne), g.src)
}
