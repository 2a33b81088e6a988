package main

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/binary"
	"errors"
	"math/big"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"pintle/interpreter"
	"pintle/interpreter/api"
)

// sick is a patient with a good configuration.
func sick(t *testing.T, change func(c *config)) *patient {
	t.Helper()
	c := &config{Data: t.TempDir()}
	if change != nil {
		change(c)
	}
	if err := c.complete(); err != nil {
		t.Fatal(err)
	}
	return &patient{cfg: c, engine: remoteAt(c.Data)}
}

// says compares the last finding: its level, and a part of what it says.
func (p *patient) says(t *testing.T, name, level, part string) {
	t.Helper()
	if len(p.found) == 0 {
		t.Errorf("%s: nothing was found", name)
		return
	}
	f := p.found[len(p.found)-1]
	if f.Level != level || !strings.Contains(f.Text+" "+f.Advice, part) || (level == levelOK) != (f.Advice == "") {
		t.Errorf("%s: %+v, want %s with %q, and advice unless it is well", name, f, level, part)
	}
}

func TestFindingsArePrinted(t *testing.T) {
	list := []finding{{Check: "port", Level: levelOK, Text: "udp 127.0.0.1:5060 is free (sip.listen)"},
		{Check: "open files", Level: levelWarn, Text: "few\x1b[2J\nfiles", Advice: "Raise it."},
		{Check: "dns", Level: levelFail, Text: "unknown", Advice: "Correct it."}}
	want := "ok    port        udp 127.0.0.1:5060 is free (sip.listen)\n" +
		"warn  open files  few [2J files. Raise it.\n" +
		"fail  dns         unknown. Correct it.\n"
	if d := cmp.Diff(want, printed(false, func(s screen) { s.findings(list) })); d != "" {
		t.Error(d)
	}
	if got := printed(true, func(s screen) { s.findings(list) }); !strings.Contains(got, "\x1b[31mfail\x1b[0m") {
		t.Errorf("in colour: %q", got)
	}
}

func TestPortsAreJudged(t *testing.T) {
	p := sick(t, nil)
	d := door{"sip.listen", "udp", "192.0.2.1:5060", "udp"}
	for err, want := range map[error][2]string{nil: {levelOK, "free"}, syscall.EADDRINUSE: {levelFail, "taken by"},
		syscall.EADDRNOTAVAIL: {levelFail, "no interface"}, syscall.EACCES: {levelFail, "may not be opened"},
		errors.New("odd"): {levelFail, "odd"}} {
		p.judgePort(d, err)
		p.says(t, "port", want[0], want[1])
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if err := tryListen("tcp", l.Addr().String()); !errors.Is(err, syscall.EADDRINUSE) {
		t.Errorf("a port that is taken: %v", err)
	}
	if owner := portOwner("tcp", l.Addr().String()); !strings.Contains(owner, "program") &&
		!strings.Contains(owner, "pintle") {
		t.Errorf("it is taken by %q", owner)
	}
	p = sick(t, func(c *config) { c.RTP.Ports = "20000-20099" })
	p.checkRange(t.Context())
	p.says(t, "a narrow range", levelWarn, "room for 50 legs")
}

func TestAddressesAreJudged(t *testing.T) {
	own := []netip.Addr{netip.MustParseAddr("127.0.0.1"), netip.MustParseAddr("10.0.0.5")}
	for told, want := range map[string][2]string{"127.0.0.1": {levelOK, "this machine alone"},
		"10.0.0.5": {levelOK, "this machine's"}, "10.0.0.6": {levelFail, "does not have"},
		"198.51.100.7": {levelOK, "router"}} {
		p := sick(t, nil)
		p.judgeAddress(netip.MustParseAddr(told), told, own)
		p.says(t, told, want[0], want[1])
	}
	p := sick(t, nil)
	p.trunks = []trunkFound{{id: "acme", addresses: []netip.Addr{netip.MustParseAddr("198.51.100.1")}}}
	p.judgeAddress(own[0], "127.0.0.1", own)
	p.says(t, "loopback with a trunk", levelWarn, "sip.listen")
	p.cfg.SIP.Advertise = "10.0.0.5"
	p.checkNAT(t.Context())
	p.says(t, "private address, public trunk", levelWarn, "sip.advertise")
	n := len(p.found)
	p.cfg.SIP.Advertise = "198.51.100.7"
	if p.checkNAT(t.Context()); len(p.found) != n {
		t.Errorf("a public address: %+v", p.found[n:])
	}
	for uri, want := range map[string][4]string{"sip:a.test": {"a.test", "", "sip", "udp"},
		"sip:a.test:5070;transport=tcp": {"a.test", "5070", "sip", "tcp"}, "sips:a.test": {"a.test", "", "sips", "tcp"},
		"sip:[2001:db8::1]": {"2001:db8::1", "", "sip", "udp"}, "sip:a.test;transport=TLS": {"a.test", "", "sips", "tcp"}} {
		host, port, service, transport := trunkPlace(uri)
		if got := [4]string{host, port, service, transport}; got != want {
			t.Errorf("%s: %q, want %q", uri, got, want)
		}
	}
}

// certificate signs itself.
func certificate(t *testing.T, from, until time.Time, names ...string) *x509.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	form := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: names[0]}, NotBefore: from,
		NotAfter: until, DNSNames: names}
	raw, err := x509.CreateCertificate(rand.Reader, form, form, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	c, err := x509.ParseCertificate(raw)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestCertificatesAreJudged(t *testing.T) {
	const day = 24 * time.Hour
	for name, tc := range map[string]struct {
		from, until time.Duration
		peers       []string
		level, part string
	}{
		"over":       {-9 * day, -day, nil, levelFail, "ended"},
		"to come":    {day, 9 * day, nil, levelFail, "begins"},
		"soon over":  {-9 * day, 9 * day, nil, levelWarn, "ends in 9 d"},
		"other name": {-day, 90 * day, []string{"voice.test"}, levelFail, "voice.test"},
		"own hand":   {-day, 90 * day, []string{"a.test"}, levelWarn, "does not trust"},
	} {
		p := sick(t, nil)
		p.judgeCertificate([]*x509.Certificate{certificate(t, at.Add(tc.from), at.Add(tc.until), "a.test")}, tc.peers, at)
		p.says(t, name, tc.level, tc.part)
	}
}

func TestMachineIsJudged(t *testing.T) {
	p := sick(t, nil)
	for _, tc := range []struct {
		free, total uint64
		level       string
	}{{50 * gib, 100 * gib, levelOK}, {2 * gib, 100 * gib, levelWarn}, {gib, 100 * gib, levelFail}, {0, 0, levelFail},
		{gib / 2, 4 * gib, levelWarn}} {
		p.judgeDisk("/x", tc.free, tc.total)
		p.says(t, "disk", tc.level, "/x")
	}
	p.status = &api.Status{Files: 10, MaxFiles: 1024}
	p.checkFiles(t.Context())
	p.says(t, "few files", levelWarn, "1000 calls need 6200")
	p.status.MaxFiles = 10_000
	p.checkFiles(t.Context())
	p.says(t, "many files", levelOK, "may open 10000")
	for state, want := range map[string]string{api.TrunkUp: levelOK, api.TrunkDown: levelFail,
		api.TrunkUnregistered: levelFail, api.TrunkUnknown: levelWarn} {
		p.judgeTrunk(api.Trunk{ID: "acme", State: state})
		p.says(t, state, want, "acme")
	}
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	p.cfg.Data = file
	p.checkDisk(t.Context())
	p.says(t, "a file for a folder", levelFail, "not a folder")
	p.cfg.Data = filepath.Join(t.TempDir(), "not", "made", "yet")
	p.checkDisk(t.Context())
	if f := p.found[len(p.found)-1]; !strings.Contains(f.Text, "GiB") {
		t.Errorf("a folder that will be made: %+v", f)
	}
}

func TestCallsAreJudged(t *testing.T) {
	good := testCall{answered: 20 * time.Millisecond, there: 40 * time.Millisecond, back: 40 * time.Millisecond, sent: 200}
	slow, lossy := good, good
	slow.back, lossy.lost = 200*time.Millisecond, 9
	p := sick(t, nil)
	for _, tc := range []struct {
		m           testCall
		err         error
		level, part string
	}{
		{good, nil, levelOK, "0 of 200 packets lost"}, {slow, nil, levelWarn, "200 ms back"},
		{lossy, nil, levelWarn, "9 of 200"},
		{good, &interpreter.DialError{Code: 503, Reason: "full"}, levelFail, "503 full"},
		{good, errNoSound, levelFail, "firewall"}, {good, context.DeadlineExceeded, levelFail, "deadline"},
	} {
		p.judgeCall("x", tc.m, tc.err)
		p.says(t, tc.part, tc.level, tc.part)
	}
}

// A number for a test call is good once, for half a minute, and there are few of them.
func TestSelfTestNumbers(t *testing.T) {
	var s selfTests
	back := netip.MustParseAddrPort("192.0.2.1:5070")
	number, _, err := s.add(back)
	if err != nil {
		t.Fatal(err)
	}
	if _, ok := s.route("selftest-"); ok {
		t.Error("a number that nobody made was routed")
	}
	start, ok := s.route(number)
	if !ok || !start.Public || !strings.Contains(string(start.Request.Inline), "sip:selftest@192.0.2.1:5070<") {
		t.Errorf("%v %s", ok, start.Request.Inline)
	}
	if _, ok = s.route(number); ok {
		t.Error("it was routed twice")
	}
	for i := range maxSelfTests + 1 {
		if _, _, err = s.add(back); (err != nil) != (i == maxSelfTests) {
			t.Errorf("number %d: %v", i, err)
		}
	}
	for n, old := range s.made {
		old.expires = time.Now().Add(-time.Second)
		s.made[n] = old
		if _, ok := s.route(n); ok {
			t.Error("an old number was routed")
		}
	}
	if _, _, err = s.add(back); err != nil || len(s.made) != 1 {
		t.Errorf("old numbers stay: %v, %d", err, len(s.made))
	}
	for _, bad := range []string{"", "192.0.2.1", "192.0.2.1:0", "a.test:5060", "[fe80::1%eth0]:5060", "1.2.3.4:5;x"} {
		if _, err := (&engine{}).selfTest(bad); err == nil {
			t.Errorf("%q was accepted", bad)
		}
	}
}

// stunAnswer is a success response with one attribute.
func stunAnswer(id []byte, kind uint16, value []byte) []byte {
	b := make([]byte, stunHeader, stunHeader+4+len(value))
	binary.BigEndian.PutUint16(b, stunSuccess)
	copy(b[4:], id)
	b = binary.BigEndian.AppendUint16(b, kind)
	b = binary.BigEndian.AppendUint16(b, uint16(len(value)))
	return append(b, value...)
}

func TestMappedAddress(t *testing.T) {
	id := []byte{0x21, 0x12, 0xa4, 0x42, 0xb7, 0xe7, 0xa7, 0x01, 0xbc, 0x34, 0xd6, 0x86, 0xfa, 0x87, 0xdf, 0xae}
	// The addresses of the test vectors in RFC 5769 §2.2 and §2.3.
	v4 := stunAnswer(id, stunMapped, []byte{0, 1, 0xa1, 0x47, 0xe1, 0x12, 0xa6, 0x43})
	v6 := stunAnswer(id, stunMapped, []byte{0, 2, 0xa1, 0x47, 0x01, 0x13, 0xa9, 0xfa, 0xa5, 0xd3, 0xf1, 0x79, 0xbc, 0x25,
		0xf4, 0xb5, 0xbe, 0xd2, 0xb9, 0xd9})
	for want, b := range map[string][]byte{"192.0.2.1": v4, "2001:db8:1234:5678:11:2233:4455:6677": v6} {
		if a, ok := mappedAddress(b, id); !ok || a.String() != want {
			t.Errorf("%v %v, want %s", a, ok, want)
		}
	}
	other := append([]byte(nil), id...)
	other[15]++
	for name, b := range map[string][]byte{"nothing": nil, "short": v4[:24],
		"other id": stunAnswer(other, stunMapped, v4[24:]), "other attribute": stunAnswer(id, 1, v4[24:]),
		"odd family": stunAnswer(id, stunMapped, []byte{0, 3, 0, 0, 1, 2, 3, 4}),
		"wrong size": stunAnswer(id, stunMapped, []byte{0, 1, 0, 0, 1, 2, 3})} {
		if a, ok := mappedAddress(b, id); ok {
			t.Errorf("%s: %v", name, a)
		}
	}
}

func FuzzMappedAddress(f *testing.F) {
	id := make([]byte, 16)
	f.Add(stunAnswer(id, stunMapped, []byte{0, 1, 0, 0, 1, 2, 3, 4}))
	f.Add(stunAnswer(id, 7, []byte{1, 2, 3}))
	f.Fuzz(func(t *testing.T, b []byte) {
		if a, ok := mappedAddress(b, id); ok && !a.IsValid() {
			t.Errorf("%x gives an address that is none", b)
		}
	})
}
