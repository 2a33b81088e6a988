package webhook

import (
	"io"
	"net/http"
	"strings"
	"testing"

	"pintle/interpreter"
)

func TestTunnels(t *testing.T) {
	for _, tc := range []struct {
		name, header string
		status       int
		body         string
		code         int
		words        string
	}{
		{"ngrok, no application", "Ngrok-Error-Code: ERR_NGROK_8012", 502, "<html>", interpreter.CodeTunnel,
			"nothing listens behind it"},
		{"ngrok, offline", "Ngrok-Error-Code: ERR_NGROK_3200", 404, "<html>", interpreter.CodeTunnel, "offline"},
		{"ngrok, wrong protocol", "Ngrok-Error-Code: ERR_NGROK_3004", 502, "<html>", interpreter.CodeTunnel, "no plain HTTP"},
		{"ngrok, page for browsers", "Ngrok-Error-Code: ERR_NGROK_6024", 200, "<html>", interpreter.CodeTunnel, "User-Agent"},
		{"ngrok, other", "Ngrok-Error-Code: ERR_NGROK_727", 402, "", interpreter.CodeTunnel, "ERR_NGROK_727"},
		{"cloudflared, offline", "Server: cloudflare", 530, "<title>Cloudflare Tunnel error</title> Error 1033",
			interpreter.CodeTunnel, "offline"},
		{"cloudflared, unregistered", "Server: cloudflare", 530, "The origin has been unregistered from Argo Tunnel",
			interpreter.CodeTunnel, "offline"},
		{"cloudflared, no application", "Server: cloudflare", 502,
			"Unable to reach the origin service. The service may be down", interpreter.CodeTunnel, "nothing listens"},
		{"application behind Cloudflare", "Server: cloudflare", 502, "oops", interpreter.CodeRetrieval, "502"},
		{"another 530", "Server: cloudflare", 530, "error code: 1016", interpreter.CodeRetrieval, "530"},
		{"localtunnel by header", "X-Localtunnel-Status: Tunnel Unavailable", 503, "", interpreter.CodeTunnel, "localtunnel"},
		{"localtunnel by text", "", 503, "503 - Tunnel Unavailable", interpreter.CodeTunnel, "localtunnel"},
		{"ordinary 503", "", 503, "try later", interpreter.CodeRetrieval, "try later"},
	} {
		s := serve(t, func(w http.ResponseWriter, _ *http.Request) {
			if name, value, ok := strings.Cut(tc.header, ": "); ok {
				w.Header().Set(name, value)
			}
			w.WriteHeader(tc.status)
			io.WriteString(w, tc.body)
		})
		resp, err := get(t, open(t, Config{}), s.URL)
		wantCode(t, err, tc.code)
		if err == nil || !strings.Contains(err.Error(), tc.words) || resp.Status != tc.status {
			t.Errorf("%s: %v, status %d", tc.name, err, resp.Status)
		}
	}
}
