package sipedge

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
)

// fakeBrowserAudio stands for a media engine that negotiates by itself.
type fakeBrowserAudio struct {
	lock sync.Mutex // guards what tests and the edge both touch
	*fakeAudio
	fail  error
	reads []string
}

func (f *fakeBrowserAudio) Offer(context.Context) ([]byte, error) {
	return []byte("v=0\r\nour offer"), nil
}

func (f *fakeBrowserAudio) Answer(_ context.Context, offer []byte) ([]byte, error) {
	f.lock.Lock()
	defer f.lock.Unlock()
	f.reads = append(f.reads, string(offer))
	return []byte("v=0\r\nour answer"), f.fail
}

func (f *fakeBrowserAudio) Accept(_ context.Context, answer []byte) error {
	f.lock.Lock()
	defer f.lock.Unlock()
	f.reads = append(f.reads, string(answer))
	return f.fail
}

const browserOffer = "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\nm=audio 9 UDP/TLS/RTP/SAVPF 111 0\r\n" +
	"c=IN IP4 0.0.0.0\r\na=ice-ufrag:abcd\r\na=ice-pwd:0123456789012345678901\r\na=rtpmap:111 opus/48000/2\r\n"

// An offer of a browser is read and answered by the media engine for browsers.
func TestBrowserOfferGoesToItsEngine(t *testing.T) {
	var fake *fakeBrowserAudio
	var b *bench
	made := make(chan struct{})
	b = newBench(t, func(c *Config) {
		c.WebRTC = func(o AudioOptions) (WebRTCAudio, error) {
			<-made
			a, err := b.open(o)
			fake = &fakeBrowserAudio{fakeAudio: a.(*fakeAudio)}
			return fake, err
		}
	})
	close(made)
	p := newPeer(t, b)
	p.request("INVITE", sdpHead, browserOffer)
	l := b.leg()
	if err := l.Answer(context.Background()); err != nil {
		t.Fatal(err)
	}
	ok := p.expect("200")
	if ok.body != "v=0\r\nour answer" || len(fake.reads) != 1 || fake.reads[0] != browserOffer {
		t.Errorf("answer %q to %q", ok.body, fake.reads)
	}
	if b.sound().count() != 1 {
		t.Errorf("made live %d times, want once", b.sound().count())
	}
	p.tag = ok.tag()
	p.requestAs("ACK", p.seq, "", "")

	fake.lock.Lock()
	fake.fail = errors.New("no such fingerprint")
	fake.lock.Unlock()
	p.request("INVITE", sdpHead, browserOffer)
	if m := p.expect("488"); !strings.Contains(m.get("warning"), "no such fingerprint") {
		t.Errorf("refused with %v", m.head)
	}
	p.request("BYE", "", "")
	p.expect("200")
}

// Without such an engine the browser is told so; a plain offer of the same peer is answered by us.
func TestBrowserOfferWithoutEngine(t *testing.T) {
	b := newBench(t, nil)
	p := newPeer(t, b)
	p.request("INVITE", sdpHead, browserOffer)
	if m := p.expect("488"); !strings.Contains(m.get("warning"), "not configured") {
		t.Errorf("refused with %v", m.head)
	}
	q := newPeer(t, b)
	q.call(b)
}
