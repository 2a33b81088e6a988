package sipedge

import "strconv"

// phrases are the reason phrases we answer with; what a customer wrote never becomes one.
var phrases = map[int]string{
	100: "Trying", 180: "Ringing", 183: "Session Progress", 200: "OK", 202: "Accepted", 300: "Multiple Choices",
	301: "Moved Permanently", 302: "Moved Temporarily", 400: "Bad Request", 401: "Unauthorized", 403: "Forbidden",
	404: "Not Found", 405: "Method Not Allowed", 406: "Not Acceptable", 407: "Proxy Authentication Required",
	408: "Request Timeout", 410: "Gone", 413: "Request Entity Too Large", 415: "Unsupported Media Type",
	420: "Bad Extension", 421: "Extension Required", 480: "Temporarily Unavailable",
	481: "Call/Transaction Does Not Exist", 482: "Loop Detected", 483: "Too Many Hops", 484: "Address Incomplete",
	486: "Busy Here", 487: "Request Terminated", 488: "Not Acceptable Here", 491: "Request Pending",
	500: "Server Internal Error", 501: "Not Implemented", 502: "Bad Gateway", 503: "Service Unavailable",
	504: "Server Time-out", 600: "Busy Everywhere", 603: "Decline", 604: "Does Not Exist Anywhere", 606: "Not Acceptable",
}

func phrase(code int) string {
	if p, ok := phrases[code]; ok {
		return p
	}
	return "Refused"
}

// causes are the words of the telephone network for a final SIP code.
var causes = map[int]string{
	200: "NORMAL_CLEARING", 403: "CALL_REJECTED", 404: "UNALLOCATED_NUMBER", 408: "NO_ANSWER", 410: "NUMBER_CHANGED",
	480: "NO_USER_RESPONSE", 484: "INVALID_NUMBER_FORMAT", 486: "USER_BUSY", 487: "ORIGINATOR_CANCEL",
	488: "INCOMPATIBLE_DESTINATION", 500: "NORMAL_TEMPORARY_FAILURE", 502: "NETWORK_OUT_OF_ORDER",
	503: "NORMAL_TEMPORARY_FAILURE", 504: "RECOVERY_ON_TIMER_EXPIRE", 600: "USER_BUSY", 603: "CALL_REJECTED",
	604: "NO_ROUTE_DESTINATION", 606: "INCOMPATIBLE_DESTINATION",
}

func causeOf(code int) string {
	if c, ok := causes[code]; ok {
		return c
	}
	switch {
	case code >= 200 && code < 300:
		return "NORMAL_CLEARING"
	case code >= 500:
		return "NORMAL_TEMPORARY_FAILURE"
	}
	return "INTERWORKING"
}

func itoa(n int) string { return strconv.Itoa(n) }
