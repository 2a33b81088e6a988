package kazoo

import "fmt"

// causes are the names Kazoo gives SIP answers; a flow names children after them.
var causes = map[int]string{
	200: "NORMAL_CLEARING",
	400: "NORMAL_TEMPORARY_FAILURE", 481: "NORMAL_TEMPORARY_FAILURE", 500: "NORMAL_TEMPORARY_FAILURE",
	503: "NORMAL_TEMPORARY_FAILURE",
	401: "CALL_REJECTED", 402: "CALL_REJECTED", 403: "CALL_REJECTED", 407: "CALL_REJECTED",
	603: "CALL_REJECTED", 607: "CALL_REJECTED", 608: "CALL_REJECTED",
	404: "UNALLOCATED_NUMBER", 405: "SERVICE_UNAVAILABLE",
	406: "SERVICE_NOT_IMPLEMENTED", 415: "SERVICE_NOT_IMPLEMENTED", 501: "SERVICE_NOT_IMPLEMENTED",
	408: "RECOVERY_ON_TIMER_EXPIRE", 504: "RECOVERY_ON_TIMER_EXPIRE",
	410: "NUMBER_CHANGED",
	413: "INTERWORKING", 414: "INTERWORKING", 416: "INTERWORKING", 420: "INTERWORKING", 421: "INTERWORKING",
	423: "INTERWORKING", 505: "INTERWORKING", 513: "INTERWORKING",
	480: "NO_USER_RESPONSE", 482: "EXCHANGE_ROUTING_ERROR", 483: "EXCHANGE_ROUTING_ERROR",
	484: "INVALID_NUMBER_FORMAT", 485: "NO_ROUTE_DESTINATION", 604: "NO_ROUTE_DESTINATION",
	486: "USER_BUSY", 600: "USER_BUSY", 487: "ORIGINATOR_CANCEL",
	488: "INCOMPATIBLE_DESTINATION", 606: "INCOMPATIBLE_DESTINATION", 502: "NETWORK_OUT_OF_ORDER",
}

// causeOf is the word for the end of a leg: the one that the leg gave, else that of its SIP code.
func causeOf(word string, code int) string {
	if word != "" {
		return word
	}
	if w, ok := causes[code]; ok {
		return w
	}
	return "NORMAL_UNSPECIFIED"
}

// sipKey is the child named after a SIP code.
func sipKey(code int) string {
	if code < 100 {
		code = 600
	}
	return fmt.Sprintf("sip:%d", code)
}
