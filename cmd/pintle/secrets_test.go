package main

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"

	"github.com/sirupsen/logrus"

	"pintle/fixtures"
	"pintle/interpreter"
	"pintle/interpreter/memstore"
	"pintle/interpreter/outbox"
	"pintle/interpreter/timeline"
	"pintle/interpreter/webhook"
	"pintle/verbs/kazoo"
	"pintle/verbs/twiml"
)

// leaks collects everything that a person may get to see of a call: events, timeline, log, records.
type leaks struct {
	mu   sync.Mutex
	text bytes.Buffer
	line timeline.Printer
}

func (l *leaks) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *leaks) observe(e interpreter.Event) {
	b, err := json.Marshal(e)
	if err != nil {
		b = []byte(err.Error())
	}
	fmt.Fprintf(l, "%s\n%s\n", b, l.line.Line(e))
}

// spellings are the forms in which a secret may be written.
func spellings(secret string) []string {
	return []string{secret, base64.StdEncoding.EncodeToString([]byte(secret)), hex.EncodeToString([]byte(secret)),
		url.QueryEscape(secret)}
}

// find tells which secrets are in the text, and where.
func (l *leaks) find(t *testing.T, secrets map[string]string) {
	t.Helper()
	l.mu.Lock()
	defer l.mu.Unlock()
	all := l.text.String()
	for what, secret := range secrets {
		for _, s := range spellings(secret) {
			if at := strings.Index(all, s); at >= 0 {
				t.Errorf("%s is shown: …%s…", what, all[max(0, at-200):min(len(all), at+100)])
				break
			}
		}
	}
}

// R-LOG-2: no password, token or cookie of a call is in its trace, its log or its records, whatever fails.
func TestNothingShowsSecrets(t *testing.T) {
	secrets := map[string]string{
		"the signing key": "canary/token+1", "a password in a URL": "canary-url-pass",
		"a SIP password": "canary-sip-pass", "a cookie": "canary-cookie",
	}
	var host string
	with := func(path string) string { return "http://user:canary-url-pass@" + host + path }
	pages := map[string]func() string{
		"/start": func() string {
			return `<Response><Play>` + with("/gone20ms.wav") + `</Play><Dial action="` + with("/dialled") +
				`"><Sip username="u" password="canary-sip-pass">` +
				`sip:bob@pbx.test</Sip></Dial></Response>`
		},
		"/dialled": func() string { return `<Response><Redirect method="POST">` + with("/flow") + `</Redirect></Response>` },
		"/flow": func() string {
			return `{"module":"play","data":{"id":"` + with("/gone20ms.wav") +
				`"},"children":{"_":{"module":"pivot","data":{"voice_url":"` + with("/broken") +
				`","debug":true},"children":{"_":{"module":"pivot","data":{"voice_url":"` + with("/500") + `"}}}}}}`
		},
		"/broken": func() string { return `{"module":` },
		"/fallback": func() string {
			return `<Response><Play>` + with("/gone20ms.wav") + `</Play></Response>`
		},
	}
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if _, pass, _ := r.BasicAuth(); pass != "canary-url-pass" {
			w.Header().Set("WWW-Authenticate", `Basic realm="x"`)
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		http.SetCookie(w, &http.Cookie{Name: "session", Value: "canary-cookie"})
		if page, ok := pages[r.URL.Path]; ok {
			fmt.Fprint(w, page())
			return
		}
		w.WriteHeader(http.StatusInternalServerError)
	}))
	defer srv.Close()
	host = strings.TrimPrefix(srv.URL, "http://")

	seen := &leaks{}
	records := runSecretly(t, seen, interpreter.Start{
		Request:        interpreter.Request{URL: with("/start"), Dialect: "twiml"},
		Fallback:       interpreter.Request{URL: with("/fallback")},
		StatusCallback: interpreter.StatusCallback{URL: with("/status"), Events: []string{"answered", "completed"}},
	})
	for _, kind := range []string{interpreter.KindCall, interpreter.KindCDR, "pivot_debug"} {
		ids, err := records.List(t.Context(), kind, interpreter.Query{})
		if err != nil {
			t.Fatal(err)
		}
		for _, id := range ids {
			var v json.RawMessage
			if err := records.Get(t.Context(), kind, id, &v); err != nil {
				t.Fatal(err)
			}
			fmt.Fprintf(seen, "%s\n", v)
		}
	}
	for _, must := range []string{"/dialled", "/flow", "/broken", "/500", "/fallback", `"iteration":`} {
		if !strings.Contains(seen.text.String(), must) {
			t.Errorf("the call never came to %s", must)
		}
	}
	seen.find(t, secrets)
}

// runSecretly runs one call on the real web client and queue, with everything told to seen.
func runSecretly(t *testing.T, seen *leaks, start interpreter.Start) interpreter.Records {
	t.Helper()
	log := logrus.New()
	log.SetOutput(seen)
	log.SetLevel(logrus.TraceLevel)
	records, web := memstore.NewRecords(), webhook.New(webhook.Config{AllowPrivate: true})
	account := interpreter.Account{ID: interpreter.NewID(), Token: "canary/token+1"}
	box := outbox.New(outbox.Config{Records: records, Web: web, Observer: seen.observe,
		Log:     log.WithField("part", "outbox"),
		Account: func(string) interpreter.Account { return account }})
	if err := box.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	m := interpreter.NewManager(interpreter.Config{
		Dialects: interpreter.Dialects{twiml.New(twiml.Options{}), kazoo.New(kazoo.Options{})},
		Web:      web, Lines: fixtures.NewLines(t.Context(), nil), Records: records, Blobs: memstore.NewBlobs(),
		Outbox: box, Account: account, Observers: []interpreter.Observer{seen.observe}, Log: log.WithField("part", "calls"),
	})
	if _, err := m.Start(fixtures.NewLeg(t.Context(), interpreter.LegInfo{}), start); err != nil {
		t.Fatal(err)
	}
	m.Drain(t.Context())
	if err := box.Close(); err != nil {
		t.Error(err)
	}
	if err := web.Close(); err != nil {
		t.Error(err)
	}
	return records
}
