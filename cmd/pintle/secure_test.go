package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestSecurityConfiguration(t *testing.T) {
	for _, tc := range []struct{ name, lines, want string }{
		{"nothing", "", ""},
		{"TLS without certificate", "sip: {tls: {listen: 127.0.0.1:5061}}", "sip.tls.listen: a certificate is needed"},
		{"WSS without certificate", "sip: {ws: {secure_listen: 127.0.0.1:8443}}", "sip.ws.secure_listen: a certificate"},
		{"WS needs none", "sip: {ws: {listen: 127.0.0.1:8088, path: /sip}}", ""},
		{"no port", "sip: {ws: {listen: 127.0.0.1}}", "sip.ws.listen"},
		{"path", "sip: {ws: {path: sip}}", "begins with a slash"},
		{"HTTPS without certificate", "http: {tls: true}", "http.tls: a certificate is needed"},
		{"half a certificate", "tls: {cert: a.pem}", "cert and key belong together"},
		{"two kinds", "tls: {cert: a.pem, key: a.key, acme: {domains: [a.example.com]}}", "either cert and key, or acme"},
		{"policy", "sip: {srtp: maybe}", "give off, optional or required"},
		{"all of it", "sip: {tls: {listen: 127.0.0.1:5061}, srtp: required}\ntls: {acme: {domains: [a.example.com]}}", ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "pintle.yaml")
			if err := os.WriteFile(file, []byte(tc.lines+"\n"), 0o600); err != nil {
				t.Fatal(err)
			}
			c, err := loadConfig(file)
			if err == nil {
				err = c.complete()
			}
			if tc.want == "" && err != nil || tc.want != "" && (err == nil || !strings.Contains(err.Error(), tc.want)) {
				t.Errorf("error %v, want %q", err, tc.want)
			}
		})
	}
}

func TestPeersOfTLS(t *testing.T) {
	if _, err := (sipTLSConfig{CA: "nowhere.pem"}).peers(); err == nil {
		t.Error("a missing file of authorities was taken")
	}
	trust, err := sipTLSConfig{Insecure: []string{"lab.example.com"}}.peers()
	if err != nil {
		t.Fatal(err)
	}
	if !trust("LAB.example.com").InsecureSkipVerify || trust("example.com").InsecureSkipVerify {
		t.Error("the wrong peer is trusted blindly")
	}
}
