package sipedge

import (
	"strings"
	"testing"

	"pintle/media/rtpio"
)

// keysOf are the crypto lines of a description.
func keysOf(sdp []byte) []string {
	var list []string
	for line := range strings.Lines(string(sdp)) {
		if strings.HasPrefix(line, "a=crypto:") {
			list = append(list, strings.TrimSpace(line))
		}
	}
	return list
}

// Holding, resuming and refreshing a call with SDES keeps transport, suite and both keys, whoever began it; a suite
// that we do not offer by ourselves stays among the offered ones.
func TestChangesKeepSDES(t *testing.T) {
	for _, suite := range []struct {
		name   rtpio.Suite
		length int
	}{{rtpio.AESCM128SHA80, 30}, {rtpio.AESCM128SHA32, 30}, {"AEAD_AES_128_GCM", 28}, {"AEAD_AES_256_GCM", 44}} {
		t.Run(string(suite.name), func(t *testing.T) {
			n := guarded(guarding{sdes: true})
			theirs := inline("7", string(suite.name), "k", suite.length)
			_, first, err := n.answer(secureOffer("RTP/SAVP", theirs))
			if err != nil {
				t.Fatal(err)
			}
			for _, c := range []struct {
				what  string
				offer func() []byte
				dir   string
			}{
				{"refresh", n.repeat, ""},
				{"hold", func() []byte { return n.propose(proposal{hold: true}) }, "a=sendonly"},
				{"refresh on hold", n.repeat, "a=sendonly"},
				{"resume", func() []byte { return n.propose(proposal{}) }, ""},
			} {
				offer := c.offer()
				if !strings.Contains(string(offer), " RTP/SAVP ") || !strings.Contains(string(offer), c.dir) {
					t.Fatalf("%s:\n%s", c.what, offer)
				}
				tag := ""
				for _, line := range keysOf(offer) {
					if strings.Contains(line, " "+string(suite.name)+" ") {
						tag, _, _ = strings.Cut(strings.TrimPrefix(line, "a=crypto:"), " ")
					}
				}
				if tag == "" {
					t.Fatalf("%s: %s is not offered:\n%s", c.what, suite.name, offer)
				}
				s, err := n.accept(secureOffer("RTP/SAVP", inline(tag, string(suite.name), "k", suite.length)))
				if err != nil || s.Keys != first.Keys {
					t.Errorf("%s: %v, the keys have changed: %v", c.what, err, s.Keys != first.Keys)
				}
			}
			if _, s, err := n.answer(secureOffer("RTP/SAVP", theirs+"a=sendonly\r\n")); err != nil || s.Keys != first.Keys ||
				!s.Held {
				t.Errorf("held by the peer: %v, held %v, the keys have changed: %v", err, s.Held, s.Keys != first.Keys)
			}
		})
	}
}

// An answer to our hold that brings no keys, or plain RTP, does not take the encryption from a call.
func TestChangesNeverGoPlain(t *testing.T) {
	n := guarded(guarding{sdes: true})
	if _, _, err := n.answer(secureOffer("RTP/AVP", inline("1", "AES_CM_128_HMAC_SHA1_80", "k", 30))); err != nil {
		t.Fatal(err)
	}
	for _, answer := range []string{"RTP/AVP|", "RTP/SAVP|",
		"RTP/AVP|" + inline("9", "AES_CM_128_HMAC_SHA1_80", "k", 30)} {
		n.propose(proposal{hold: true})
		proto, attrs, _ := strings.Cut(answer, "|")
		if _, err := n.accept(secureOffer(proto, attrs)); err == nil {
			t.Errorf("%.30q was accepted in an encrypted call", answer)
		}
		n.withdraw()
	}
}

// Every offer within a call with DTLS leaves the choice of who begins (RFC 5763 §5), and the association stays whatever
// a phone answers to that, as long as it shows the same certificate; with another one there is a new association.
func TestChangesKeepDTLS(t *testing.T) {
	const other = "sha-256 FF:11:22:33:44:55:66:77:88:99:AA:BB:CC:DD:EE:FF:00:11:22:33:44:55:66:77:88:99:AA:BB:CC:DD:EE:FF"
	dtls := func(setup, fingerprint string) []byte {
		return secureOffer(protoDTLS, "a=setup:"+setup+"\r\na=fingerprint:"+fingerprint+"\r\n")
	}
	for _, began := range []string{"active", "passive", "actpass"} {
		t.Run(began, func(t *testing.T) {
			n := guarded(guarding{fingerprint: fingerprintText})
			answer, first, err := n.answer(dtls(began, fingerprintText))
			if err != nil || first.DTLS.Client == strings.Contains(string(answer), "a=setup:passive") {
				t.Fatalf("%v, client %v:\n%s", err, first.DTLS.Client, answer)
			}
			for _, c := range []struct {
				what  string
				offer func() []byte
			}{
				{"refresh", n.repeat}, {"hold", func() []byte { return n.propose(proposal{hold: true}) }},
				{"refresh on hold", n.repeat}, {"resume", func() []byte { return n.propose(proposal{}) }},
			} {
				for _, says := range []string{"active", "passive"} {
					offer := c.offer()
					if !strings.Contains(string(offer), "a=setup:actpass\r\n") ||
						!strings.Contains(string(offer), "a=fingerprint:"+fingerprintText) {
						t.Fatalf("%s:\n%s", c.what, offer)
					}
					s, fault := n.accept(dtls(says, fingerprintText))
					if fault != nil || s.DTLS != first.DTLS {
						t.Errorf("%s answered with %s: %v, %+v, was %+v", c.what, says, fault, s.DTLS, first.DTLS)
					}
				}
			}
			again, s, err := n.answer(dtls("actpass", fingerprintText))
			if err != nil || s.DTLS != first.DTLS || strings.Contains(string(again), "actpass") {
				t.Errorf("offered anew: %v, %+v, was %+v:\n%s", err, s.DTLS, first.DTLS, again)
			}
			n.repeat()
			s, err = n.accept(dtls("active", other))
			if err != nil || s.DTLS.Client || s.DTLS.Fingerprint == first.DTLS.Fingerprint {
				t.Errorf("another certificate: %v, %+v", err, s.DTLS)
			}
		})
	}
}
