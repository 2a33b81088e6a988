package media

import "math"

// Noise is comfort noise: soft noise with the falling spectrum of a quiet
// room, without end. The zero value is silent until SetLevel. It is not safe
// for concurrent use.
type Noise struct {
	seed   uint32
	low    float32
	factor float32
}

var _ Source = (*Noise)(nil)

// noiseRMS is the RMS of the filtered generator at factor 1: white noise of
// 32768/√3 through a one-pole low pass with coefficient 1/2 loses √(1/3).
const noiseRMS = 32768.0 / 3

// SetLevel sets the level in dBFS; Floor and below is silence.
func (n *Noise) SetLevel(db float64) {
	n.factor = 0
	if db > Floor {
		n.factor = float32(math.Pow(10, min(db, 0)/20) * 32768 / noiseRMS)
	}
}

// ReadFrame fills dst with noise.
func (n *Noise) ReadFrame(dst Frame) (int, error) {
	if n.factor == 0 {
		clear(dst)
		return len(dst), nil
	}
	for i := range dst {
		n.seed = n.seed*1664525 + 1013904223
		white := float32(int32(n.seed) >> 16)
		n.low += (white - n.low) / 2
		dst[i] = Clip(int32(n.low * n.factor))
	}
	return len(dst), nil
}

// String names the source.
func (n *Noise) String() string { return "noise" }
