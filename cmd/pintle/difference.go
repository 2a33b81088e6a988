package main

import (
	"bytes"
	"reflect"
	"slices"
	"strings"

	"github.com/goccy/go-yaml"

	"pintle/interpreter/account"
	"pintle/interpreter/api"
)

// liveKeys are the settings, with all below them, that a reload puts in force.
var liveKeys = []string{"voice", "numbers", "trunks", "limits", "log.level", "tls.cert", "tls.key", "sip.allow",
	"sip.transfer", "sip.gateway", "sip.username", "sip.password", "sip.tls.ca", "sip.tls.cert", "sip.tls.key",
	"sip.tls.insecure"}

// difference names what a configuration changes, compared with what is in force and, for what needs a restart, with
// that of the start.
func (e *engine) difference(next *config, files []account.File) api.Reloaded {
	var d api.Reloaded
	for _, key := range changedKeys(e.live.Load().cfg, next) {
		if e.isLive(key) {
			d.Changed = append(d.Changed, key)
		}
	}
	if accountsChanged(e.accounts, files) {
		d.Changed = append(d.Changed, "accounts")
	}
	if e.pem != nil && e.pem.Stale() {
		d.Changed = append(d.Changed, "tls (the certificate)")
	}
	for _, key := range changedKeys(&e.started, next) {
		if !e.isLive(key) {
			d.Restart = append(d.Restart, key)
		}
	}
	return d
}

func (e *engine) isLive(key string) bool {
	if (key == "tls.cert" || key == "tls.key") && e.pem == nil {
		return false // there was no certificate of files at the start
	}
	return slices.ContainsFunc(liveKeys, func(k string) bool { return key == k || strings.HasPrefix(key, k+".") })
}

// changedKeys are the keys of all settings in which two configurations differ, as they are written in the file.
func changedKeys(a, b *config) []string {
	var keys []string
	compare("", reflect.ValueOf(*a), reflect.ValueOf(*b), &keys)
	return keys
}

func compare(path string, a, b reflect.Value, keys *[]string) {
	for i := range a.NumField() {
		f := a.Type().Field(i)
		if !f.IsExported() {
			continue
		}
		name, inline, _ := strings.Cut(f.Tag.Get("yaml"), ",")
		key := strings.TrimPrefix(path+"."+name, ".")
		if inline == "inline" {
			key = path
		}
		x, y := a.Field(i), b.Field(i)
		if f.Type.Kind() == reflect.Struct {
			compare(key, x, y, keys)
		} else if !reflect.DeepEqual(x.Interface(), y.Interface()) && (!empty(x) || !empty(y)) {
			*keys = append(*keys, key)
		}
	}
}

// empty tells a list or map without entries; a missing one is the same as an empty one.
func empty(v reflect.Value) bool {
	return (v.Kind() == reflect.Slice || v.Kind() == reflect.Map) && v.Len() == 0
}

// accountsChanged compares the files with accounts; of the configuration, what it says of them.
func accountsChanged(a, b []account.File) bool {
	return !slices.EqualFunc(a, b, func(x, y account.File) bool {
		return x.Name == y.Name && x.Config == y.Config &&
			(bytes.Equal(x.Body, y.Body) || x.Config && reflect.DeepEqual(accountPart(x.Body), accountPart(y.Body)))
	})
}

func accountPart(body []byte) (part struct{ Accounts, Resources any }) {
	_ = yaml.Unmarshal(body, &part) //nolint:errcheck // it was read before, by those who tell of mistakes
	return part
}
