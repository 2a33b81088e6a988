package dtmf

import (
	"errors"
	"fmt"
	"time"
)

// ErrBusy is returned by Start while earlier digits are still being sent.
var ErrBusy = errors.New("digits are still being sent")

// SendFlags tells what to do with a packet slot.
type SendFlags uint8

// What a slot is for. The zero value is an audio slot: the sender wants nothing.
const (
	// SendEvent: send the payload as a telephone-event packet. Its timestamp is that of the slot that had SendFirst,
	// plus Offset; the sequence number counts on as for audio.
	SendEvent SendFlags = 1 << iota
	// SendFirst: the event begins here; remember this slot's timestamp and set the marker bit.
	SendFirst
	// SendEnd: the packet carries the end bit (one of three copies).
	SendEnd
	// SendGap: send nothing, the slot is a pause between digits. The audio clock runs on.
	SendGap
)

// Has reports whether all bits of g are set.
func (f SendFlags) Has(g SendFlags) bool { return f&g == g }

const (
	endCopies  = 3      // RFC 4733 §2.5.1.4
	volume     = 10     // -10 dBm0, what phones send
	maxSegment = 0xffff // the duration field has 16 bits
)

// Sender turns a string of digits into telephone-event packets, one per packet slot of the pacer that sends audio
// otherwise. A Sender is not safe for concurrent use.
type Sender struct {
	units   uint32 // clock units in a slot
	ptime   time.Duration
	digits  string // what is still to come
	tone    int    // slots of each
	gap     int
	phase   phase
	slots   int    // left in this phase
	code    byte   // of the current event
	total   uint32 // duration of the event so far
	segment uint32 // where its segment starts, from its beginning
}

type phase uint8

const (
	idle phase = iota
	toning
	ending
	waiting
)

// NewSender returns a sender for an event clock of clockRate (8000 if not positive) and packets of ptime (20 ms if
// not positive).
func NewSender(clockRate int, ptime time.Duration) *Sender {
	if clockRate <= 0 {
		clockRate = 8000
	}
	if ptime <= 0 {
		ptime = 20 * time.Millisecond
	}
	units := time.Duration(clockRate) * ptime / time.Second
	return &Sender{units: uint32(units), ptime: ptime}
}

// Start begins to send digits: 0-9 * # A-D and ! (flash), with w for a pause of half a second and W for one second.
// Tone and gap are the length of each digit and of the silence after it; zero means the default, and the floor of
// 40 ms holds for both. Nothing is sent when it returns an error.
func (s *Sender) Start(digits string, tone, gap time.Duration) error {
	if s.Busy() {
		return ErrBusy
	}
	for i := range len(digits) {
		if _, ok := codeOf(digits[i]); !ok && digits[i] != 'w' && digits[i] != 'W' {
			return fmt.Errorf("digit %q at position %d cannot be sent", digits[i], i+1)
		}
	}
	s.tone = s.slotsOf(tone, DefaultTone, MinTone)
	// The repeated end packets travel in the gap, so it is never shorter than they are.
	s.gap = max(s.slotsOf(gap, DefaultGap, MinGap), endCopies-1)
	s.digits = digits
	return nil
}

func (s *Sender) slotsOf(d, byDefault, floor time.Duration) int {
	if d <= 0 {
		d = byDefault
	}
	d = max(d, floor)
	return int((d + s.ptime - 1) / s.ptime)
}

// Busy reports whether slots are still needed.
func (s *Sender) Busy() bool { return s.phase != idle || s.digits != "" }

// Stop drops the digits not begun. A digit that is sounding ends at the next slot, properly.
func (s *Sender) Stop() {
	s.digits = ""
	switch s.phase {
	case toning:
		s.slots = min(s.slots, 1)
	case waiting:
		s.phase = idle
	case idle, ending:
	}
}

// Offset is what to add to the timestamp of the slot that had SendFirst to get the timestamp of the packet that Next
// just wrote. It is zero unless a key is held longer than the 16 bits of a duration can say.
func (s *Sender) Offset() uint32 { return s.segment }

// Next is called once per packet slot. It says what the slot is for and, for an event, writes the payload into p, which
// must have room for 4 bytes; n is their number. It never allocates.
func (s *Sender) Next(p []byte) (n int, f SendFlags) {
	if s.phase == idle {
		s.advance()
	}
	switch s.phase {
	case toning:
		return s.sound(p)
	case ending:
		s.slots--
		if s.slots == 0 {
			s.pause(s.gap - (endCopies - 1))
		}
		return s.write(p, true), SendEvent | SendEnd
	case waiting:
		s.pause(s.slots - 1)
		return 0, SendGap
	case idle:
	}
	return 0, 0
}

// advance takes the next character of the string.
func (s *Sender) advance() {
	if s.digits == "" {
		return
	}
	c := s.digits[0]
	s.digits = s.digits[1:]
	switch c {
	case 'w':
		s.pause(s.slotsOf(500*time.Millisecond, 0, 0))
	case 'W':
		s.pause(s.slotsOf(time.Second, 0, 0))
	default:
		s.code, _ = codeOf(c)
		s.phase, s.slots = toning, s.tone
		s.total, s.segment = 0, 0
	}
}

func (s *Sender) pause(slots int) {
	s.phase, s.slots = waiting, slots
	if slots <= 0 {
		s.phase = idle
	}
}

func (s *Sender) sound(p []byte) (int, SendFlags) {
	f := SendEvent
	if s.total == 0 {
		f |= SendFirst
	}
	if s.total-s.segment == maxSegment {
		s.segment = s.total
	}
	s.slots--
	end := s.slots <= 0
	step := s.units
	if s.total-s.segment+step > maxSegment {
		// The segment is reported in full, and the next one follows without a gap (RFC 4733 §2.5.1.3). What the clock
		// loses here is less than one slot.
		step = maxSegment - (s.total - s.segment)
	}
	s.total += step
	if end {
		f |= SendEnd
		s.phase, s.slots = ending, endCopies-1
	}
	return s.write(p, end), f
}

func (s *Sender) write(p []byte, end bool) int {
	if len(p) < 4 {
		return 0
	}
	duration := s.total - s.segment
	p[0], p[1] = s.code, volume
	if end {
		p[1] |= 0x80
	}
	p[2], p[3] = byte(duration>>8), byte(duration)
	return 4
}
