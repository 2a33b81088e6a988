package main

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// R-LIFE-3: a configuration that cannot be used is refused at once, with a sentence that names the setting.
func TestBadConfigurationNamesTheSetting(t *testing.T) {
	for text, want := range map[string]string{
		"sip:\n  listn: 127.0.0.1:5060\n":                                                 "listn",
		"sip:\n  listen: nowhere\n":                                                       "sip.listen",
		"sip:\n  listen: 0.0.0.0:5060\n":                                                  "sip.advertise",
		"http:\n  listen: 127.0.0.1\n":                                                    "http.listen",
		"http:\n  public_url: example.com\n":                                              "http.public_url",
		"rtp:\n  ports: 20000-10000\n":                                                    "rtp.ports",
		"fetch:\n  allow: [\"10.0.0.0/33\"]\n":                                            "fetch.allow",
		"limits:\n  calls: many\n":                                                        "[2:", // its line
		"trunks:\n  - {id: a, uri: \"sip:x.test\"}\n":                                     "limits.toll.country",
		"trunks:\n  - {id: a, uri: \"sip:u@x.test\"}\n":                                   "without a user",
		"trunks:\n  - {id: a, uri: \"sip:x.test\", format: funny}\n":                      "format",
		"trunks:\n  - {id: a, uri: \"sip:x.test\", numbers: [\"(\"]}\n":                   "pattern",
		"trunks:\n  - {id: a, uri: \"sip:x.test\", networks: [nowhere]}\n":                "networks",
		"trunks:\n  - {id: a, uri: \"sip:x.test\"}\n  - {id: a, uri: \"sip:y.test\"}\n":   "another trunk",
		"limits:\n  toll: {country: ZZ}\n":                                                "limits.toll",
		"numbers:\n  - number: \"100\"\n":                                                 "numbers",
		"numbers:\n  - number: \"100\"\n    url: https://a.test/\n    method: PUT\n":      `"PUT"`,
		"numbers:\n  - number: \"100\"\n    url: https://a.test/\n    dialect: fortran\n": `"fortran"`,
		"numbers:\n  - number: \"100\"\n    url: no-such-file.xml\n":                      `"no-such-file.xml"`,
	} {
		file := filepath.Join(t.TempDir(), "pintle.yaml")
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		c, err := loadConfig(file)
		if err == nil {
			err = c.complete()
		}
		var e *exitError
		if !errors.As(err, &e) || e.code == exitOK || !strings.Contains(err.Error(), want) ||
			!strings.Contains(err.Error(), file) {
			t.Errorf("%q: %v, want an error that names %s and the file", text, err, want)
		}
	}
	if _, err := loadConfig(filepath.Join(t.TempDir(), "missing.yaml")); err == nil {
		t.Error("a file that does not exist was read")
	}
	if err := new(config).complete(); err != nil {
		t.Errorf("the defaults: %v", err)
	}
}
