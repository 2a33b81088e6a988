package rtpio

import (
	"errors"
	"fmt"
	"time"

	"github.com/pion/rtp"
	"github.com/pion/srtp/v3"
)

// Suite is how the packets of a stream are protected, by its name of RFC 4568 and RFC 7714. The empty suite is plain
// RTP.
type Suite string

// The suites that are spoken, best first.
const (
	AEADAES256GCM Suite = "AEAD_AES_256_GCM"
	AEADAES128GCM Suite = "AEAD_AES_128_GCM"
	AESCM128SHA80 Suite = "AES_CM_128_HMAC_SHA1_80"
	AESCM128SHA32 Suite = "AES_CM_128_HMAC_SHA1_32"
)

// suites maps each to the library's profile and the length of its master salt.
var suites = map[Suite]struct {
	profile   srtp.ProtectionProfile
	key, salt int
}{
	AEADAES256GCM: {srtp.ProtectionProfileAeadAes256Gcm, 32, 12},
	AEADAES128GCM: {srtp.ProtectionProfileAeadAes128Gcm, 16, 12},
	AESCM128SHA80: {srtp.ProtectionProfileAes128CmHmacSha1_80, 16, 14},
	AESCM128SHA32: {srtp.ProtectionProfileAes128CmHmacSha1_32, 16, 14},
}

// KeyLength is the number of octets of master key and master salt together, 0 for a suite that is not spoken.
func (s Suite) KeyLength() int {
	c := suites[s]
	return c.key + c.salt
}

// Keys are the master keys of a stream, each followed by its salt. They are strings so that agreements can be compared;
// they must never be printed.
type Keys struct {
	Suite         Suite
	Send, Receive string
}

// String keeps keys out of logs.
func (k Keys) String() string { return "keys(" + string(k.Suite) + ")" }

// GoString keeps keys out of logs too.
func (k Keys) GoString() string { return k.String() }

const (
	sealOverhead = 32               // octets that protection adds at most: tag, index
	replayWindow = 128              // packets, RFC 3711 §3.3.2 asks for 64 at least
	formerKeys   = 10 * time.Second // how long packets under the keys of before are taken
)

var errKeys = errors.New("stream parameters: SRTP keys do not fit their suite")

func (k Keys) check() error {
	if k.Suite == "" {
		return nil
	}
	if n := k.Suite.KeyLength(); n == 0 || len(k.Send) != n || len(k.Receive) != n {
		return errKeys
	}
	return nil
}

func (k Keys) context(master string) (*srtp.Context, error) {
	c := suites[k.Suite]
	ctx, err := srtp.CreateContext([]byte(master[:c.key]), []byte(master[c.key:]), c.profile,
		srtp.SRTPReplayProtection(replayWindow), srtp.SRTCPReplayProtection(replayWindow))
	if err != nil {
		return nil, fmt.Errorf("stream parameters: %w", err)
	}
	return ctx, nil
}

// useKeys gives both directions their keys. secure without keys lets nothing pass either way.
func (s *Stream) useKeys(k Keys, secure bool, now time.Time) error {
	s.in.mu.Lock()
	err := s.in.opener.renew(k, secure, now)
	s.in.mu.Unlock()
	if err != nil {
		return err
	}
	s.out.mu.Lock()
	defer s.out.mu.Unlock()
	return s.out.sealer.renew(k, secure)
}

// opener takes the protection off received packets. It belongs to the lock of inbound.
type opener struct {
	secure bool // plain packets are refused, also while there are no keys
	keys   Keys
	now    *srtp.Context
	former *srtp.Context // of the keys before, until a packet under the new ones has come
	until  time.Time
	header rtp.Header
	buf    [maxPacket + sealOverhead]byte
}

// renew takes new keys; the state of keys that stay is kept, its replay window included.
func (o *opener) renew(k Keys, secure bool, now time.Time) error {
	if k.Suite == o.keys.Suite && k.Receive == o.keys.Receive {
		o.secure = secure || k.Suite != ""
		return nil
	}
	var ctx *srtp.Context
	if k.Suite != "" {
		var err error
		if ctx, err = k.context(k.Receive); err != nil {
			return err
		}
	}
	o.former, o.until = o.now, now.Add(formerKeys)
	o.now, o.keys, o.secure = ctx, k, secure || k.Suite != ""
	if ctx == nil {
		o.former = nil
	}
	return nil
}

// open gives the plain packet, valid until the next call, or false for one that must not be believed.
func (o *opener) open(b []byte, now time.Time) ([]byte, bool) {
	if !o.secure {
		return b, true
	}
	if o.now == nil {
		return nil, false
	}
	if plain, err := o.with(o.now, b); err == nil {
		o.former = nil
		return plain, true
	}
	if o.former == nil || now.After(o.until) {
		return nil, false
	}
	plain, err := o.with(o.former, b)
	return plain, err == nil
}

func (o *opener) with(c *srtp.Context, b []byte) ([]byte, error) {
	if isRTCP(b) {
		return c.DecryptRTCP(o.buf[:0], b, nil)
	}
	return c.DecryptRTP(o.buf[:0], b, &o.header)
}

// sealer protects packets that are sent. It belongs to the lock of outbound.
type sealer struct {
	secure bool
	keys   Keys
	ctx    *srtp.Context
	header rtp.Header
	buf    [maxPacket + sealOverhead]byte
}

func (s *sealer) renew(k Keys, secure bool) error {
	// A key of ours that stays goes on where it is: from the start it would give the same key stream twice.
	if k.Suite != s.keys.Suite || k.Send != s.keys.Send {
		var ctx *srtp.Context
		if k.Suite != "" {
			var err error
			if ctx, err = k.context(k.Send); err != nil {
				return err
			}
		}
		s.ctx, s.keys = ctx, k
	}
	s.secure = secure || k.Suite != ""
	return nil
}

// seal gives the packet for the wire, valid until the next call, or false when it must not go out.
func (s *sealer) seal(b []byte) ([]byte, bool) {
	if !s.secure {
		return b, true
	}
	if s.ctx == nil {
		return nil, false
	}
	sealed, err := s.ctx.EncryptRTP(s.buf[:0], b, &s.header)
	return sealed, err == nil
}

// sealReport is seal for RTCP. Reports are rare: this one allocates.
func (o *outbound) sealReport(b []byte) ([]byte, bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if !o.sealer.secure {
		return b, true
	}
	if o.sealer.ctx == nil {
		return nil, false
	}
	sealed, err := o.sealer.ctx.EncryptRTCP(nil, b, nil)
	return sealed, err == nil
}
