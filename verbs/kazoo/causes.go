package kazoo

import (
	"fmt"

	"pintle/interpreter"
)

// causeOf is the word for the end of a leg: the one that the leg gave, else that of its SIP code.
func causeOf(word string, code int) string {
	if word != "" {
		return word
	}
	if code == 0 {
		return "NORMAL_UNSPECIFIED" // it ended before there was a code
	}
	return interpreter.CauseOf(code)
}

// sipKey is the child named after a SIP code.
func sipKey(code int) string {
	if code < 100 {
		code = 600
	}
	return fmt.Sprintf("sip:%d", code)
}
