package webhook

import (
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"sync/atomic"
	"testing"

	"pintle/interpreter"
)

// spellings are ways to write an address of this machine or of its neighbours; %d is the canary's port.
var spellings = []string{
	// this machine, as literals
	"http://127.0.0.1:%d/", "http://127.0.0.2:%d/", "http://127.1.2.3:%d/", "http://127.255.255.254:%d/",
	"http://0.0.0.0:%d/", "http://[::1]:%d/", "http://[::]:%d/", "http://[0:0:0:0:0:0:0:1]:%d/",
	"http://[0000:0000:0000:0000:0000:0000:0000:0001]:%d/", "http://[::ffff:127.0.0.1]:%d/", "http://[::ffff:7f00:1]:%d/",
	"http://[0:0:0:0:0:ffff:127.0.0.1]:%d/", "http://[::ffff:0:0]:%d/", "http://[::127.0.0.1]:%d/",
	"http://[::7f00:1]:%d/", "http://[64:ff9b::127.0.0.1]:%d/", "http://[64:ff9b::7f00:1]:%d/",
	"http://[64:ff9b:1::7f00:1]:%d/", "http://[2002:7f00:1::]:%d/", "http://[2002:7f00:0001::1]:%d/",
	"http://[2001:db8::5efe:127.0.0.1]:%d/", "http://[2a00:1450::5efe:7f00:1]:%d/",
	"http://[2a00:1450::200:5efe:7f00:1]:%d/", "http://[2001:0:7f00:1::]:%d/", "http://[::ffff:0:127.0.0.1]:%d/",
	// numbers and other bases
	"http://2130706433:%d/", "http://0x7f000001:%d/", "http://0x7f.0x0.0x0.0x1:%d/", "http://0177.0.0.1:%d/",
	"http://0177.0.0.01:%d/", "http://017700000001:%d/", "http://127.1:%d/", "http://127.0.1:%d/", "http://0x7f.1:%d/",
	"http://127.0.0.1.:%d/", "http://127.000.000.001:%d/", "http://0:%d/", "http://0x0:%d/",
	"http://00000000177.0.0.1:%d/", "http://127.0x0.0.1:%d/", "http://4278190081:%d/", "http://127.0.0.1%%00.example:%d/",
	"http://%%31%%32%%37.0.0.1:%d/", "http://127%%2e0%%2e0%%2e1:%d/",
	// names
	"http://localhost:%d/", "http://LOCALHOST:%d/", "http://localhost.:%d/", "http://localhost.localdomain:%d/",
	"http://ip6-localhost:%d/", "http://127.0.0.1.nip.test:%d/", "http://loop.test:%d/", "http://loop6.test:%d/",
	"http://mapped.test:%d/", "http://rebind.test:%d/", "http://both.test:%d/", "http://under_score.test:%d/",
	"http://xn--lop-1na.test:%d/", "http://löop.test:%d/", "http://ⓛocalhost:%d/", "http://①②⑦.⓪.⓪.①:%d/",
	"http://127。0。0。1:%d/", "http://127．0．0．1:%d/",
	// hidden behind other parts
	"http://user@127.0.0.1:%d/", "http://user:canarypw@127.0.0.1:%d/", "http://example.com@127.0.0.1:%d/",
	"http://example.com:80@127.0.0.1:%d/", "http://127.0.0.1:%d@127.0.0.1/", "http://127.0.0.1:%d/#@example.com/",
	"http://127.0.0.1:%d?@example.com/", "http://127.0.0.1:%d\\@example.com/", "http:\\\\127.0.0.1:%d/",
	"http:127.0.0.1:%d/", "http:/127.0.0.1:%d/", "http:///127.0.0.1:%d/", "HTTP://127.0.0.1:%d/", "https://127.0.0.1:%d/",
	"//127.0.0.1:%d/", "127.0.0.1:%d", " http://127.0.0.1:%d/", "http://127.0.0.1:%d/\r\nHost: x",
	"http://127.0.0.1\t:%d/",
	// other schemes
	"gopher://127.0.0.1:%d/x", "ftp://127.0.0.1:%d/", "file:///proc/self/environ#%d", "dict://127.0.0.1:%d/",
	"ws://127.0.0.1:%d/", "jar:http://127.0.0.1:%d!/", "javascript:%d", "data:text/xml,%d", "unix:///run/%d.sock",
	// neighbours and clouds; nothing may be sent to them either
	"http://10.0.0.1:%d/", "http://172.16.0.1:%d/", "http://172.31.255.255:%d/", "http://192.168.1.1:%d/",
	"http://100.64.0.1:%d/", "http://169.254.169.254:%d/latest/meta-data/", "http://[fd00:ec2::254]:%d/",
	"http://100.100.100.200:%d/", "http://168.63.129.16:%d/", "http://192.0.0.192:%d/", "http://[fe80::1]:%d/",
	"http://[fe80::1%%25lo]:%d/", "http://[fc00::1]:%d/", "http://[fec0::1]:%d/", "http://224.0.0.1:%d/",
	"http://255.255.255.255:%d/", "http://240.0.0.1:%d/", "http://[ff02::1]:%d/", "http://198.18.0.1:%d/",
	"http://[100::1]:%d/",
}

// canary listens on every address of this machine and counts who comes.
func canary(t *testing.T) (port int, hits *atomic.Int32) {
	t.Helper()
	l, err := net.Listen("tcp", ":0")
	if err != nil {
		t.Fatal(err)
	}
	hits = &atomic.Int32{}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			hits.Add(1)
			c.Close()
		}
	}()
	t.Cleanup(func() { l.Close(); <-done })
	return l.Addr().(*net.TCPAddr).Port, hits
}

// liar resolves every name to this machine, one of them only from the second look-up on.
func liar() *net.Resolver {
	var asked atomic.Int32
	return names(func(name string) []string {
		switch name {
		case "loop6.test":
			return []string{"::1"}
		case "mapped.test":
			return []string{"::ffff:127.0.0.1"}
		case "both.test":
			return []string{"10.255.255.1", "127.0.0.1", "::1"}
		case "rebind.test":
			if asked.Add(1) <= 2 {
				return []string{"10.9.9.9"}
			}
		}
		return []string{"127.0.0.1"}
	})
}

func TestNoSpellingReachesThisMachine(t *testing.T) {
	port, hits := canary(t)
	if len(spellings) < 80 {
		t.Fatalf("only %d spellings", len(spellings))
	}
	var next atomic.Value
	s := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header()["Location"] = []string{next.Load().(string)}
		w.WriteHeader(http.StatusFound)
	})
	at := netip.MustParseAddrPort(s.Listener.Addr().String())
	c := closed(t, New(Config{Resolver: liar(),
		Allow: []Allow{{Prefix: netip.PrefixFrom(at.Addr(), 32), Port: at.Port()}}}))
	for _, sp := range spellings {
		u := fmt.Sprintf(sp, port)
		for way, fetch := range map[string]func() error{
			"direct":   func() error { _, err := get(t, c, u); return err },
			"redirect": func() error { next.Store(u); _, err := get(t, c, s.URL+"/dir/"); return err },
			"audio": func() error {
				req, err := http.NewRequestWithContext(t.Context(), "GET", u, nil)
				if err != nil {
					return nil //nolint:nilerr // not even a request
				}
				resp, err := c.HTTPClient("audio").Do(req)
				if err == nil {
					resp.Body.Close()
				}
				return err
			},
		} {
			err := fetch()
			if n := hits.Swap(0); n != 0 {
				t.Errorf("%s by %s reached the canary", u, way)
			}
			code := interpreter.CodeOf(err)
			refused := code == interpreter.CodeAddress || code == interpreter.CodeURL || code == interpreter.CodeHost
			// What a redirect names without scheme or host stays on the redirecting server, which redirects again.
			if circle := way == "redirect" && code == interpreter.CodeRedirects; way != "audio" && !refused && !circle {
				t.Errorf("%s by %s: got %v", u, way, err)
			}
			if err != nil && code != 0 && strings.Contains(err.Error(), "canarypw") && way != "audio" {
				t.Errorf("%s by %s: password in %v", u, way, err)
			}
		}
	}
}

func TestRefusalNamesBothWaysOut(t *testing.T) {
	c := closed(t, New(Config{AllowSetting: "fetch.allow"}))
	for _, u := range []string{"http://127.0.0.1:1/", "http://169.254.169.254/", "http://224.0.0.1/"} {
		_, err := get(t, c, u)
		wantCode(t, err, interpreter.CodeAddress)
		for _, word := range []string{"--allow-private", "fetch.allow"} {
			if err == nil || !strings.Contains(err.Error(), word) {
				t.Errorf("%s: %v does not name %s", u, err, word)
			}
		}
	}
}

func TestPolicy(t *testing.T) {
	closedPolicy := policy{setting: "x"}
	private := policy{private: true, setting: "x"}
	list := policy{setting: "x"}
	for _, s := range []string{"10.1.0.0/16:8080", "169.254.169.254", "[fd12::/16]:443"} {
		a, err := ParseAllow(s)
		if err != nil {
			t.Fatal(err)
		}
		list.allow = append(list.allow, a)
	}
	for _, tc := range []struct {
		addr             string
		closed, priv, ls bool
	}{
		{"8.8.8.8:80", true, true, true},
		{"[2a00:1450:4001::1]:443", true, true, true},
		{"[64:ff9b::808:808]:443", true, true, true},
		{"127.0.0.1:80", false, true, false},
		{"[::ffff:127.0.0.1]:80", false, true, false},
		{"10.1.2.3:8080", false, true, true},
		{"10.1.2.3:8081", false, true, false},
		{"[::ffff:10.1.2.3]:8080", false, true, true},
		{"10.2.2.3:8080", false, true, false},
		{"169.254.169.254:80", false, false, true},
		{"[fd12::1]:443", false, true, true},
		{"[fd12::1]:444", false, true, false},
		{"[64:ff9b::a01:203]:8080", false, false, false},
		{"224.0.0.1:80", false, false, false},
		{"172.15.255.255:80", true, true, true},
		{"172.32.0.0:80", true, true, true},
		{"100.128.0.1:80", true, true, true},
	} {
		ap := netip.MustParseAddrPort(tc.addr)
		got := [3]bool{closedPolicy.check(ap) == nil, private.check(ap) == nil, list.check(ap) == nil}
		if want := [3]bool{tc.closed, tc.priv, tc.ls}; got != want {
			t.Errorf("%s: allowed by closed, private, list: %v, want %v", tc.addr, got, want)
		}
	}
}

func TestParseAllow(t *testing.T) {
	for _, s := range []string{"10.0.0.0/8", "10.1.2.3/32:80", "fd00::/8", "[fd00::/8]:8080", "::1/128"} {
		a, err := ParseAllow(s)
		if err != nil || a.String() != s {
			t.Errorf("%q: got %v, %v", s, a, err)
		}
	}
	for _, s := range []string{"", "10.0.0.0/33", "host", "10.0.0.1:0", "10.0.0.1:x", "[::1", "1.2.3.4:70000"} {
		if a, err := ParseAllow(s); err == nil {
			t.Errorf("%q was read as %v", s, a)
		}
	}
}

func FuzzPolicy(f *testing.F) {
	for _, s := range []string{"127.0.0.1", "::ffff:10.0.0.1", "64:ff9b::7f00:1", "2002:a00:1::", "fe80::1%lo",
		"8.8.8.8"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		a, err := netip.ParseAddr(s)
		if err != nil {
			return
		}
		r, what := judge(a)
		plain := a.WithZone("").Unmap()
		inside := plain.IsPrivate() || plain.IsLoopback() || plain.IsLinkLocalUnicast() || plain.IsMulticast() ||
			plain.IsUnspecified()
		if inside && r == public {
			t.Errorf("%s counts as public", s)
		}
		if r != public && what == "" {
			t.Errorf("%s is refused without a reason", s)
		}
		if a.Is4() {
			if m, _ := judge(netip.AddrFrom16(a.As16())); m != r {
				t.Errorf("%s: the mapped form is judged differently", s)
			}
		}
		if w := nat64.Addr().As16(); plain.Is4() && r != public {
			copy(w[12:], plain.AsSlice())
			if m, _ := judge(netip.AddrFrom16(w)); m == public {
				t.Errorf("%s: its NAT64 form is public", s)
			}
		}
	})
}

func FuzzTarget(f *testing.F) {
	for _, s := range spellings {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		tg, err := parseTarget(s)
		if err != nil {
			return
		}
		again, err := parseTarget(tg.u.String())
		if err != nil || again.u.String() != tg.u.String() {
			t.Errorf("%q: %q is not read again the same: %v", s, tg.u, err)
		}
		if strings.ContainsAny(tg.u.RequestURI()+tg.u.Host, " \r\n\t") {
			t.Errorf("%q: blank in the request line", s)
		}
	})
}
