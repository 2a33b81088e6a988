package sipedge

import (
	"encoding/base64"
	"errors"
	"strings"
	"testing"

	"pintle/media/rtpio"
)

const fingerprintText = "sha-256 00:11:22:33:44:55:66:77:88:99:AA:BB:CC:DD:EE:FF:" +
	"00:11:22:33:44:55:66:77:88:99:AA:BB:CC:DD:EE:FF"

// inline is a crypto attribute whose key is n times the same letter.
func inline(tag, suite, letter string, n int) string {
	return "a=crypto:" + tag + " " + suite + " inline:" +
		base64.StdEncoding.EncodeToString([]byte(strings.Repeat(letter, n))) + "\r\n"
}

// secureOffer is an offer with this transport and these attributes.
func secureOffer(proto, attrs string) []byte {
	return []byte(offerText("IN IP4 198.51.100.1", "m=audio 4000 "+proto+" 0 8", attrs))
}

func guarded(g guarding) *negotiator {
	n := testNegotiator()
	n.guarding = g
	return n
}

func TestAnswerSecureOffers(t *testing.T) {
	key80 := inline("7", "AES_CM_128_HMAC_SHA1_80", "k", 30)
	dtls := "a=setup:actpass\r\na=fingerprint:" + fingerprintText + "\r\n"
	for _, tc := range []struct {
		name, proto, attrs string
		g                  guarding
		want               string // in the answer; "488 …": in the refusal
	}{
		{"SDES over TLS", "RTP/SAVP", key80, guarding{sdes: true}, "RTP/SAVP 0"},
		{"tag and suite are kept", "RTP/SAVP", key80, guarding{sdes: true}, "a=crypto:7 AES_CM_128_HMAC_SHA1_80 inline:"},
		{"the first usable line", "RTP/SAVP", inline("1", "F8_128_HMAC_SHA1_80", "k", 30) +
			inline("2", "AEAD_AES_128_GCM", "k", 28) + key80, guarding{sdes: true}, "a=crypto:2 AEAD_AES_128_GCM"},
		{"256 bits", "RTP/SAVP", inline("1", "AEAD_AES_256_GCM", "k", 44), guarding{sdes: true}, "a=crypto:1 AEAD_AES_256"},
		{"short tag", "RTP/SAVPF", inline("1", "AES_CM_128_HMAC_SHA1_32", "k", 30), guarding{sdes: true}, "RTP/SAVPF"},
		{"lifetime is passed over", "RTP/SAVP", strings.Replace(key80, "\r\n", "|2^31\r\n", 1), guarding{sdes: true},
			"a=crypto:7"},
		{"MKI", "RTP/SAVP", strings.Replace(key80, "\r\n", "|2^20|1:4\r\n", 1), guarding{sdes: true}, "488 no SRTP suite"},
		{"no encryption", "RTP/SAVP", strings.Replace(key80, "\r\n", " UNENCRYPTED_SRTP\r\n", 1), guarding{sdes: true},
			"488 no SRTP suite"},
		{"key too short", "RTP/SAVP", inline("1", "AES_CM_128_HMAC_SHA1_80", "k", 29), guarding{sdes: true},
			"488 no SRTP suite"},
		{"SDES over UDP", "RTP/SAVP", key80, guarding{}, "488 SRTP keys over unencrypted signalling"},
		{"choice over TLS", "RTP/AVP", key80, guarding{sdes: true}, "a=crypto:7"},
		{"choice over UDP stays plain", "RTP/AVP", key80, guarding{}, "RTP/AVP 0"},
		{"off", "RTP/SAVP", key80, guarding{policy: SRTPOff, sdes: true}, "488 SRTP is switched off"},
		{"required, plain offer", "RTP/AVP", "", guarding{policy: SRTPRequired, sdes: true}, "488 SRTP is required"},
		{"required", "RTP/SAVP", key80, guarding{policy: SRTPRequired, sdes: true}, "a=crypto:7"},
		{"DTLS", "UDP/TLS/RTP/SAVP", dtls, guarding{fingerprint: fingerprintText},
			"UDP/TLS/RTP/SAVP 0"},
		{"DTLS, who begins", "UDP/TLS/RTP/SAVP", dtls, guarding{fingerprint: fingerprintText}, "a=setup:active"},
		{"DTLS, the peer begins", "UDP/TLS/RTP/SAVPF", strings.Replace(dtls, "actpass", "active", 1),
			guarding{fingerprint: fingerprintText}, "a=setup:passive"},
		{"DTLS without certificate", "UDP/TLS/RTP/SAVP", dtls, guarding{}, "488 DTLS-SRTP is not available"},
		{"DTLS with a weak hash", "UDP/TLS/RTP/SAVP", "a=setup:actpass\r\na=fingerprint:md5 00:11\r\n",
			guarding{fingerprint: fingerprintText}, "488 no fingerprint"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			answer, s, err := guarded(tc.g).answer(secureOffer(tc.proto, tc.attrs))
			if why, refused := strings.CutPrefix(tc.want, "488 "); refused {
				if !errors.Is(err, errSDP) || !strings.Contains(err.Error(), why) {
					t.Fatalf("error %v, want %q", err, why)
				}
				return
			}
			if err != nil || !strings.Contains(string(answer)+" ", tc.want) {
				t.Fatalf("%v, want %q in:\n%s", err, tc.want, answer)
			}
			if got := strings.Count(string(answer), "a=crypto"); got > 1 {
				t.Errorf("%d crypto lines in the answer", got)
			}
			secure := s.Keys.Suite != "" || s.DTLS.Fingerprint != ""
			if secure != strings.Contains(string(answer), "a=crypto") &&
				!strings.Contains(string(answer), "a=fingerprint") {
				t.Errorf("session and answer disagree: %v", s.Keys)
			}
		})
	}
}

// A DTLS peer behind a NAT cannot be reached before it has sent something: it shall begin.
func TestDTLSBehindNATWaits(t *testing.T) {
	n := guarded(guarding{fingerprint: fingerprintText})
	offer := offerText("IN IP4 10.0.0.7", "m=audio 4000 UDP/TLS/RTP/SAVP 0",
		"a=setup:actpass\r\na=fingerprint:"+fingerprintText+"\r\n")
	answer, s, err := n.answer([]byte(offer))
	if err != nil || s.DTLS.Client || !strings.Contains(string(answer), "a=setup:passive") {
		t.Errorf("%v, %+v:\n%s", err, s.DTLS, answer)
	}
}

// A refresh changes nothing, a new key of the peer changes ours too.
func TestRekey(t *testing.T) {
	n := guarded(guarding{sdes: true})
	offer := func(letter string) (string, Session) {
		t.Helper()
		answer, s, err := n.answer(secureOffer("RTP/SAVP", inline("1", "AES_CM_128_HMAC_SHA1_80", letter, 30)))
		if err != nil {
			t.Fatal(err)
		}
		return string(answer), s
	}
	first, one := offer("a")
	again, two := offer("a")
	if first != again || one != two {
		t.Error("the same offer was answered in another way")
	}
	_, three := offer("b")
	if three.Keys.Receive == one.Keys.Receive || three.Keys.Send == one.Keys.Send {
		t.Error("the keys stayed although the peer's changed")
	}
}

func TestOfferSecure(t *testing.T) {
	for _, tc := range []struct {
		name   string
		g      guarding
		want   string // in our offer
		answer string // transport and attributes of the peer's answer
		suite  rtpio.Suite
		fails  string
	}{
		{name: "a choice over TLS, taken", g: guarding{sdes: true}, want: "RTP/AVP 0",
			answer: "RTP/AVP|" + inline("2", "AES_CM_128_HMAC_SHA1_32", "p", 30), suite: rtpio.AESCM128SHA32},
		{name: "a choice over TLS, left", g: guarding{sdes: true}, want: "a=crypto:1 AES_CM_128_HMAC_SHA1_80",
			answer: "RTP/AVP|"},
		{name: "plain over UDP", want: "RTP/AVP 0", answer: "RTP/AVP|"},
		{name: "required over TLS", g: guarding{policy: SRTPRequired, sdes: true}, want: "RTP/SAVP 0",
			answer: "RTP/SAVP|" + inline("1", "AES_CM_128_HMAC_SHA1_80", "p", 30), suite: rtpio.AESCM128SHA80},
		{name: "required, answered without keys", g: guarding{policy: SRTPRequired, sdes: true}, want: "RTP/SAVP 0",
			answer: "RTP/SAVP|", fails: "without SRTP keys"},
		{name: "required, answered plain", g: guarding{policy: SRTPRequired, sdes: true}, want: "RTP/SAVP 0",
			answer: "RTP/AVP|", fails: "without SRTP keys"},
		{name: "another suite than offered under the tag", g: guarding{policy: SRTPRequired, sdes: true}, want: "RTP/SAVP 0",
			answer: "RTP/SAVP|" + inline("1", "AEAD_AES_128_GCM", "p", 28), fails: "without SRTP keys"},
		{name: "required over UDP: DTLS", g: guarding{policy: SRTPRequired, fingerprint: fingerprintText},
			want: "a=setup:actpass", answer: "UDP/TLS/RTP/SAVP|a=setup:active\r\na=fingerprint:" + fingerprintText + "\r\n"},
		{name: "DTLS answered without setup", g: guarding{policy: SRTPRequired, fingerprint: fingerprintText},
			want: "a=setup:actpass", answer: "UDP/TLS/RTP/SAVP|a=fingerprint:" + fingerprintText + "\r\n", fails: "setup"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			n := guarded(tc.g)
			offer, err := n.offer()
			if err != nil || !strings.Contains(string(offer), tc.want) {
				t.Fatalf("%v, want %q in:\n%s", err, tc.want, offer)
			}
			proto, attrs, _ := strings.Cut(tc.answer, "|")
			s, err := n.accept(secureOffer(proto, attrs))
			if tc.fails != "" {
				if !errors.Is(err, errSDP) || !strings.Contains(err.Error(), tc.fails) {
					t.Errorf("error %v, want %q", err, tc.fails)
				}
				return
			}
			if err != nil || s.Keys.Suite != tc.suite {
				t.Errorf("suite %q, %v; want %q", s.Keys.Suite, err, tc.suite)
			}
			again, err := n.offer()
			if err != nil || tc.suite != "" && string(again) != string(offer) {
				t.Errorf("%v; a refresh offers something else:\n%s", err, again)
			}
		})
	}
	if _, err := guarded(guarding{policy: SRTPRequired}).offer(); !errors.Is(err, errSDP) {
		t.Errorf("required and impossible: %v", err)
	}
}

func FuzzCrypto(f *testing.F) {
	f.Add("1 AES_CM_128_HMAC_SHA1_80 inline:" + strings.Repeat("QUJD", 10))
	f.Add("1 AEAD_AES_256_GCM inline:AAAA|2^20|1:4;inline:BBBB KDR=0 WSH=64")
	f.Fuzz(func(t *testing.T, value string) {
		if c, ok := readCrypto(value); ok && len(c.key) != c.suite.KeyLength() {
			t.Errorf("%q: a key of %d octets was taken", value, len(c.key))
		}
	})
}
