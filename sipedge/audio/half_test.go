package audio

import (
	"context"
	"encoding/binary"
	"math/rand/v2"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"pintle/interpreter"
	"pintle/media"
	"pintle/media/codec"
	"pintle/media/file"
	"pintle/media/rtpio"
)

func codecNamed(name string) codec.Info {
	c, _ := codec.ByName(name, 8000)
	return c
}

func TestDigitsAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLine(t, nil, nil)
		want := strings.Repeat("0123456789", 20)
		for i := range want {
			l.Key(want[i], 0)
			synctest.Wait()
		}
		if got := keys(l.Half); got != want[:128] {
			t.Errorf("%d keys wait, want the oldest 128: %s", len(got), got)
		}
		l.Key('#', 0)
		synctest.Wait()
		if got := keys(l.Half); got != "#" {
			t.Errorf("then %q, want #", got)
		}
	})
}

// Each key and each milestone is told once, in whatever ways it came.
func TestTrace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLine(t, nil, nil)
		began := time.Now()
		time.Sleep(100 * time.Millisecond)
		go l.phone.Play(t.Context(), interpreter.Prompt{Digits: "4"}) //nolint:errcheck // the key is looked at
		time.Sleep(60 * time.Millisecond)
		l.Key('4', 0)
		time.Sleep(time.Second)
		l.Key('4', 0)
		synctest.Wait()
		p := rtpio.Params{Codec: codecNamed("PCMU"), EventSend: 101, EventRecv: 101, Remote: l.phone.Local()}
		for _, d := range []rtpio.Direction{rtpio.SendRecv, rtpio.Inactive, rtpio.Inactive, rtpio.SendRecv} {
			p.Direction = d
			if err := l.Update(p); err != nil {
				t.Error(err)
			}
		}
		synctest.Wait()
		want := []string{"media PCMU to 192.0.2.2:10000", "first packet sent", "first packet came", "digit 4", "digit 4",
			"media PCMU to 192.0.2.2:10000 inactive", "media PCMU to 192.0.2.2:10000"}
		got := l.events.texts()
		if len(got) > 2 && got[1] == "first packet came" {
			got[1], got[2] = got[2], got[1]
		}
		if !slices.Equal(got, want) {
			t.Errorf("told\n%q, want\n%q", got, want)
		}
		l.events.mu.Lock()
		defer l.events.mu.Unlock()
		for _, e := range l.events.all {
			d, ok := e.Data.(interpreter.DigitData)
			if ok != (e.Kind == interpreter.EvDigit) || (ok && (d.Key != "4" || e.Lane != interpreter.LaneCaller)) {
				t.Errorf("event %+v", e)
			}
			if e.Text == "first packet sent" && e.Time.Sub(began) > 20*time.Millisecond {
				t.Errorf("the first packet was sent after %v", e.Time.Sub(began))
			}
		}
		if got := keys(l.Half); got != "44" {
			t.Errorf("keys %q, want 44", got)
		}
	})
}

func TestFarEndFallsSilent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		here, there := rtpio.Pair()
		defer there.Close()
		pacer := media.NewPacer()
		defer pacer.Close()
		gone := make(chan string, 1)
		o := rtpio.Options{RTP: here, Pace: pacer, Wait: rtpio.Timeouts{First: 5 * time.Second}}
		h, err := Open(o, &Sounds{}, func(why string) { gone <- why })
		if err != nil {
			t.Fatal(err)
		}
		defer h.Close()
		told := &events{}
		h.Trace(told.add)
		if err := h.Update(rtpio.Params{Codec: codecNamed("PCMU"), Remote: there.LocalAddr()}); err != nil {
			t.Fatal(err)
		}
		began := time.Now()
		why := <-gone
		if took := time.Since(began); !near(took, 5*time.Second, 40*time.Millisecond) || !slices.Contains(told.texts(), why) {
			t.Errorf("after %v: %q, told %q", took, why, told.texts())
		}
	})
}

// Packets of strangers are not heard, not recorded, and press no keys.
func TestStrangersPackets(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b, d := newLine(t, nil, nil), newLine(t, nil, nil), &disk{}
		time.Sleep(200 * time.Millisecond)
		j := join(t, a, b, interpreter.BridgeOptions{KeepKeys: "*", Record: d})
		stranger := netip.MustParseAddrPort("198.51.100.7:4000")
		loud := make([]byte, 160)
		for n := range uint16(100) {
			a.end.Deliver(packet(0, n, uint32(n)*160, loud), stranger)
			a.end.Deliver(packet(101, n, uint32(n)*1600, []byte{byte(n % 12), 0x80, 3, 32}), stranger)
			time.Sleep(20 * time.Millisecond)
		}
		if err := j.end(); err != nil {
			t.Error(err)
		}
		if q := a.Quality(); q.Foreign != 200 {
			t.Errorf("%d packets counted as foreign, want 200", q.Foreign)
		}
		left, _ := channels(d, false)
		if got := keys(a.Half) + keys(b.phone); got != "" || left.loud() != 0 || b.heard().loud() != 0 {
			t.Errorf("keys %q, %v recorded", got, left.loud())
		}
		if to := a.stream.Stats().Remote; to != a.phone.Local() {
			t.Errorf("media goes to %v", to)
		}
	})
}

// packet is one of RTP (RFC 3550 §5.1).
func packet(kind byte, seq uint16, ts uint32, payload []byte) []byte {
	b := []byte{0x80, kind}
	b = binary.BigEndian.AppendUint16(b, seq)
	b = binary.BigEndian.AppendUint32(b, ts)
	b = binary.BigEndian.AppendUint32(b, 9) // SSRC
	return append(b, payload...)
}

// A hang-up at any moment of anything: all returns at once, with the cause, and recordings are whole.
func TestHangupAtAnyMoment(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	slow := files(func(ctx context.Context, u string) (*file.Clip, error) {
		if err := interpreter.Sleep(ctx, 700*time.Millisecond); err != nil {
			return nil, err
		}
		return library(ctx, u)
	})
	for range 25 {
		at, closed := time.Duration(random.IntN(2000))*time.Millisecond, random.IntN(2) == 0
		synctest.Test(t, func(t *testing.T) {
			a, b, c := newLine(t, &Sounds{Files: slow}, nil), newLine(t, nil, nil), newLine(t, nil, nil)
			ctx, hangup := context.WithCancelCause(t.Context())
			talk, mail := &disk{}, &disk{}
			work := []func() error{
				func() error { return a.Join(ctx, b.Half, interpreter.BridgeOptions{Record: talk, KeepKeys: "*"}) },
				func() error {
					return a.Play(ctx, interpreter.Prompt{URL: "https://app.test/a.wav", Loop: interpreter.Forever})
				},
				func() error { return b.Play(ctx, interpreter.Prompt{Digits: "1w2W3", Loop: interpreter.Forever}) },
				func() error { return c.Play(ctx, interpreter.Prompt{Tone: "ringback"}) },
				func() error {
					_, err := c.Record(ctx, mail, interpreter.RecordOptions{Silence: time.Minute, Trim: at%2 == 0})
					return err
				},
			}
			over := make(chan error, len(work))
			for i, f := range work {
				go func() {
					err := f()
					if i > 0 && err != error(errHangup) {
						t.Errorf("hang-up after %v: %d returned %v", at, i, err)
					}
					over <- err
				}()
			}
			time.Sleep(at)
			hangup(errHangup)
			if closed {
				a.Close()
				c.Close()
			}
			before := time.Now()
			for range work {
				<-over
			}
			if took := time.Since(before); took > media.FrameDuration {
				t.Errorf("hang-up after %v: it took %v", at, took)
			}
			for _, d := range []*disk{talk, mail} {
				if size := int(binary.LittleEndian.Uint32(d.b[40:])); size+44 != len(d.b) {
					t.Errorf("hang-up after %v: a file of %d octets says %d", at, len(d.b), size)
				}
			}
		})
	}
}

func TestQuality(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLine(t, nil, nil)
		time.Sleep(time.Second)
		q := l.Quality()
		if q.Codec != "PCMU" || q.Sent < 48 || q.Received < 48 || q.Lost != 0 || q.MOS < 4 || q.FirstPacket.IsZero() {
			t.Errorf("%+v", q)
		}
	})
}

// Closing gives the port back, once, whoever else is closing.
func TestFactory(t *testing.T) {
	ports, err := rtpio.NewPorts(netip.MustParseAddr("127.0.0.1"), 42000, 42001)
	if err != nil {
		t.Fatal(err)
	}
	pacers := media.NewPacers(1)
	defer pacers.Close()
	f := &Factory{Ports: ports, Pacers: pacers, Sounds: &Sounds{}}
	h, err := f.Open(nil)
	if err != nil {
		t.Skipf("port 42000 is taken: %v", err)
	}
	if _, err := f.Open(nil); err == nil {
		t.Error("a second half got the one pair of ports")
	}
	done := make(chan struct{})
	go func() { h.Close(); close(done) }()
	h.Close()
	<-done
	if n := pacers.Stats().Legs; n != 0 {
		t.Errorf("%d legs are left", n)
	}
}

// Recording and bridging cost no memory frame by frame, neither in the tick nor beside it.
func TestNoAllocationPerTick(t *testing.T) {
	pacer := media.NewManualPacer()
	defer pacer.Close()
	var halves []*Half
	for range 2 {
		here, there := rtpio.Pair()
		for _, end := range []*rtpio.End{here, there} {
			h, err := Open(rtpio.Options{RTP: end, Pace: pacer, Rest: time.Hour}, &Sounds{}, nil)
			if err != nil {
				t.Fatal(err)
			}
			defer h.Close()
			halves = append(halves, h)
		}
		p := rtpio.Params{Codec: codecNamed("PCMU"), Remote: there.LocalAddr()}
		if err := halves[len(halves)-2].Update(p); err != nil {
			t.Fatal(err)
		}
		p.Remote = here.LocalAddr()
		if err := halves[len(halves)-1].Update(p); err != nil {
			t.Fatal(err)
		}
	}
	ctx := t.Context()
	over := make(chan struct{}, 2)
	d := &disk{b: make([]byte, 0, 1<<22)}
	go func() {
		o := interpreter.BridgeOptions{Record: d, KeepKeys: "*"}
		halves[0].Join(ctx, halves[2], o) //nolint:errcheck // ends with the test
		over <- struct{}{}
	}()
	go func() {
		halves[0].Record(ctx, &disk{b: make([]byte, 0, 1<<22)}, interpreter.RecordOptions{}) //nolint:errcheck // likewise
		over <- struct{}{}
	}()
	now := time.Now()
	step := func() {
		now = now.Add(media.FrameDuration)
		pacer.TickAll(now)
		time.Sleep(50 * time.Microsecond) // the readers of sockets and taps have their turn: what they do counts as well
	}
	for range 100 {
		step()
	}
	if n := testing.AllocsPerRun(200, step); n != 0 {
		t.Errorf("%v allocations a tick", n)
	}
	halves[0].Close()
	<-over
	<-over
	if len(d.b) < 4*16000 {
		t.Errorf("%d octets were recorded in 6 seconds", len(d.b))
	}
}
