package webhook

import (
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// Bounds of the connection overrides, as the vendor of TwiML publishes them.
const (
	minOverride    = 100 * time.Millisecond
	maxConnectTime = 10 * time.Second
	maxReadTime    = 15 * time.Second
	maxTotalTime   = 15 * time.Second
	maxRetries     = 5
)

// causes is a set of reasons to try again.
type causes uint8

const (
	onConnect causes = 1 << iota // no connection, no TLS
	onRead                       // no answer in time, or none at all
	on4xx
	on5xx
)

// overrides are what a URL's fragment asks for: https://host/path#rc=2&rp=5xx,ct.
type overrides struct {
	connect time.Duration
	read    time.Duration
	total   time.Duration
	retries int
	on      causes
	noSNI   bool
}

// parse reads the fragment over the values that o holds already, and returns a sentence for each value that was
// clamped or not understood. Unknown keys, and parts without an equals sign, are ordinary fragments and are skipped.
func (o *overrides) parse(fragment string) []string {
	var warn []string
	for part := range strings.SplitSeq(fragment, "&") {
		key, value, ok := strings.Cut(part, "=")
		if !ok {
			continue
		}
		if v, err := url.QueryUnescape(value); err == nil {
			value = v
		}
		if w := o.set(strings.ToLower(strings.TrimSpace(key)), strings.TrimSpace(value)); w != "" {
			warn = append(warn, w)
		}
	}
	return warn
}

func (o *overrides) set(key, value string) string {
	switch key {
	case "ct":
		return setTime(&o.connect, key, value, maxConnectTime)
	case "rt":
		return setTime(&o.read, key, value, maxReadTime)
	case "tt":
		return setTime(&o.total, key, value, maxTotalTime)
	case "rc":
		n, warn := clamp(key, value, 0, maxRetries)
		if n >= 0 {
			o.retries = n
		}
		return warn
	case "rp":
		return o.setCauses(value)
	case "sni":
		switch strings.ToLower(value) {
		case "y":
			o.noSNI = false
		case "n":
			o.noSNI = true
		default:
			return fmt.Sprintf("connection override sni=%s is neither y nor n and is ignored", shorten(value))
		}
	}
	return ""
}

func (o *overrides) setCauses(value string) string {
	var set causes
	var bad []string
	for word := range strings.SplitSeq(strings.ToLower(value), ",") {
		switch strings.TrimSpace(word) {
		case "ct":
			set |= onConnect
		case "rt":
			set |= onRead
		case "4xx":
			set |= on4xx
		case "5xx":
			set |= on5xx
		case "all":
			set |= onConnect | onRead | on4xx | on5xx
		default:
			bad = append(bad, shorten(word))
		}
	}
	if set != 0 {
		o.on = set
	}
	if bad != nil {
		return fmt.Sprintf("connection override rp=%s is unknown; use 4xx, 5xx, ct, rt or all", strings.Join(bad, ","))
	}
	return ""
}

func setTime(d *time.Duration, key, value string, most time.Duration) string {
	n, warn := clamp(key, value, int(minOverride.Milliseconds()), int(most.Milliseconds()))
	if n >= 0 {
		*d = time.Duration(n) * time.Millisecond
	}
	return warn
}

// clamp returns the number within its bounds, or -1 when the value is no number.
func clamp(key, value string, least, most int) (int, string) {
	n, err := strconv.ParseInt(value, 10, 32)
	if err != nil {
		return -1, fmt.Sprintf("connection override %s=%s is not a number and is ignored", key, shorten(value))
	}
	v := min(max(int(n), least), most)
	if v != int(n) {
		return v, fmt.Sprintf("connection override %s=%d is out of range; %d is used", key, n, v)
	}
	return v, ""
}

// shorten makes a foreign value fit into a sentence.
func shorten(s string) string { return printable(s, 40) }
