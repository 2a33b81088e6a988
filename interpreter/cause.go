package interpreter

// causes are the words of the telephone network for final SIP codes, as switches log them and as Kazoo names the
// children of a failed call after them.
var causes = map[int]string{
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
	486: "USER_BUSY", 600: "USER_BUSY", 487: originatorCancel,
	488: "INCOMPATIBLE_DESTINATION", 606: "INCOMPATIBLE_DESTINATION", 502: "NETWORK_OUT_OF_ORDER",
}

// CauseOf is the word for the end of a leg with a final SIP code; 0 and 2xx are a normal end.
func CauseOf(code int) string {
	if w, ok := causes[code]; ok {
		return w
	}
	if code == 0 || code >= 200 && code < 300 {
		return "NORMAL_CLEARING"
	}
	return "NORMAL_UNSPECIFIED"
}

// causeWord is the cause that a leg gave, else that of its code.
func (h *Hangup) causeWord() string {
	if h.Cause != "" {
		return h.Cause
	}
	return CauseOf(h.Code)
}
