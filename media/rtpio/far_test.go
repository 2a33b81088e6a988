package rtpio

import (
	"math"
	"net/netip"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/pion/rtp"

	"pintle/media"
	"pintle/media/codec"
	"pintle/media/tone"
)

func info(name string) codec.Info {
	clock := 8000
	if name == "L16" {
		clock = 16000
	}
	i, ok := codec.ByName(name, clock)
	if !ok {
		panic("no codec " + name)
	}
	return i
}

func params(name string, remote netip.AddrPort) Params {
	i := info(name)
	p := Params{Codec: i, SendType: i.PayloadType, RecvType: i.PayloadType, EventSend: 101, EventRecv: 101, Remote: remote}
	if i.PayloadType == codec.Dynamic {
		p.SendType, p.RecvType = 97, 97
	}
	return p
}

// far is the other party of a stream: it sends what the test makes and keeps
// what it gets.
type far struct {
	t   *testing.T
	end *End
	mu  sync.Mutex
	got []arrival
	seq uint16
	ts  uint32
}

type arrival struct {
	rtp.Packet
	at   time.Time
	rtcp bool
}

// start returns a stream on a pacer and its far party.
func start(t *testing.T, change func(*Options, *Params)) (*Stream, *far) {
	t.Helper()
	near, end := Pair()
	pacer := media.NewPacer()
	o := Options{RTP: near, Pace: pacer}
	p := params("PCMU", end.LocalAddr())
	if change != nil {
		change(&o, &p)
	}
	s, err := New(o, p)
	if err != nil {
		t.Fatal(err)
	}
	f := &far{t: t, end: end, seq: 65500, ts: math.MaxUint32 - 4000} // both wrap soon
	done := make(chan struct{})
	go func() {
		defer close(done)
		f.collect()
	}()
	t.Cleanup(func() {
		_ = s.Close()
		_ = pacer.Close()
		_ = end.Close()
		<-done
	})
	return s, f
}

func (f *far) collect() {
	batch := []Packet{{Buf: make([]byte, maxPacket)}}
	for {
		if _, err := f.end.ReadBatch(batch); err != nil {
			return
		}
		b := slices.Clone(batch[0].Buf[:batch[0].N])
		a := arrival{at: time.Now(), rtcp: isRTCP(b)}
		if a.rtcp {
			a.Payload = b
		} else if err := a.Unmarshal(b); err != nil {
			f.t.Errorf("sent what is not RTP: %v", err)
		}
		f.mu.Lock()
		f.got = append(f.got, a)
		f.mu.Unlock()
	}
}

// taken returns and forgets the RTP packets that came so far.
func (f *far) taken() []arrival {
	synctest.Wait()
	f.mu.Lock()
	defer f.mu.Unlock()
	got := slices.DeleteFunc(f.got, func(a arrival) bool { return a.rtcp })
	f.got = nil
	return got
}

// packet returns the bytes of one packet.
func packet(h rtp.Header, payload []byte) []byte {
	h.Version = 2
	b, err := (&rtp.Packet{Header: h, Payload: payload}).Marshal()
	if err != nil {
		panic(err)
	}
	return b
}

// say sends a tone for d in packets of 20 ms.
func (f *far) say(hz float64, d time.Duration) {
	for sent := time.Duration(0); sent < d; sent += 20 * time.Millisecond {
		f.send(ulaw(hz, f.ts, 160), 0)
		time.Sleep(20 * time.Millisecond)
	}
}

func (f *far) send(payload []byte, pt uint8) {
	f.end.peer.Deliver(packet(rtp.Header{PayloadType: pt, SequenceNumber: f.seq, Timestamp: f.ts, SSRC: 7}, payload),
		f.end.local)
	f.seq++
	f.ts += uint32(len(payload))
}

// ulaw returns n samples of a tone that is continuous in ts.
func ulaw(hz float64, ts uint32, n int) []byte {
	pcm, b := make(media.Frame, n), make([]byte, n)
	for i := range pcm {
		pcm[i] = int16(8000 * math.Sin(2*math.Pi*hz*float64(int32(ts+uint32(i)))/8000))
	}
	codec.PCMU{}.Encode(b, pcm)
	return b
}

// level returns how much of hz is in s, in dB against the tones of say.
func level(s []int16, hz, rate float64) float64 {
	var re, im float64
	for i, v := range s {
		w := 2 * math.Pi * hz * float64(i) / rate
		re, im = re+float64(v)*math.Cos(w), im+float64(v)*math.Sin(w)
	}
	return 20 * math.Log10(math.Hypot(re, im)*2/float64(len(s)+1)/8000+1e-9)
}

func beep(t *testing.T, d string) *tone.Tone {
	t.Helper()
	seg, err := tone.Parse(d)
	if err != nil {
		t.Fatal(err)
	}
	return tone.New(8000, seg, tone.Options{Times: 1})
}
