package webhook

import (
	"net/url"
	"strings"
	"testing"
)

// vendorForm is the example that the vendor of TwiML publishes with its signature.
var vendorForm = form("CallSid", "CA1234567890ABCDE", "Caller", "+12349013030", "Digits", "1234", "From",
	"+12349013030", "To", "+18005551212")

const (
	vendorURL = "https://mycompany.com/myapp.php?foo=1&bar=2"
	vendorSig = "0/KCTR6DLpKmkAf8muzZqo1nDgQ="
)

func TestSignVendorVector(t *testing.T) {
	if got := Sign("12345", vendorURL, vendorForm); got != vendorSig {
		t.Errorf("got %s, want %s", got, vendorSig)
	}
}

func TestSignedText(t *testing.T) {
	for _, tc := range []struct {
		url  string
		form url.Values
		want string
	}{
		{"https://a.test:8443/x", nil, "https://a.test/x"},
		{"http://a.test:8080/x", nil, "http://a.test:8080/x"},
		{"https://user:pw@a.test/x", nil, "https://a.test/x"},
		{"https://a.test/x?q=1#rc=2", nil, "https://a.test/x?q=1"},
		{"https://a.test", nil, "https://a.test/"},
		{"https://a.test?q=1", nil, "https://a.test/?q=1"},
		{"https://[2001:db8::1]:8443/x", nil, "https://[2001:db8::1]/x"},
		{"https://[2001:db8::1]/x", nil, "https://[2001:db8::1]/x"},
		{"https://a.test/x%2Fy/?z=%C3%BC", nil, "https://a.test/x%2Fy/?z=%C3%BC"},
		{"https://a.test/x?mail=a@b:c", nil, "https://a.test/x?mail=a@b:c"},
		{"wss://a.test:8443", nil, "wss://a.test:8443"},
		{"https://a.test/", form("b", "2", "a", "", "B", "ü"), "https://a.test/Büab2"},
		{"https://a.test/", form("a", "2", "a", "1", "a", "2"), "https://a.test/a1a2"},
	} {
		if got := signedURL(tc.url) + signedParams(tc.form); got != tc.want {
			t.Errorf("%s: signs %s, want %s", tc.url, got, tc.want)
		}
	}
}

func TestVerify(t *testing.T) {
	for _, tc := range []struct {
		name, url, sig string
		form           url.Values
		ok             bool
		reason         string
	}{
		{"as sent", vendorURL, vendorSig, vendorForm, true, "fits"},
		{"port added", "https://mycompany.com:443/myapp.php?foo=1&bar=2", vendorSig, vendorForm, true, "fits"},
		{"signed with port", vendorURL,
			signText("12345", "https://mycompany.com:443/myapp.php?foo=1&bar=2"+signedParams(vendorForm)), vendorForm, true,
			"443"},
		{"absent", vendorURL, "", vendorForm, false, "no signature"},
		{"not base64", vendorURL, "###", vendorForm, false, "20 bytes"},
		{"too short", vendorURL, "AAAA", vendorForm, false, "20 bytes"},
		{"behind a proxy", strings.Replace(vendorURL, "https", "http", 1), vendorSig, vendorForm, false, "TLS"},
		{"slash", "https://a.test/x/", Sign("12345", "https://a.test/x", nil), nil, false, "without the slash"},
		{"no slash", "https://a.test/x?q=1", Sign("12345", "https://a.test/x/?q=1", nil), nil, false, "with a slash"},
		{"form for a GET", "https://a.test/x?q=1", Sign("12345", "https://a.test/x?q=1", nil), form("q", "1"), false,
			"no parameters"},
		{"other token", vendorURL, Sign("other", vendorURL, vendorForm), vendorForm, false, "auth token"},
		{"changed parameter", vendorURL, vendorSig, form("CallSid", "CA1"), false, "auth token"},
	} {
		ok, reason := Verify("12345", tc.url, tc.form, tc.sig)
		if ok != tc.ok || !strings.Contains(reason, tc.reason) {
			t.Errorf("%s: got %v %q, want %v with %q", tc.name, ok, reason, tc.ok, tc.reason)
		}
	}
}
