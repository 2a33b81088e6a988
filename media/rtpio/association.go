package rtpio

import (
	"context"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"net/netip"
	"sync"
	"time"

	"github.com/pion/dtls/v3"
	"github.com/pion/logging"
	"github.com/pion/srtp/v3"
	"github.com/pion/transport/v5/packetio"
)

const (
	handshakeTime = 10 * time.Second // of one attempt; the call's own media time-out ends them all
	recordsKept   = 32
	recordsPause  = 200 * time.Millisecond // between two attempts
)

// srtpProfiles are those we agree to in a handshake, best first.
var srtpProfiles = []dtls.SRTPProtectionProfile{dtls.SRTP_AEAD_AES_256_GCM, dtls.SRTP_AEAD_AES_128_GCM,
	dtls.SRTP_AES128_CM_HMAC_SHA1_80}

var suiteOf = map[dtls.SRTPProtectionProfile]Suite{
	dtls.SRTP_AEAD_AES_256_GCM: AEADAES256GCM, dtls.SRTP_AEAD_AES_128_GCM: AEADAES128GCM,
	dtls.SRTP_AES128_CM_HMAC_SHA1_80: AESCM128SHA80,
}

var (
	errSilent  = errors.New("the far end sent no DTLS records")
	errNoSuite = errors.New("no SRTP suite in common")
)

// association is one DTLS handshake and what follows it, on the socket of a stream. It is the packet connection that
// the library writes to.
type association struct {
	stream *Stream
	far    DTLS
	ctx    context.Context //nolint:containedctx // an association is a lifetime
	cancel context.CancelFunc
	keyed  chan struct{} // closed when there are keys

	mu      sync.Mutex // guards what follows
	records *packetio.Buffer
	peer    netip.AddrPort // where records go
	locked  bool           // records came from there
}

func newRecords() *packetio.Buffer {
	b := packetio.NewBuffer()
	b.SetLimitCount(recordsKept)
	return b
}

// take queues a record that came from a permitted address. One peer shakes hands: who comes second with other records
// is not heard, so that nobody else can spoil the handshake.
func (a *association) take(b []byte, from netip.AddrPort) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.locked && from != a.peer {
		return false
	}
	a.peer, a.locked = from, true
	_, err := a.records.Write(b, nil) // full: lost, like any datagram
	return err == nil
}

// run shakes hands, again when that failed, until it succeeds or the stream is done with it.
func (a *association) run() {
	for a.ctx.Err() == nil {
		err := a.attempt()
		if err == nil || a.ctx.Err() != nil {
			return
		}
		a.stream.failed(err)
		select {
		case <-time.After(recordsPause):
		case <-a.ctx.Done():
		}
		a.again()
	}
}

// again makes room for another attempt, by another sender too.
func (a *association) again() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.records, a.locked = newRecords(), false
}

// attempt is one handshake. When it succeeds it returns as the association ends.
func (a *association) attempt() error {
	conn, err := a.open()
	if err != nil {
		return err
	}
	defer conn.Close() //nolint:errcheck // it says good-bye as well as it can
	ctx, cancel := context.WithTimeout(a.ctx, handshakeTime)
	defer cancel()
	if err = conn.HandshakeContext(ctx); err != nil {
		return a.why(err)
	}
	k, err := a.keys(conn)
	if err != nil {
		return err
	}
	a.stream.agreed(a, k)
	defer context.AfterFunc(a.ctx, func() { conn.SetReadDeadline(time.Now()) })() //nolint:errcheck // it unblocks Read
	var b [maxPacket]byte
	for a.ctx.Err() == nil {
		// A last flight that was lost is asked for again in here; the peer's good-bye does not end the call.
		if _, err := conn.Read(b[:]); err != nil {
			<-a.ctx.Done()
		}
	}
	return nil
}

// why tells a peer that says nothing from one that says the wrong thing.
func (a *association) why(err error) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	if !a.locked {
		return errSilent
	}
	return err
}

func (a *association) open() (*dtls.Conn, error) {
	a.mu.Lock()
	raw, peer := &recordConn{a: a, records: a.records}, a.peer
	a.mu.Unlock()
	common := []dtls.Option{dtls.WithCertificates(a.stream.options.Identity.cert),
		dtls.WithSRTPProtectionProfiles(srtpProfiles...), dtls.WithInsecureSkipVerify(true),
		dtls.WithVerifyPeerCertificate(a.verify), dtls.WithLoggerFactory(&logging.DefaultLoggerFactory{
			Writer: io.Discard, DefaultLogLevel: logging.LogLevelDisabled})}
	to := net.UDPAddrFromAddrPort(peer)
	if a.far.Client {
		var list []dtls.ClientOption
		for _, o := range common {
			list = append(list, o)
		}
		return dtls.ClientWithOptions(raw, to, list...)
	}
	// The cookie of RFC 6347 §4.2.1 stays: a forged source address costs us one small answer.
	list := []dtls.ServerOption{dtls.WithClientAuth(dtls.RequireAnyClientCert)}
	for _, o := range common {
		list = append(list, o)
	}
	return dtls.ServerWithOptions(raw, to, list...)
}

// verify holds the certificate against the description; nobody else vouches for it (RFC 5763 §5).
func (a *association) verify(certs [][]byte, _ [][]*x509.Certificate) error {
	if len(certs) == 0 {
		return errFingerprint
	}
	return a.far.matches(certs[0])
}

// keys takes the keys out of a finished handshake.
func (a *association) keys(conn *dtls.Conn) (Keys, error) {
	chosen, ok := conn.SelectedSRTPProtectionProfile()
	suite := suiteOf[chosen]
	state, ok2 := conn.ConnectionState()
	if !ok || !ok2 || suite == "" {
		return Keys{}, errNoSuite
	}
	c := srtp.Config{Profile: suites[suite].profile}
	if err := c.ExtractSessionKeysFromDTLS(&state, a.far.Client); err != nil {
		return Keys{}, err
	}
	return Keys{Suite: suite, Send: string(c.Keys.LocalMasterKey) + string(c.Keys.LocalMasterSalt),
		Receive: string(c.Keys.RemoteMasterKey) + string(c.Keys.RemoteMasterSalt)}, nil
}

// recordConn is an association as a packet connection, for one attempt.
type recordConn struct {
	a       *association
	records *packetio.Buffer
}

// ReadFrom waits for a record.
func (c *recordConn) ReadFrom(b []byte) (int, net.Addr, error) {
	n, _, err := c.records.Read(b, nil)
	c.a.mu.Lock()
	defer c.a.mu.Unlock()
	return n, net.UDPAddrFromAddrPort(c.a.peer), err
}

// WriteTo sends a record to the one peer, whatever the address.
func (c *recordConn) WriteTo(b []byte, _ net.Addr) (int, error) {
	c.a.mu.Lock()
	to := c.a.peer
	c.a.mu.Unlock()
	if !to.IsValid() {
		return len(b), nil // nowhere yet: lost, and sent again
	}
	// An ICMP answer to an earlier packet is no reason to give up.
	_, _ = c.a.stream.options.RTP.WriteBatch([]Packet{{Buf: b, N: len(b), Addr: to}})
	return len(b), nil
}

// Close ends reading.
func (c *recordConn) Close() error { return c.records.Close() }

// LocalAddr is that of the stream.
func (c *recordConn) LocalAddr() net.Addr {
	return net.UDPAddrFromAddrPort(c.a.stream.options.RTP.LocalAddr())
}

// SetDeadline bounds reading; writing never waits.
func (c *recordConn) SetDeadline(t time.Time) error { return c.records.SetReadDeadline(t) }

// SetReadDeadline bounds reading.
func (c *recordConn) SetReadDeadline(t time.Time) error { return c.records.SetReadDeadline(t) }

// SetWriteDeadline does nothing: writing never waits.
func (*recordConn) SetWriteDeadline(time.Time) error { return nil }
