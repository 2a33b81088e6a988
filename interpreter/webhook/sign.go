package webhook

import (
	"crypto/hmac"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"net/url"
	"slices"
	"strings"
)

// SignatureHeader carries the signature of a request.
const SignatureHeader = "X-Twilio-Signature"

// Sign returns the signature of a request: HMAC-SHA1 over the URL as sent and, for a form, the sorted parameters.
// Fragment and user information are not part of it, an explicit port only with http, and an empty path counts as "/".
// WebSocket URLs are signed as they are written. params is nil for GET and for bodies that are no form.
func Sign(token, rawURL string, params url.Values) string {
	return signText(token, signedURL(rawURL)+signedParams(params))
}

// BodyHash is the value of the parameter bodySHA256 that covers a body which is no form.
func BodyHash(body []byte) string {
	sum := sha256.Sum256(body)
	return hex.EncodeToString(sum[:])
}

// Verify tells whether a signature fits a request, and in one sentence why, or what is probably wrong. It accepts the
// URL with and without its port, as the vendor's own validators do. Comparison takes the same time in every case.
func Verify(token, rawURL string, params url.Values, signature string) (ok bool, reason string) {
	if signature == "" {
		return false, "there is no signature;" +
			" the request was not sent by an engine that signs, or a proxy dropped " + SignatureHeader
	}
	if b, err := base64.StdEncoding.DecodeString(signature); err != nil || len(b) != sha1.Size {
		return false, "the signature is not 20 bytes in base64"
	}
	form := signedParams(params)
	for _, u := range []string{signedURL(rawURL), withoutPort(rawURL), withPort(rawURL)} {
		if equal(signText(token, u+form), signature) {
			return true, "the signature fits " + u
		}
	}
	for _, g := range guesses(rawURL, form) {
		if equal(signText(token, g.text), signature) {
			return false, g.why
		}
	}
	return false, "the signature fits neither the URL nor a likely variant of it;" +
		" check the auth token, and that URL and parameters are those that arrived"
}

type guess struct{ text, why string }

// guesses are the mistakes that break a signature most often.
func guesses(rawURL, form string) []guess {
	u := signedURL(rawURL)
	list := []guess{{u, "the signature fits the URL without the parameters; pass no parameters for GET or JSON"}}
	if rest, ok := strings.CutPrefix(u, "http://"); ok {
		list = append(list, guess{signedURL("https://"+rest) + form,
			"the signature fits https; a proxy ends TLS in front of the application, rebuild the URL with https"})
	}
	if rest, ok := strings.CutPrefix(u, "https://"); ok {
		list = append(list, guess{"http://" + rest + form, "the signature fits http; check with the URL that was configured"})
	}
	path, query, has := strings.Cut(u, "?")
	tail := ""
	if has {
		list = append(list, guess{path + form, "the signature fits the URL without its query"})
		tail = "?" + query
	}
	if bare, ok := strings.CutSuffix(path, "/"); ok {
		return append(list, guess{bare + tail + form, "the signature fits the URL without the slash at the end"})
	}
	return append(list, guess{path + "/" + tail + form, "the signature fits the URL with a slash at the end"})
}

func signText(token, text string) string {
	h := hmac.New(sha1.New, []byte(token))
	h.Write([]byte(text))
	return base64.StdEncoding.EncodeToString(h.Sum(nil))
}

func equal(a, b string) bool { return hmac.Equal([]byte(a), []byte(b)) }

// signedURL applies the rules for fragment, user information, port and path without re-encoding anything.
func signedURL(raw string) string {
	scheme, host, rest, ok := split(raw)
	if !ok {
		return raw
	}
	switch scheme {
	case "https":
		host = dropPort(host)
		fallthrough
	case "http":
		if rest == "" || rest[0] == '?' {
			rest = "/" + rest
		}
	}
	return scheme + "://" + host + rest
}

func withoutPort(raw string) string {
	scheme, host, rest, ok := split(signedURL(raw))
	if !ok {
		return raw
	}
	return scheme + "://" + dropPort(host) + rest
}

// withPort keeps an explicit port, and adds the scheme's own where there is none.
func withPort(raw string) string {
	scheme, host, rest, ok := split(raw)
	if !ok {
		return raw
	}
	if rest == "" || rest[0] == '?' {
		rest = "/" + rest
	}
	if dropPort(host) == host {
		port := "443"
		if scheme == "http" || scheme == "ws" {
			port = "80"
		}
		host += ":" + port
	}
	return scheme + "://" + host + rest
}

// split takes a URL apart by its delimiters alone; the fragment and the user information are dropped.
func split(raw string) (scheme, host, rest string, ok bool) {
	raw, _, _ = strings.Cut(raw, "#")
	scheme, rest, ok = strings.Cut(raw, "://")
	if !ok {
		return "", "", "", false
	}
	i := strings.IndexAny(rest, "/?")
	if i < 0 {
		i = len(rest)
	}
	host, rest = rest[:i], rest[i:]
	host = host[strings.LastIndexByte(host, '@')+1:]
	return strings.ToLower(scheme), host, rest, true
}

func dropPort(host string) string {
	i := strings.LastIndexByte(host, ':')
	if i < 0 || strings.HasSuffix(host, "]") {
		return host
	}
	return host[:i]
}

// signedParams joins names and values without delimiters, sorted by name, the values of one name sorted and once each.
func signedParams(params url.Values) string {
	names := make([]string, 0, len(params))
	for n := range params {
		names = append(names, n)
	}
	slices.Sort(names)
	var b strings.Builder
	for _, n := range names {
		values := slices.Clone(params[n])
		slices.Sort(values)
		for _, v := range slices.Compact(values) {
			b.WriteString(n)
			b.WriteString(v)
		}
	}
	return b.String()
}
