package httpd

import (
	"strconv"
	"strings"

	"pintle/interpreter"
)

// callbackResult finds in an event's line what became of a callback.
func callbackResult(text string) string {
	for _, word := range []string{"queued", "delivered", "given up", "failed"} {
		if strings.Contains(text, " "+word) {
			return strings.ReplaceAll(word, " ", "-")
		}
	}
	return ""
}

// faultLabel is the number of a failure that is known; others share a label, so that labels stay few.
func faultLabel(code int) string {
	if _, ok := interpreter.CodeByNumber(code); ok {
		return strconv.Itoa(code)
	}
	return "other"
}
