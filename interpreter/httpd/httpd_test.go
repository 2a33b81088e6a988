package httpd_test

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/valyala/fasthttp"
	"go.uber.org/goleak"

	"pintle/interpreter"
	"pintle/interpreter/httpd"
	"pintle/interpreter/memstore"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m,
		// fasthttp keeps a clock for the Date header as long as the process lives, and a cleaner of workers that notices
		// within ten seconds that its server has ended.
		goleak.IgnoreAnyFunction("github.com/valyala/fasthttp.updateServerDate.func1"),
		goleak.IgnoreAnyFunction("github.com/valyala/fasthttp.(*workerPool).Start.func2"))
}

// rig is a server that is called without a listener, with one recording.
type rig struct {
	*httpd.Server
	sounds  *httpd.Sounds
	account interpreter.Account
	id      string // of the recording
}

const sound = "RIFFxxxxWAVE0123456789"

func newRig(t testing.TB, cfg httpd.Config) *rig {
	t.Helper()
	r := &rig{account: interpreter.Account{ID: interpreter.NewID(), Token: interpreter.NewID()}, id: interpreter.NewID()}
	records, blobs := memstore.NewRecords(), memstore.NewBlobs()
	b, err := blobs.Create(t.Context(), r.id+".wav")
	must(t, err)
	_, err = io.WriteString(b, sound)
	must(t, errors.Join(err, b.Close()))
	r.sounds = &httpd.Sounds{Records: records, Blobs: blobs, Auth: httpd.NewAuth(r.account),
		Links: httpd.NewLinks(r.account.Token)}
	r.store(t, r.id, "completed")
	r.Server = httpd.New(cfg)
	r.sounds.Register(r.Server)
	return r
}

func (r *rig) store(t testing.TB, id, status string) {
	t.Helper()
	rec := interpreter.RecordingRecord{ID: id, Account: r.account.ID, Blob: id + ".wav", Status: status}
	must(t, r.sounds.Records.Put(t.Context(), interpreter.KindRecording, id, rec, 0))
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// path of the recording with what follows its SID.
func (r *rig) path(after string) string {
	return "/2010-04-01/Accounts/AC" + r.account.ID + "/Recordings/RE" + r.id + after
}

// ask is a request of the test.
type ask struct {
	method, path, from string
	header             map[string]string
	login              *interpreter.Account
}

type reply struct {
	status int
	body   string
	header func(string) string
}

func (r *rig) do(a ask) reply {
	var req fasthttp.Request
	req.Header.SetMethod("GET")
	if a.method != "" {
		req.Header.SetMethod(a.method)
	}
	req.Header.SetRequestURI(a.path)
	req.Header.SetHost("pintle.test")
	for k, v := range a.header {
		req.Header.Set(k, v)
	}
	if a.login != nil {
		req.Header.Set("Authorization", "Basic "+base64.StdEncoding.EncodeToString([]byte("AC"+a.login.ID+":"+a.login.Token)))
	}
	from := a.from
	if from == "" {
		from = "192.0.2.1"
	}
	var ctx fasthttp.RequestCtx
	ctx.Init(&req, &net.TCPAddr{IP: net.ParseIP(from), Port: 4000}, nil)
	r.Serve(&ctx)
	body := string(ctx.Response.Body())
	return reply{ctx.Response.StatusCode(), body, func(k string) string { return string(ctx.Response.Header.Peek(k)) }}
}

func TestRecording(t *testing.T) {
	r := newRig(t, httpd.Config{Rate: -1})
	r.store(t, strings.Repeat("a", 32), "in-progress")
	r.store(t, strings.Repeat("b", 32), "completed") // its sound is gone
	own := &r.account
	wrong := interpreter.Account{ID: r.account.ID, Token: interpreter.NewID()}
	other := strings.Replace(r.path(""), r.account.ID, interpreter.NewID(), 1)
	for _, c := range []struct {
		name   string
		ask    ask
		status int
		body   string
	}{
		{"sound", ask{path: r.path(""), login: own}, 200, sound},
		{"with extension", ask{path: r.path(".wav"), login: own}, 200, sound},
		{"head", ask{method: "HEAD", path: r.path(""), login: own}, 200, ""},
		{"mp3", ask{path: r.path(".mp3"), login: own}, 406, ".wav"},
		{"no login", ask{path: r.path("")}, 401, `"code":20003`},
		{"wrong token", ask{path: r.path(""), login: &wrong}, 401, `"code":20003`},
		{"no token", ask{path: r.path(""), login: &interpreter.Account{ID: r.account.ID}}, 401, `"code":20003`},
		{"other account", ask{path: other, login: own}, 404, `"code":20404`},
		{"other account, no login", ask{path: other}, 401, `"code":20003`},
		{"unknown", ask{path: strings.Replace(r.path(""), r.id, strings.Repeat("c", 32), 1), login: own}, 404,
			`"code":20404`},
		{"unknown, no login", ask{path: strings.Replace(r.path(""), r.id, strings.Repeat("c", 32), 1)}, 401, `"code":20003`},
		{"being written", ask{path: strings.Replace(r.path(""), r.id, strings.Repeat("a", 32), 1), login: own}, 404,
			`"code":20404`},
		{"sound gone", ask{path: strings.Replace(r.path(""), r.id, strings.Repeat("b", 32), 1), login: own}, 404,
			`"code":20404`},
		{"post", ask{method: "POST", path: r.path(""), login: own}, 405, `"code":20004`},
		{"part", ask{path: r.path(""), login: own, header: map[string]string{"Range": "bytes=12-15"}}, 206, "0123"},
		{"end", ask{path: r.path(""), login: own, header: map[string]string{"Range": "bytes=-3"}}, 206, "789"},
		{"outside", ask{path: r.path(""), login: own, header: map[string]string{"Range": "bytes=22-"}}, 416, `"status":416`},
		{"several parts", ask{path: r.path(""), login: own, header: map[string]string{"Range": "bytes=0-1,3-4"}}, 200, sound},
		{"elsewhere", ask{path: "/nowhere", login: own}, 404, `"code":20404`},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := r.do(c.ask)
			if got.status != c.status || !strings.Contains(got.body, c.body) {
				t.Fatalf("got %d %q, want %d with %q", got.status, got.body, c.status, c.body)
			}
			if got.header("X-Content-Type-Options") != "nosniff" {
				t.Error("no nosniff")
			}
			if got.status >= 400 {
				var p struct{ Code, Status int }
				if err := json.Unmarshal([]byte(got.body), &p); err != nil || p.Status != got.status || p.Code == 0 {
					t.Errorf("error body %q: %v", got.body, err)
				}
				return
			}
			if got.header("Content-Type") != "audio/x-wav" || !strings.Contains(got.header("Content-Disposition"), "RE"+r.id) {
				t.Errorf("content type %q, disposition %q", got.header("Content-Type"), got.header("Content-Disposition"))
			}
		})
	}
	part := r.do(ask{path: r.path(""), login: own, header: map[string]string{"Range": "bytes=12-15"}})
	if got := part.header("Content-Range"); got != "bytes 12-15/22" {
		t.Errorf("Content-Range %q", got)
	}
}

func TestSignedLinks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, httpd.Config{Rate: -1})
		link := r.sounds.Link(r.account.ID, r.id)
		if got := r.do(ask{path: link}); got.status != 200 || got.body != sound {
			t.Fatalf("signed link: %d %s", got.status, got.body)
		}
		if got := r.do(ask{path: strings.Replace(link, "?", ".wav?", 1)}); got.status != 200 {
			t.Errorf("with extension: %d", got.status)
		}
		long := httpd.NewLinks(r.account.Token).Sign(r.path(""), 1000*time.Hour)
		foreign := httpd.NewLinks(interpreter.NewID()).Sign(r.path(""), time.Hour)
		for name, bad := range map[string]string{
			"other recording": strings.Replace(link, r.id, strings.Repeat("c", 32), 1),
			"other account":   strings.Replace(link, r.account.ID, strings.Repeat("c", 32), 1),
			"longer life":     strings.Replace(link, "expires=", "expires=1", 1),
			"cut":             link[:len(link)-2],
			"empty":           r.path("?sig=&expires="),
			"foreign key":     foreign,
		} {
			if got := r.do(ask{path: bad, from: "192.0.2.77"}); got.status != 401 {
				t.Errorf("%s: %d", name, got.status)
			}
		}
		time.Sleep(24*time.Hour + time.Second)
		for _, old := range []string{link, long} { // what was signed for longer lives 24 h too
			if got := r.do(ask{path: old}); got.status != 401 {
				t.Errorf("expired link: %d", got.status)
			}
		}
	})
}

func TestFailedLoginsSlowTheirSourceDown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, httpd.Config{Rate: -1})
		wrong := interpreter.Account{ID: r.account.ID, Token: "guess"}
		for i := range 10 {
			if got := r.do(ask{path: r.path(""), login: &wrong}); got.status != 401 {
				t.Fatalf("try %d: %d", i, got.status)
			}
		}
		if got := r.do(ask{path: r.path(""), login: &r.account}); got.status != 429 || got.header("Retry-After") == "" {
			t.Errorf("after ten failures: %d", got.status)
		}
		if got := r.do(ask{path: r.path(""), login: &r.account, from: "192.0.2.2"}); got.status != 200 {
			t.Errorf("the same account elsewhere: %d", got.status)
		}
		time.Sleep(10*time.Minute + time.Second)
		if got := r.do(ask{path: r.path(""), login: &r.account}); got.status != 200 {
			t.Errorf("after ten minutes: %d", got.status)
		}
		for range 30 { // one failure in ten seconds is a person
			r.do(ask{path: r.path(""), login: &wrong})
			time.Sleep(10 * time.Second)
		}
		if got := r.do(ask{path: r.path(""), login: &r.account}); got.status != 200 {
			t.Errorf("after slow failures: %d", got.status)
		}
	})
}

func TestRateOfOneClient(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, httpd.Config{Rate: 10})
		for i := range 11 {
			got := r.do(ask{path: "/nowhere"})
			if want := map[bool]int{true: 429, false: 404}[i == 10]; got.status != want {
				t.Fatalf("request %d: %d, want %d", i, got.status, want)
			}
		}
		if got := r.do(ask{path: "/nowhere", from: "192.0.2.2"}); got.status != 404 {
			t.Errorf("another client: %d", got.status)
		}
		time.Sleep(time.Second)
		if got := r.do(ask{path: "/nowhere"}); got.status != 404 {
			t.Errorf("a second later: %d", got.status)
		}
	})
}

// TestTraversal asks for a canary by every spelling of a path out of the recordings that is known.
func TestTraversal(t *testing.T) {
	r := newRig(t, httpd.Config{Rate: -1})
	base := "/2010-04-01/Accounts/AC" + r.account.ID + "/Recordings/"
	dots := []string{"..", "%2e%2e", "%2E.", ".%2e", "%252e%252e", "%25252e%25252e", "%c0%ae%c0%ae", "%e0%80%ae%e0%80%ae",
		"%u002e%u002e", "．．", "...", "....", ". .", "..%00", "..;"}
	slashes := []string{"/", "%2f", "%2F", "%252f", "%5c", "\\", "%255c", "%c0%af", "%e0%80%af", "%u2215", "／", "//",
		"/./", "%00/"}
	var paths []string
	for _, d := range dots {
		for _, s := range slashes {
			paths = append(paths, base+d+s+d+s+"etc"+s+"passwd", base+"RE"+r.id+s+d+s+"RE"+r.id,
				base+d+s+"Recordings"+s+"RE"+r.id)
		}
	}
	for _, s := range []string{"/etc/passwd", "%2fetc%2fpasswd", "C:%5cboot.ini", "file:///etc/passwd", r.id + ".wav",
		"RE" + r.id + "%00.wav",
		"RE" + r.id + ".wav%00", "RE" + r.id + ".wav/", "RE" + r.id + ".WAV", "RE" + strings.ToUpper(r.id),
		"RE" + r.id + "%2ewav%2f..", "RE" + r.id + " ",
		"re" + r.id, "RE" + r.id + ".json", "RE" + r.id + ".wav.wav", "%52%45" + r.id + "%2f%2e%2e", "", ".", "..", "RE", "*",
		"RE" + r.id + "%0d%0aX: y"} {
		paths = append(paths, base+s)
	}
	if len(paths) < 100 {
		t.Fatalf("only %d spellings", len(paths))
	}
	for _, p := range paths {
		if got := r.do(ask{path: p, login: &r.account}); (got.status != 404 && got.status != 400) ||
			strings.Contains(got.body, "RIFF") || strings.Contains(got.body, "root:") {
			t.Errorf("%s: %d %.60q", p, got.status, got.body)
		}
	}
}

func TestHealthAndMetrics(t *testing.T) {
	state := httpd.Health{Calls: 3}
	r := newRig(t, httpd.Config{Version: "v1", Health: func() httpd.Health { return state }})
	r.Metrics().Gauge("pintle_slot_lag_seconds", "Lag.", func() float64 { return 0.25 })
	r.Metrics().Observe(interpreter.Event{Kind: interpreter.EvCDR,
		Data: interpreter.CDR{CallRecord: interpreter.CallRecord{Status: "busy"},
			Media: &interpreter.Quality{Unauthentic: 7}}})
	r.Metrics().Observe(interpreter.Event{Kind: interpreter.EvDocument, Data: interpreter.DocumentData{Source: "webhook"}})
	r.Metrics().Observe(interpreter.Event{Kind: interpreter.EvFallback, Fault: 11205})
	r.Metrics().Observe(interpreter.Event{Kind: interpreter.EvCallback, Fault: 15003,
		Text: "callback status completed given up after 3 attempts"})
	got := r.do(ask{path: "/metrics", from: "127.0.0.1"})
	for _, line := range []string{`pintle_calls_total{status="busy"} 1`, `pintle_documents_total{result="webhook"} 1`,
		`pintle_documents_total{result="failed"} 1`,
		`pintle_faults_total{code="11205"} 1`, `pintle_callbacks_total{result="given-up"} 1`, `pintle_slot_lag_seconds 0.25`,
		"pintle_media_unauthentic_total 7", "pintle_fetch_seconds_bucket", "go_goroutines"} {
		if !strings.Contains(got.body, line) {
			t.Errorf("metrics without %s", line)
		}
	}
	for _, path := range []string{"/healthz", "/metrics"} {
		if got := r.do(ask{path: path, from: "192.0.2.1"}); got.status != 404 {
			t.Errorf("%s for another machine: %d", path, got.status)
		}
		if got := r.do(ask{path: path, from: "127.0.0.1",
			header: map[string]string{"X-Forwarded-For": "192.0.2.1"}}); got.status != 404 {
			t.Errorf("%s through a proxy: %d", path, got.status)
		}
	}
	if got := r.do(ask{path: "/healthz", from: "127.0.0.1"}); got.status != 200 ||
		!strings.Contains(got.body, `"status":"ok","version":"v1"`) || !strings.Contains(got.body, `"calls":3`) {
		t.Errorf("healthy: %d %s", got.status, got.body)
	}
	state.Draining = true
	if got := r.do(ask{path: "/healthz", from: "::1"}); got.status != 503 ||
		!strings.Contains(got.body, `"draining":true`) {
		t.Errorf("draining: %d %s", got.status, got.body)
	}
	state = httpd.Health{Problem: errors.New("disk full")}
	if got := r.do(ask{path: "/healthz", from: "127.0.0.1"}); got.status != 503 ||
		!strings.Contains(got.body, "disk full") {
		t.Errorf("failing: %d %s", got.status, got.body)
	}
}

func TestPanicEndsOneRequest(t *testing.T) {
	r := newRig(t, httpd.Config{})
	r.Handle("GET", "/panics", func(*fasthttp.RequestCtx) { panic("secret detail") })
	if got := r.do(ask{path: "/panics"}); got.status != 500 || strings.Contains(got.body, "secret") {
		t.Errorf("got %d %s", got.status, got.body)
	}
	if got := r.do(ask{path: "/metrics", from: "127.0.0.1"}); !strings.Contains(got.body, "pintle_http_panics_total 1") {
		t.Error("the panic was not counted")
	}
}

func TestHosts(t *testing.T) {
	r := newRig(t, httpd.Config{AllowedHosts: []string{"pintle.test"}})
	for host, want := range map[string]int{"pintle.test": 404, "PINTLE.test:8080": 404, "evil.test": 421, "": 421,
		"pintle.test.evil.test": 421} {
		if got := r.do(ask{path: "/nowhere", header: map[string]string{"Host": host}}); got.status != want {
			t.Errorf("host %q: %d, want %d", host, got.status, want)
		}
	}
}

func TestIdentity(t *testing.T) {
	records, env := memstore.NewRecords(), map[string]string{}
	getenv := func(k string) string { return env[k] }
	first, err := httpd.LoadIdentity(t.Context(), records, getenv)
	if err != nil || !first.New || len(first.Account.ID) != 32 || len(first.Account.Token) != 32 ||
		first.Account.ID == first.Account.Token {
		t.Fatalf("first start: %+v, %v", first, err)
	}
	second, err := httpd.LoadIdentity(t.Context(), records, getenv)
	if err != nil || second.New || second.Account != first.Account {
		t.Errorf("second start: %+v, %v", second, err)
	}
	env[httpd.EnvToken] = "mine"
	got, err := httpd.LoadIdentity(t.Context(), records, getenv)
	if err != nil || got.Account.Token != "mine" || got.Account.ID != first.Account.ID {
		t.Errorf("with a token: %+v, %v", got, err)
	}
	env[httpd.EnvAccount] = "AC" + strings.Repeat("0", 32)
	empty := memstore.NewRecords()
	got, err = httpd.LoadIdentity(t.Context(), empty, getenv)
	if err != nil || got.New || got.Account.ID != strings.Repeat("0", 32) {
		t.Errorf("with both: %+v, %v", got, err)
	}
	if ids, _ := empty.List(t.Context(), "identity", interpreter.Query{}); len(ids) != 0 {
		t.Error("what the environment gives was stored")
	}
	env[httpd.EnvAccount] = "AC12"
	if _, err := httpd.LoadIdentity(t.Context(), records, getenv); err == nil ||
		!strings.Contains(err.Error(), httpd.EnvAccount) {
		t.Errorf("a bad id: %v", err)
	}
}
