package sipedge

import (
	"bufio"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net"
	"strings"
	"testing"
	"time"

	"pintle/interpreter"
)

// authority signs certificates for a test.
type authority struct {
	t    *testing.T
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
	pool *x509.CertPool
}

func newAuthority(t *testing.T) *authority {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	form := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "test authority"}, IsCA: true,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageCertSign}
	der, err := x509.CreateCertificate(rand.Reader, form, form, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	a := &authority{t: t, cert: cert, key: key, pool: x509.NewCertPool()}
	a.pool.AddCert(cert)
	return a
}

// sign makes a certificate for one host that is good until end.
func (a *authority) sign(host string, end time.Time) tls.Certificate {
	a.t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		a.t.Fatal(err)
	}
	form := &x509.Certificate{SerialNumber: big.NewInt(2), NotBefore: time.Now().Add(-2 * time.Hour), NotAfter: end,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth}}
	if ip := net.ParseIP(host); ip != nil {
		form.IPAddresses = []net.IP{ip}
	} else {
		form.DNSNames = []string{host}
	}
	der, err := x509.CreateCertificate(rand.Reader, form, a.cert, key.Public(), a.key)
	if err != nil {
		a.t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

func (a *authority) server(host string) *tls.Config {
	return &tls.Config{Certificates: []tls.Certificate{a.sign(host, time.Now().Add(time.Hour))}}
}

// secureBench is a bench with a TLS listener.
func secureBench(t *testing.T, a *authority, change func(*Config)) *bench {
	t.Helper()
	return newBench(t, func(c *Config) {
		c.Security.TLSListen = "127.0.0.1:0"
		c.Security.Certificates = a.server("127.0.0.1")
		c.Security.ClientTLS = func(string) *tls.Config { return &tls.Config{RootCAs: a.pool} }
		if change != nil {
			change(c)
		}
	})
}

// streamPeer reads messages from a stream.
type streamPeer struct {
	t *testing.T
	c net.Conn
	r *bufio.Reader
}

func newStreamPeer(t *testing.T, c net.Conn) *streamPeer {
	t.Cleanup(func() { c.Close() })
	return &streamPeer{t, c, bufio.NewReader(c)}
}

func (p *streamPeer) read() (message, error) {
	p.c.SetReadDeadline(time.Now().Add(5 * time.Second))
	text := ""
	for {
		line, err := p.r.ReadString('\n')
		if err != nil {
			return message{}, err
		}
		if line == crlf && text == "" {
			continue
		}
		text += line
		if line == crlf {
			break
		}
	}
	m := readMessage(text)
	var n int
	fmt.Sscan(m.get("content-length"), &n)
	body := make([]byte, n)
	_, err := io.ReadFull(p.r, body)
	m.body = string(body)
	return m, err
}

func (p *streamPeer) expect(want string) message {
	p.t.Helper()
	for {
		m, err := p.read()
		if err != nil {
			p.t.Fatalf("%s did not come: %v", want, err)
		}
		if m.code() == want || m.method() == want {
			return m
		}
	}
}

func (p *streamPeer) send(text string) {
	p.t.Helper()
	if _, err := io.WriteString(p.c, text); err != nil {
		p.t.Error(err)
	}
}

// request makes a request of a phone behind a stream.
func streamRequest(method, network, host, to string, seq int, body string) string {
	head := ""
	if body != "" {
		head = sdpHead
	}
	return fmt.Sprintf("%s sip:100@%s SIP/2.0\r\nVia: SIP/2.0/%s %s;branch=z9hG4bK%s;rport\r\nMax-Forwards: 70\r\n"+
		"From: <sip:ann@%s>;tag=f1\r\nTo: <sip:100@example.com>%s\r\nCall-ID: secure-%s\r\nCSeq: %d %s\r\n"+
		"Contact: <sip:ann@%s;transport=%s>\r\n%sContent-Length: %d\r\n\r\n%s", method, host, network, host, token(6), host,
		to, host, seq, method, host, strings.ToLower(network), head, len(body), body)
}

func TestTLSCall(t *testing.T) {
	a := newAuthority(t)
	b := secureBench(t, a, nil)
	c, err := tls.Dial("tcp", b.edge.AddrOf("TLS"), &tls.Config{RootCAs: a.pool})
	if err != nil {
		t.Fatal(err)
	}
	p := newStreamPeer(t, c)
	host := c.LocalAddr().String()
	p.send(streamRequest("INVITE", "TLS", host, "", 1, string(secureOffer("RTP/SAVP",
		inline("3", "AES_CM_128_HMAC_SHA1_80", "k", 30)))))
	l := b.leg()
	if err := l.Answer(context.Background()); err != nil {
		t.Fatal(err)
	}
	ok := p.expect("200")
	want := fmt.Sprintf("<sip:127.0.0.1:%d;transport=tls>", addrPortOf(b.edge.doors["TLS"].raw.Addr()).Port())
	if got := ok.get("contact"); got != want {
		t.Errorf("Contact %s, want %s", got, want)
	}
	if !strings.Contains(ok.body, "a=crypto:3 AES_CM_128_HMAC_SHA1_80 inline:") || b.sound().last().Keys.Suite == "" {
		t.Errorf("the sound is not protected:\n%s", ok.body)
	}
	p.send(streamRequest("ACK", "TLS", host, ";tag="+ok.tag(), 1, ""))
	if err := l.Hangup(context.Background(), hangupNow); err != nil {
		t.Fatal(err)
	}
	bye := p.expect("BYE") // over the same connection
	if !strings.HasPrefix(bye.get("via"), "SIP/2.0/TLS ") {
		t.Errorf("Via %s", bye.get("via"))
	}
	p.send(fmt.Sprintf("SIP/2.0 200 OK\r\nVia: %s\r\nFrom: %s\r\nTo: %s\r\nCall-ID: %s\r\nCSeq: %s\r\n"+
		"Content-Length: 0\r\n\r\n",
		bye.get("via"), bye.get("from"), bye.get("to"), bye.get("call-id"), bye.get("cseq")))
}

// R-SIP-13: what is refused, and that a silent peer holds up nobody.
func TestTLSRefusals(t *testing.T) {
	a := newAuthority(t)
	b := secureBench(t, a, nil)
	silent, err := net.Dial("tcp", b.edge.AddrOf("TLS"))
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	half, err := net.Dial("tcp", b.edge.AddrOf("TLS"))
	if err != nil {
		t.Fatal(err)
	}
	defer half.Close()
	half.Write([]byte{22, 3, 1, 2, 0}) // a record that does not come
	_, err = tls.Dial("tcp", b.edge.AddrOf("TLS"), &tls.Config{RootCAs: a.pool, MinVersion: tls.VersionTLS10,
		MaxVersion: tls.VersionTLS11})
	if err == nil || !strings.Contains(err.Error(), "protocol version") {
		t.Errorf("TLS 1.1: %v", err)
	}
	plain, err := net.Dial("tcp", b.edge.AddrOf("TLS"))
	if err != nil {
		t.Fatal(err)
	}
	defer plain.Close()
	fmt.Fprint(plain, streamRequest("OPTIONS", "TLS", plain.LocalAddr().String(), "", 1, ""))
	plain.SetReadDeadline(time.Now().Add(3 * time.Second))
	if text, _ := io.ReadAll(plain); strings.Contains(string(text), "SIP/2.0") {
		t.Errorf("SIP in the clear was answered: %q", text)
	}
	c, err := tls.Dial("tcp", b.edge.AddrOf("TLS"), &tls.Config{RootCAs: a.pool})
	if err != nil {
		t.Fatal("a good peer is not let in beside the others:", err)
	}
	p := newStreamPeer(t, c)
	p.send(streamRequest("OPTIONS", "TLS", c.LocalAddr().String(), "", 1, ""))
	p.expect("200")
	waitFor(t, "the count of handshakes", func() bool { return b.edge.Counters().Handshakes >= 2 })
	silent.SetReadDeadline(time.Now().Add(2 * greetTime))
	if _, err := silent.Read(make([]byte, 1)); !errors.Is(err, io.EOF) && !strings.Contains(fmt.Sprint(err), "reset") {
		t.Errorf("the silent peer was not cut off: %v", err)
	}
}

// Our own calls by TLS: the certificate must be for the name that was called, and each failure has its number.
func TestDialTLS(t *testing.T) {
	a, other := newAuthority(t), newAuthority(t)
	b := secureBench(t, a, nil)
	for _, tc := range []struct {
		name string
		cfg  *tls.Config
		code int
	}{
		{"good", a.server("127.0.0.1"), 0},
		{"wrong name", a.server("sip.example.com"), interpreter.CodeCertName},
		{"expired", &tls.Config{Certificates: []tls.Certificate{a.sign("127.0.0.1", time.Now().Add(-time.Hour))}},
			interpreter.CodeCertExpired},
		{"unknown authority", other.server("127.0.0.1"), interpreter.CodeCertTrust},
		{"old version", &tls.Config{Certificates: a.server("127.0.0.1").Certificates, MinVersion: tls.VersionTLS10,
			MaxVersion: tls.VersionTLS11}, interpreter.CodeTLS},
	} {
		t.Run(tc.name, func(t *testing.T) {
			ln, err := tls.Listen("tcp", "127.0.0.1:0", tc.cfg)
			if err != nil {
				t.Fatal(err)
			}
			defer ln.Close()
			invites := make(chan message, 1)
			go func() {
				defer close(invites)
				c, err := ln.Accept()
				if err != nil {
					return
				}
				defer c.Close()
				p := &streamPeer{t, c, bufio.NewReader(c)}
				m, err := p.read()
				if err != nil {
					return
				}
				invites <- m
				fmt.Fprintf(c, "SIP/2.0 486 Busy Here\r\nVia: %s\r\nFrom: %s\r\nTo: %s;tag=z\r\nCall-ID: %s\r\nCSeq: %s\r\n"+
					"Content-Length: 0\r\n\r\n", m.get("via"), m.get("from"), m.get("to"), m.get("call-id"), m.get("cseq"))
				_, _ = p.read() // the ACK
			}()
			scheme := "sips:bob@" + ln.Addr().String()
			if tc.code != 0 {
				scheme = "sip:bob@" + ln.Addr().String() + ";transport=tls"
			}
			d := b.wait(b.dial(t.Context(), interpreter.Target{URI: scheme}, interpreter.DialOptions{}))
			var why *interpreter.DialError
			if !errors.As(d.err, &why) || why.Fault != tc.code {
				t.Fatalf("%v (fault %+v), want code %d", d.err, why, tc.code)
			}
			if tc.code != 0 {
				return
			}
			inv := <-invites
			if why.Code != 486 || !strings.HasPrefix(inv.get("via"), "SIP/2.0/TLS ") ||
				!strings.HasPrefix(inv.get("contact"), "<sips:127.0.0.1:") || !strings.Contains(inv.body, "a=crypto:1 ") {
				t.Errorf("code %d, INVITE %v\n%s", why.Code, inv.head, inv.body)
			}
		})
	}
}
