package dtmf

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// slots runs the sender dry and prints each slot.
func slots(s *Sender) []string {
	var out []string
	p := make([]byte, 4)
	for s.Busy() {
		n, f := s.Next(p)
		switch {
		case f.Has(SendGap):
			out = append(out, "gap")
		case f.Has(SendEvent):
			var mark string
			if f.Has(SendFirst) {
				mark = " first"
			}
			if f.Has(SendEnd) != (p[1]&0x80 != 0) || n != 4 {
				mark += " WRONG"
			}
			if f.Has(SendEnd) {
				mark += " end"
			}
			out = append(out, fmt.Sprintf("%d %d%s", p[0], int(p[2])<<8|int(p[3]), mark))
		default:
			out = append(out, "audio")
		}
	}
	return out
}

func TestSenderSlots(t *testing.T) {
	s := NewSender(8000, 20*time.Millisecond)
	if err := s.Start("1#", 0, 0); err != nil {
		t.Fatal(err)
	}
	want := strings.Split("1 160 first,1 320,1 480,1 640,1 800 end,1 800 end,1 800 end,gap,gap,gap,"+
		"11 160 first,11 320,11 480,11 640,11 800 end,11 800 end,11 800 end,gap,gap,gap", ",")
	if diff := cmp.Diff(want, slots(s)); diff != "" {
		t.Error(diff)
	}
	if n, f := s.Next(nil); n != 0 || f != 0 {
		t.Errorf("idle slot: %d %v, want audio", n, f)
	}
}

func TestSenderFloors(t *testing.T) {
	s := NewSender(48000, 20*time.Millisecond)
	if err := s.Start("d", time.Millisecond, time.Millisecond); err != nil {
		t.Fatal(err)
	}
	want := []string{"15 960 first", "15 1920 end", "15 1920 end", "15 1920 end"}
	if diff := cmp.Diff(want, slots(s)); diff != "" {
		t.Error(diff)
	}
}

func TestSenderPauses(t *testing.T) {
	s := NewSender(8000, 20*time.Millisecond)
	if err := s.Start("wW", 0, 0); err != nil {
		t.Fatal(err)
	}
	got := slots(s)
	if len(got) != 75 || got[0] != "gap" || got[74] != "gap" {
		t.Errorf("%d slots %v, want 75 gaps", len(got), got)
	}
}

func TestSenderRefuses(t *testing.T) {
	s := NewSender(8000, 0)
	if err := s.Start("12x", 0, 0); err == nil || s.Busy() {
		t.Errorf("bad digit: error %v, busy %v", err, s.Busy())
	}
	if err := s.Start("1", 0, 0); err != nil {
		t.Fatal(err)
	}
	if err := s.Start("2", 0, 0); !errors.Is(err, ErrBusy) {
		t.Errorf("second start: %v, want ErrBusy", err)
	}
}

func TestSenderStopEndsTheKey(t *testing.T) {
	s := NewSender(8000, 0)
	if err := s.Start("12", time.Second, 0); err != nil {
		t.Fatal(err)
	}
	p := make([]byte, 4)
	s.Next(p)
	s.Stop()
	want := strings.Split("1 320 end,1 320 end,1 320 end,gap,gap,gap", ",")
	if diff := cmp.Diff(want, slots(s)); diff != "" {
		t.Error(diff)
	}
}

// What is sent must be heard as sent, also when a key is held longer than one segment can say.
func TestSenderToReceiver(t *testing.T) {
	s, r := NewSender(48000, 20*time.Millisecond), NewReceiver(48000)
	if err := s.Start("159D", 3*time.Second, 0); err != nil {
		t.Fatal(err)
	}
	var began, ended string
	p := make([]byte, 4)
	var clock, start uint32 = 0xffff0000, 0
	for s.Busy() {
		_, f := s.Next(p)
		if f.Has(SendFirst) {
			start = clock
		}
		if f.Has(SendEvent) {
			d, b, e := r.Packet(p, start+s.Offset(), 9)
			if b {
				began += string(d)
			}
			if e {
				ended += string(d)
				if got := r.Duration(); got < 2900*time.Millisecond || got > 3*time.Second {
					t.Errorf("held %v, want 3s", got)
				}
			}
		}
		clock += 960
	}
	if began != "159D" || ended != "159D" {
		t.Errorf("began %q ended %q, want 159D", began, ended)
	}
}

func TestSenderAllocatesNothing(t *testing.T) {
	s := NewSender(8000, 0)
	p := make([]byte, 4)
	if n := testing.AllocsPerRun(100, func() {
		if !s.Busy() {
			_ = s.Start("123", 0, 0)
		}
		s.Next(p)
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
