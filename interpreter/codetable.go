package interpreter

import "sort"

// Level says how bad a numbered failure is.
type Level string

// The levels.
const (
	LevelError   Level = "error"   // the document or the call ends, or a fallback takes over
	LevelWarning Level = "warning" // something was skipped or defaulted; the call goes on
)

// CodeInfo describes a numbered failure: what happened, and what to do about it.
type CodeInfo struct {
	Code   int    `json:"code"`
	Level  Level  `json:"level"`
	Title  string `json:"title"`  // what happened, a few words
	Advice string `json:"advice"` // what to do, one sentence
}

// Codes returns every numbered failure in use, in order. docs/errors.md is made from it, and a test fails when the
// code raises a number that is not in it.
func Codes() []CodeInfo {
	list := make([]CodeInfo, 0, len(codes))
	for _, c := range codes {
		list = append(list, c)
	}
	sort.Slice(list, func(i, j int) bool { return list[i].Code < list[j].Code })
	return list
}

// CodeByNumber returns the row of one code.
func CodeByNumber(code int) (CodeInfo, bool) {
	for _, c := range codes {
		if c.Code == code {
			return c, true
		}
	}
	return CodeInfo{}, false
}

// codes holds the rows. Where the vendor of TwiML publishes a number for the same failure, that number is used.
var codes = []CodeInfo{
	{11100, LevelError, "URL not usable", "Give an absolute http or https URL without control characters, at most 4096 octets long."},
	{11200, LevelError, "HTTP retrieval failed", "Look at the status and the first line of the body in the trace; the application answered, but not with 2xx."},
	{11205, LevelError, "No connection or no answer in time", "Check that the application runs, that its port is reachable from here, and that it answers within the time limit."},
	{11206, LevelError, "HTTP protocol violated", "The answer was truncated, wrongly coded or not HTTP; check the server or the proxy in front of it."},
	{11210, LevelError, "Host name not found", "Check the spelling of the host and the resolver of this machine."},
	{11215, LevelError, "Too many HTTP redirects", "The application redirects more than ten times; end the circle."},
	{11220, LevelError, "TLS handshake failed", "Check protocol versions and the certificate of the server."},
	{11235, LevelError, "Certificate is for another name", "Use the host name that the certificate was made for."},
	{11236, LevelError, "Certificate expired", "Renew the server's certificate."},
	{11237, LevelError, "Certificate not trusted", "Send the whole chain, or use a certificate of a public authority."},
	{11750, LevelError, "Answer too large", "Answer with at most 64 KiB for a document; audio may be larger."},
	{12100, LevelError, "Document cannot be parsed", "Mend the XML or JSON at the line and column given."},
	{12101, LevelError, "Wrong XML version", "Declare version 1.0, or nothing."},
	{12102, LevelError, "Root element is not Response", "Put all verbs inside one <Response>."},
	{12200, LevelWarning, "Document not valid", "The element, attribute or field is unknown or misplaced and was skipped or defaulted; see the place given."},
	{12300, LevelError, "Content type not usable", "Answer with text/xml for TwiML or application/json for Kazoo JSON."},
	{12400, LevelError, "Internal failure", "This is a fault of the engine; the log has the details under the call's id."},
	{15003, LevelWarning, "Callback not delivered", "The application answered the callback with an error or not at all; it is tried three times within ten minutes."},
	{90001, LevelError, "Flow loop", "Documents followed each other without playing or waiting; end the circle of redirects."},
	{90002, LevelError, "Address refused", "The URL leads to a loopback or private address; start with --allow-private, or allow the network in the configuration."},
	{90003, LevelWarning, "Audio not usable", "The file is not audio that can be played, or lies about its size; convert it to WAV or MP3."},
	{90004, LevelWarning, "Recording incomplete", "The disk was full or failed, or a quota was reached; what was recorded until then is kept."},
	{90005, LevelError, "Interrupted by a restart", "The engine stopped while the call was up; the record ends at its last heartbeat."},
	{90006, LevelError, "Overload", "The engine refused the call to keep the others good; add capacity or raise the limit."},
	{90007, LevelError, "Header value refused", "A value for a SIP header holds control characters or names a header that may not be set."},
	{90008, LevelWarning, "No voice", "No speech engine can speak this text; install flite or espeak-ng, or build with the flite voice. A tone was played instead."},
	{90009, LevelError, "Tunnel without an application", "The tunnel in the URL answers, but the application behind it does not; start the application or the tunnel's agent."},
}
