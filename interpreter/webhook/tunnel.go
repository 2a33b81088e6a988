package webhook

import (
	"net"
	"net/http"
	"strings"

	"pintle/interpreter"
)

// tunnels are the name endings of public tunnels to development machines.
var tunnels = []struct{ suffix, name string }{
	{".ngrok.io", "ngrok"}, {".ngrok.app", "ngrok"}, {".ngrok.dev", "ngrok"},
	{".ngrok-free.app", "ngrok"}, {".ngrok-free.dev", "ngrok"},
	{".trycloudflare.com", "cloudflared"}, {".cfargotunnel.com", "cloudflared"},
	{".loca.lt", "localtunnel"}, {".localtunnel.me", "localtunnel"},
}

func tunnelHost(host string) string {
	if h, _, err := net.SplitHostPort(host); err == nil {
		host = h
	}
	host = strings.ToLower(host)
	for _, t := range tunnels {
		if strings.HasSuffix(host, t.suffix) {
			return t.name
		}
	}
	return ""
}

// tunnelFault recognises the answer of a tunnel whose far end is down, which says nothing about the application. body
// is the beginning of the answer. It returns nil for an answer that came from further than the tunnel.
func tunnelFault(resp *http.Response, body []byte) *interpreter.Fault {
	msg := ngrok(resp.Header.Get("Ngrok-Error-Code"))
	if msg == "" && strings.EqualFold(resp.Header.Get("Server"), "cloudflare") {
		msg = cloudflared(resp.StatusCode, string(body))
	}
	if msg == "" {
		msg = localtunnel(resp, string(body))
	}
	if msg == "" {
		return nil
	}
	return &interpreter.Fault{Code: interpreter.CodeTunnel, Msg: msg}
}

// ngrok marks every answer of its own with a header that names the error.
func ngrok(code string) string {
	switch code {
	case "":
		return ""
	case "ERR_NGROK_8012":
		return "the ngrok tunnel is up, but nothing listens behind it (ERR_NGROK_8012);" +
			" start the application on the port the agent forwards to"
	case "ERR_NGROK_3200":
		return "the ngrok tunnel is offline (ERR_NGROK_3200); start the ngrok agent, or use the URL it shows now"
	case "ERR_NGROK_3004":
		return "the ngrok tunnel is up, but what listens behind it speaks no plain HTTP (ERR_NGROK_3004);" +
			" start the agent with the full URL of the application"
	case "ERR_NGROK_6024":
		return "ngrok showed its page for browsers instead of the application (ERR_NGROK_6024);" +
			" use a User-Agent that is no browser's"
	}
	return "ngrok answered in the application's place (" + printable(code, 20) + ");" +
		" look this code up in ngrok's list of errors"
}

func cloudflared(status int, body string) string {
	switch {
	case status == 530 && (strings.Contains(body, "1033") || strings.Contains(body, "Tunnel")):
		return "the Cloudflare tunnel is offline (530, 1033); start cloudflared, or use the URL it shows now"
	case status == http.StatusBadGateway && (strings.Contains(body, "cloudflared") ||
		strings.Contains(body, "Unable to reach the origin service")):
		return "the Cloudflare tunnel is up, but nothing listens behind it (502);" +
			" start the application on the port cloudflared forwards to"
	}
	return ""
}

func localtunnel(resp *http.Response, body string) string {
	named := strings.EqualFold(resp.Header.Get("X-Localtunnel-Status"), "Tunnel Unavailable")
	told := resp.StatusCode == http.StatusServiceUnavailable &&
		(strings.Contains(body, "Tunnel Unavailable") ||
			strings.Contains(body, "Tunnel") && strings.Contains(body, "is not available"))
	if !named && !told {
		return ""
	}
	return "the localtunnel tunnel is not available; start the application and lt, or use the URL that lt shows now"
}
