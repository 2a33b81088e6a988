package media

import (
	"math"
	"time"
)

// Floor is the level of digital silence, in dBFS.
const Floor = -96.0

// Level returns the RMS level of f in dBFS: 0 is a square wave at full scale, Floor is silence.
func Level(f Frame) float64 {
	if len(f) == 0 {
		return Floor
	}
	var sum int64
	for _, v := range f {
		sum += int64(v) * int64(v)
	}
	if sum == 0 {
		return Floor
	}
	return max(Floor, 10*math.Log10(float64(sum)/float64(len(f))/(32768*32768)))
}

// Limits of Activity, in dB and frames. What is louder than the highest floor
// plus the margin is sound whatever its shape, so a held tone is not taken for noise.
const (
	activityMargin  = 6.0
	activityQuiet   = -50.0 // never sound
	activityHighest = -36.0 // highest noise floor
	activityWindow  = 25    // frames of one part of the floor's memory
	activityParts   = 4
	activityHang    = 10 // frames: the end of a word is softer than its middle
)

// Activity tells sound from silence on a line with noise: it follows the noise
// floor as the lowest level of the last two seconds. It is not safe for
// concurrent use. The zero value is ready.
type Activity struct {
	parts  [activityParts]float64 // lowest level of each part, as distance above Floor; 0 until used
	part   int
	frames int // in the present part
	hang   int
	quiet  int // frames since the last sound
	heard  bool
}

// Write judges the next frame and reports whether there is sound, which
// includes a hang-over of 200 ms after it.
func (a *Activity) Write(f Frame) bool {
	level := Level(f)
	a.track(level)
	if level > activityQuiet && level > min(a.NoiseFloor(), activityHighest)+activityMargin {
		a.hang, a.heard = activityHang+1, true
	}
	if a.hang > 0 {
		a.hang--
		a.quiet = 0
		return true
	}
	a.quiet++
	return false
}

// track keeps the lowest level of the present part; a level is stored 1 dB
// above Floor at least, as 0 means unused.
func (a *Activity) track(level float64) {
	above := level - Floor + 1
	if low := a.parts[a.part]; low == 0 || above < low {
		a.parts[a.part] = above
	}
	if a.frames++; a.frames == activityWindow {
		a.frames = 0
		a.part = (a.part + 1) % activityParts
		a.parts[a.part] = 0
	}
}

// NoiseFloor returns the lowest level of the last two seconds. Before there
// are two parts of them it is low, so that a first word counts.
func (a *Activity) NoiseFloor() float64 {
	low, used := 0.0, 0
	for _, v := range a.parts {
		if v == 0 {
			continue
		}
		used++
		if low == 0 || v < low {
			low = v
		}
	}
	if used < 2 {
		return Floor
	}
	return low + Floor - 1
}

// Silence returns how long there has been no sound, counted after the hang-over.
func (a *Activity) Silence() time.Duration { return time.Duration(a.quiet) * FrameDuration }

// Heard reports whether there was any sound since the start.
func (a *Activity) Heard() bool { return a.heard }
