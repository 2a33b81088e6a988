package dtmf

import (
	"slices"
	"testing"
	"time"
)

// packet is one telephone-event packet as a receiver sees it.
type packet struct {
	code     byte
	end      bool
	duration uint16
	ts       uint32
	ssrc     uint32
}

func (p packet) payload() []byte {
	b := []byte{p.code, 10, byte(p.duration >> 8), byte(p.duration)}
	if p.end {
		b[1] |= 0x80
	}
	return b
}

// key is what pressing one key looks like: four packets and three copies of the end.
func key(code byte, ts uint32) []packet {
	var out []packet
	for d := uint16(160); d <= 640; d += 160 {
		out = append(out, packet{code: code, duration: d, ts: ts, ssrc: 7})
	}
	end := packet{code: code, end: true, duration: 800, ts: ts, ssrc: 7}
	return append(out, end, end, end)
}

func hear(r *Receiver, packets []packet) (began, ended string) {
	for _, p := range packets {
		d, b, e := r.Packet(p.payload(), p.ts, p.ssrc)
		if b {
			began += string(d)
		}
		if e {
			ended += string(d)
		}
	}
	return began, ended
}

func TestReceiverCountsEachKeyOnce(t *testing.T) {
	one, two := key(1, 1000), key(2, 3000)
	reversed := slices.Clone(one)
	slices.Reverse(reversed)
	cases := []struct {
		name         string
		in           []packet
		began, ended string
	}{
		{"whole key", one, "1", "1"},
		{"two keys", slices.Concat(one, two), "12", "12"},
		{"same key twice", slices.Concat(one, key(1, 3000)), "11", "11"},
		{"start lost", one[2:], "1", "1"},
		{"only one end packet", one[6:], "1", "1"},
		{"end lost", slices.Concat(one[:4], two), "12", "2"},
		{"end lost, same key again", slices.Concat(one[:4], key(1, 3000)), "11", "1"},
		{"reversed", reversed, "1", "1"},
		{"every packet twice", slices.Concat(one, one), "1", "1"},
		{"first key arrives late", slices.Concat(two, one), "2", "2"},
		{"timestamp wraps", slices.Concat(key(1, 0xfffffff0), key(2, 2000)), "12", "12"},
		{"clock restarted", slices.Concat(key(1, 900_000), key(1, 1000)), "11", "11"},
		{"other sender, same timestamp", []packet{{1, true, 800, 5, 7}, {1, true, 800, 5, 8}}, "11", "11"},
		{"duration 0 and 65535", []packet{{5, false, 0, 9, 7}, {5, true, 65535, 9, 7}}, "5", "5"},
		{"unknown event", []packet{{255, false, 0, 9, 7}, {40, true, 800, 9, 7}}, "", ""},
		{"flash", key(16, 1), "!", "!"},
		{"another key under one timestamp", []packet{{1, false, 160, 9, 7}, {2, true, 320, 9, 7}}, "1", ""},
		{"long key in two segments", []packet{
			{9, false, 65000, 100, 7}, {9, false, 65535, 100, 7},
			{9, false, 160, 100 + 65535, 7}, {9, true, 320, 100 + 65535, 7},
		}, "9", "9"},
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			began, ended := hear(NewReceiver(8000), tc.in)
			if began != tc.began || ended != tc.ended {
				t.Errorf("began %q ended %q, want %q and %q", began, ended, tc.began, tc.ended)
			}
		})
	}
}

func TestReceiverDuration(t *testing.T) {
	r := NewReceiver(48000)
	hear(r, []packet{{9, false, 65535, 100, 7}, {9, true, 48000 - 1, 100 + 65535, 7}})
	if want := (65535 + 47999) * time.Second / 48000; r.Duration() != want {
		t.Errorf("held %v, want %v", r.Duration(), want)
	}
}

func TestReceiverExpire(t *testing.T) {
	r := NewReceiver(8000)
	now := time.Unix(100, 0)
	hear(r, key(4, 50)[:3])
	for slot := range 10 {
		d, ended := r.Expire(now.Add(time.Duration(slot) * 20 * time.Millisecond))
		if want := slot == 5; ended != want {
			t.Fatalf("slot %d: ended %v, want %v", slot, ended, want)
		}
		if ended && d != '4' {
			t.Fatalf("digit %c, want 4", d)
		}
	}
	if began, ended := hear(r, key(4, 50)); began != "" || ended != "" {
		t.Errorf("late packets of the expired key counted: %q %q", began, ended)
	}
}

func TestReceiverTellsReplayedKeysFromLatePackets(t *testing.T) {
	now := time.Unix(0, 0)
	later := func(r *Receiver, d time.Duration) {
		for end := now.Add(d); now.Before(end); now = now.Add(20 * time.Millisecond) {
			r.Expire(now)
		}
	}
	replay := func(code byte, ts uint32) []packet { // begins with no duration, as captures do
		return append([]packet{{code: code, ts: ts, ssrc: 7}}, key(code, ts)...)
	}
	cases := []struct {
		name          string
		first, second []packet
		rest          time.Duration
		want          string
	}{
		{"a capture from before", replay(4, 37120), replay(3, 31040), 600 * time.Millisecond, "43"},
		{"the same capture again", replay(1, 13280), replay(1, 13280), 600 * time.Millisecond, "11"},
		{"without a rest", replay(4, 37120), replay(3, 31040), 200 * time.Millisecond, "4"},
		{"a copy of an end", key(4, 37120), key(4, 37120)[6:], time.Second, "4"},
		{"an end from before", key(4, 37120), key(3, 31040)[4:], time.Second, "4"},
		{"packets held up for long", key(4, 37120)[:2], key(4, 37120)[2:], time.Second, "4"},
	}
	for _, tc := range cases {
		r := NewReceiver(8000)
		got, _ := hear(r, tc.first)
		later(r, tc.rest)
		more, _ := hear(r, tc.second)
		if got += more; got != tc.want {
			t.Errorf("%s: digits %q, want %q", tc.name, got, tc.want)
		}
	}
}

func TestReceiverAllocatesNothing(t *testing.T) {
	r := NewReceiver(8000)
	p := key(1, 0)[0].payload()
	var ts uint32
	now := time.Now()
	if n := testing.AllocsPerRun(100, func() {
		ts += 800
		r.Packet(p, ts, 1)
		r.Expire(now)
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func FuzzPacket(f *testing.F) {
	for _, p := range key(1, 1000) {
		f.Add(p.payload(), p.ts, p.ssrc)
	}
	f.Add([]byte{}, uint32(0), uint32(0))
	r := NewReceiver(8000)
	f.Fuzz(func(t *testing.T, payload []byte, ts, ssrc uint32) {
		d, began, ended := r.Packet(payload, ts, ssrc)
		if (d != 0) != (began || ended) {
			t.Fatalf("digit %q began %v ended %v", d, began, ended)
		}
		if _, again, _ := r.Packet(payload, ts, ssrc); again {
			t.Fatal("the same packet began a key twice")
		}
	})
}
