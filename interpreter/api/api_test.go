package api_test

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/valyala/fasthttp"

	"pintle/interpreter"
	"pintle/interpreter/api"
	"pintle/interpreter/httpd"
)

type rig struct {
	*httpd.Server
	account interpreter.Account
	api     *api.API
	ready   bool
	phones  int
	reload  error
}

func newRig() *rig {
	r := &rig{account: interpreter.Account{ID: interpreter.NewID(), Token: interpreter.NewID()}, ready: true}
	r.Server = httpd.New(httpd.Config{Rate: -1})
	r.api = &api.API{Auth: httpd.NewAuth(r.account), Ready: func() bool { return r.ready },
		Status: func() api.Status { return api.Status{Version: "v1", PID: 7} },
		Phones: func() []api.Phone {
			list := make([]api.Phone, r.phones)
			for i := range list {
				list[i].User = fmt.Sprint("u", i)
			}
			return list
		},
		Trunks:   func() []api.Trunk { return nil },
		Reload:   func() (api.Reloaded, error) { return api.Reloaded{Changed: []string{"trunks"}}, r.reload },
		SelfTest: func(string) (api.SelfTest, error) { return api.SelfTest{}, nil }}
	r.api.Register(r.Server)
	return r
}

func (r *rig) ask(method, path, token string) (int, string) {
	var ctx fasthttp.RequestCtx
	ctx.Request.Header.SetMethod(method)
	ctx.Request.SetRequestURI(path)
	if token != "" {
		ctx.Request.Header.Set("Authorization", "Basic "+base64.StdEncoding.EncodeToString([]byte(
			interpreter.SID("AC", r.account.ID)+":"+token)))
	}
	r.Serve(&ctx)
	return ctx.Response.StatusCode(), string(ctx.Response.Body())
}

// R-API-1: no route under /v1 answers without the account's log-in, or while the engine starts.
func TestEveryRouteAsksForTheLogIn(t *testing.T) {
	r := newRig()
	n := 0
	for method, paths := range r.Routes() {
		for _, path := range paths {
			if !strings.HasPrefix(path, "/v1/") {
				continue
			}
			n++
			for _, token := range []string{"", "wrong"} {
				if status, _ := r.ask(method, path, token); status != http.StatusUnauthorized {
					t.Errorf("%s %s with the token %q: %d, want 401", method, path, token, status)
				}
			}
		}
	}
	if n < 5 {
		t.Errorf("%d routes, want five", n)
	}
	r = newRig()
	r.ready = false
	if status, _ := r.ask("GET", "/v1/phones", r.account.Token); status != http.StatusServiceUnavailable {
		t.Errorf("while it starts: %d, want 503", status)
	}
}

func TestPhonesComeInPages(t *testing.T) {
	r := newRig()
	r.phones = 2500
	seen := map[string]bool{}
	pages := 0
	for path := "/v1/phones"; path != ""; pages++ {
		status, body := r.ask("GET", path, r.account.Token)
		var l api.PhoneList
		if err := json.Unmarshal([]byte(body), &l); status != 200 || err != nil || l.Total != 2500 {
			t.Fatalf("%s: %d %.100s %v", path, status, body, err)
		}
		for _, p := range l.Phones {
			seen[p.User] = true
		}
		path = l.Next
	}
	if pages != 3 || len(seen) != 2500 {
		t.Errorf("%d pages, %d phones; want 3 and 2500", pages, len(seen))
	}
	r.phones = 0
	if _, body := r.ask("GET", "/v1/phones", r.account.Token); body != `{"phones":[],"total":0}` {
		t.Errorf("none: %s", body)
	}
	for query, field := range map[string]string{"page=-1": "page:", "page=x": "page:", "page_size=1001": "page_size:",
		"page_size=0": "page_size:", "page=99999999999999999999": "page:"} {
		if status, body := r.ask("GET", "/v1/phones?"+query, r.account.Token); status != 400 ||
			!strings.Contains(body, field) {
			t.Errorf("%s: %d %s, want 400 that names %s", query, status, body, field)
		}
	}
	if status, body := r.ask("GET", "/v1/phones?page=7", r.account.Token); status != 200 || !strings.Contains(body, "[]") {
		t.Errorf("beyond the end: %d %s", status, body)
	}
}

func TestAnswersOfReload(t *testing.T) {
	for _, tc := range []struct {
		err    error
		status int
		body   []string
	}{
		{nil, 200, []string{`"changed":["trunks"]`, `"restart":[]`}},
		{api.Problems{"a.yaml:1: one", "a.yaml:2: two"}, 422, []string{`"errors":["a.yaml:1: one","a.yaml:2: two"]`}},
		{errors.New("no disk"), 500, []string{"no disk"}},
	} {
		r := newRig()
		r.reload = tc.err
		status, body := r.ask("POST", "/v1/reload", r.account.Token)
		for _, want := range tc.body {
			if status != tc.status || !strings.Contains(body, want) {
				t.Errorf("%v: %d %s, want %d with %s", tc.err, status, body, tc.status, want)
			}
		}
	}
}

// Making the engine call an address is for its operator, not for whoever has the token.
func TestSelfTestIsForTheControlSocket(t *testing.T) {
	r := newRig()
	if status, _ := r.ask("POST", "/v1/selftest", r.account.Token); status != http.StatusNotFound {
		t.Errorf("by HTTP: %d, want 404", status)
	}
}

func TestStateOfATrunk(t *testing.T) {
	alive, dead, unasked := api.TrunkAddress{Alive: true}, api.TrunkAddress{Quarantined: true}, api.TrunkAddress{}
	for want, list := range map[string][]api.Trunk{
		api.TrunkUp: {{Addresses: []api.TrunkAddress{dead, alive}}, {Registers: true, Registered: true},
			{Registers: true, Registered: true, Addresses: []api.TrunkAddress{unasked}}},
		api.TrunkDown: {{Addresses: []api.TrunkAddress{dead, dead}},
			{Registered: true, Addresses: []api.TrunkAddress{dead}}},
		api.TrunkUnregistered: {{Registers: true}, {Registers: true, Addresses: []api.TrunkAddress{alive}}},
		api.TrunkUnknown:      {{}, {Addresses: []api.TrunkAddress{unasked}}, {Addresses: []api.TrunkAddress{dead, unasked}}},
	} {
		for _, tr := range list {
			if tr.Judge(); tr.State != want {
				t.Errorf("%+v is %s, want %s", tr, tr.State, want)
			}
		}
	}
	if api.Moment(time.Time{}) != nil {
		t.Error("no time is a time")
	}
}
