package interpreter

import (
	"slices"
	"sort"
)

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
	list := slices.Clone(codes)
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
	{11100, LevelError, "URL not usable",
		"Give an absolute http or https URL without control characters, at most 4096 octets long."},
	{11200, LevelError, "HTTP retrieval failed",
		"Look at the status and the first line of the body in the trace; the application answered, but not with 2xx."},
	{11205, LevelError, "No connection or no answer in time",
		"Check that the application runs, that its port is reachable from here, and that it answers within the time limit."},
	{11206, LevelError, "HTTP protocol violated",
		"The answer was truncated, wrongly coded or not HTTP; check the server or the proxy in front of it."},
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
	{12200, LevelWarning, "Document not valid",
		"The element, attribute or field is unknown or misplaced and was skipped or defaulted; see the place given."},
	{12300, LevelError, "Content type not usable", "Answer with text/xml for TwiML or application/json for Kazoo JSON."},
	{12400, LevelError, "Internal failure", "This is a fault of the engine; the log has the details under the call's id."},
	{15003, LevelWarning, "Callback not delivered",
		"The application answered the callback with an error or not at all; it is tried three times within ten minutes."},
	{13201, LevelError, "Dial inside a whisper",
		"Connect from the caller's document; a document on the called leg may only play, ask and hang up."},
	{13210, LevelWarning, "Method of Dial", "Write GET or POST."},
	{13212, LevelWarning, "Timeout of Dial", "Write 5 to 600 whole seconds."},
	{13213, LevelWarning, "hangupOnStar of Dial", "Write true or false."},
	{13214, LevelWarning, "Caller id refused", "Give a number, a client name or a SIP user that this account may show."},
	{13215, LevelWarning, "Element not allowed inside Dial",
		"A Dial holds at most ten Number, Client and Sip, or one Conference, Queue or Application alone."},
	{13216, LevelWarning, "Time limit of Dial", "Write whole seconds, at least 1."},
	{13217, LevelWarning, "record of Dial",
		"Write do-not-record, record-from-answer, record-from-ringing, or one of the last two with -dual."},
	{13218, LevelWarning, "sequential of Dial", "Write true or false."},
	{13221, LevelWarning, "Method of Number", "Write GET or POST."},
	{13222, LevelWarning, "sendDigits of Number", "Write keys: 0-9 A-D * #, w for half a second, W for a second."},
	{13223, LevelWarning, "Not a telephone number", "Write the number with + and country code."},
	{13227, LevelError, "Number may not be called",
		"The rules against toll fraud refuse it: allow its prefix under limits.toll.allow, " +
			"or its kind under limits.toll.kinds."},
	{13241, LevelWarning, "Method of Sip", "Write GET or POST."},
	{13243, LevelWarning, "SIP address not usable",
		"Write sip:user@host, at most 255 characters, special characters as %XX."},
	{13247, LevelWarning, "Caller id not usable in SIP", "Use letters, digits and + - _ . only."},
	{13248, LevelWarning, "Caller id too long", "Use at most 255 characters."},
	{13249, LevelWarning, "SIP credentials not usable",
		"Give a user name and a password of at most 256 printable characters."},
	{13250, LevelWarning, "Too many SIP addresses", "Give at most ten, and let no other party ring beside them."},
	{13251, LevelWarning, "Too many SIP headers", "Send at most fifty."},
	{13252, LevelWarning, "SIP header name not allowed",
		"Begin the name with X-; headers that carry identity or routing cannot be set."},
	{13253, LevelWarning, "SIP headers too long", "Keep all headers behind the address below 1024 characters."},
	{13256, LevelWarning, "recordingStatusCallback not usable",
		"Give an absolute http or https URL, or one relative to the document, and GET or POST."},
	{13257, LevelWarning, "transcribeCallback not usable",
		"Give an http or https URL, together with transcribe=\"true\"."},
	{13258, LevelWarning, "Sim cannot be called", "Call the telephone number of the device instead."},
	{13310, LevelWarning, "finishOnKey of Gather", "Write one of 0-9 * #, or nothing."},
	{13312, LevelWarning, "Method of Gather", "Write GET or POST."},
	{13313, LevelWarning, "Timeout of Gather", "Write whole seconds."},
	{13314, LevelWarning, "numDigits of Gather", "Write a whole number, at least 1, or leave it out."},
	{13320, LevelWarning, "Element not allowed inside Gather", "A Gather holds Say, Play without digits, and Pause."},
	{13321, LevelWarning, "Voice of a Say inside Gather",
		"Use man, woman, alice, Polly.<Name> or Google.<locale>-<Class>-<Name>."},
	{13322, LevelWarning, "Loop of a prompt inside Gather", "Write a whole number; 0 means until the caller hangs up."},
	{13326, LevelWarning, "input of Gather", "Write dtmf, speech, or both."},
	{13327, LevelWarning, "speechTimeout of Gather", "Write whole seconds, or auto."},
	{13328, LevelWarning, "maxSpeechTime of Gather", "Write whole seconds."},
	{13329, LevelWarning, "partialResultCallbackMethod of Gather", "Write GET or POST."},
	{13330, LevelWarning, "hints of Gather", "Give at most 500 hints of at most 100 characters, separated by commas."},
	{13331, LevelWarning, "Language of Gather", "Write a known language such as en-US."},
	{13332, LevelWarning, "bargeIn of Gather", "Write true or false."},
	{13333, LevelWarning, "profanityFilter of Gather", "Write true or false."},
	{13334, LevelWarning, "speechModel of Gather", "Use default, or one of the models that are listed."},
	{13335, LevelWarning, "speechTimeout auto with this model", "Write a number of seconds; two were assumed."},
	{13338, LevelWarning, "actionOnEmptyResult of Gather", "Write true or false."},
	{13340, LevelWarning, "Speech is not recognised",
		"No engine for it is configured; let the caller press keys as well, with input=\"dtmf speech\"."},
	{13410, LevelWarning, "Loop of Play", "Write a whole number; 0 means until the caller hangs up."},
	{13420, LevelWarning, "Not a sound file", "Serve WAV, MP3 or another supported audio type under the URL of Play."},
	{13430, LevelWarning, "digits of Play", "Write keys: 0-9 A-D * #, w for half a second, W for a second."},
	{13510, LevelWarning, "Loop of Say", "Write a whole number; 0 means until the caller hangs up."},
	{13511, LevelWarning, "Voice of Say", "Use man, woman, alice, Polly.<Name> or Google.<locale>-<Class>-<Name>."},
	{13512, LevelWarning, "Language of Say", "Write a known language such as en-US."},
	{13513, LevelWarning, "Rate of speech", "Write x-slow, slow, medium, fast, x-fast or a percentage."},
	{13520, LevelWarning, "Nothing to say", "Put a text into <Say>."},
	{13521, LevelWarning, "Text too long", "More than 4096 characters are spoken in parts; split the text."},
	{13610, LevelWarning, "Method of Record", "Write GET or POST."},
	{13611, LevelWarning, "Timeout of Record", "Write whole seconds; 0 means that silence never ends it."},
	{13612, LevelWarning, "maxLength of Record", "Write 2 to 86400 whole seconds."},
	{13613, LevelWarning, "finishOnKey of Record", "Write a set of 0-9 * #, or nothing."},
	{13614, LevelWarning, "transcribe of Record", "Write true or false."},
	{13615, LevelWarning, "Recording too long for a text", "Only recordings of at most 120 seconds are turned into text."},
	{13616, LevelWarning, "playBeep of Record", "Write true or false."},
	{13617, LevelWarning, "No text of the recording",
		"No engine turns recordings into text here; fetch the recording instead."},
	{13621, LevelWarning, "recordingStatusCallbackEvent", "Write any of in-progress, completed and absent."},
	{13622, LevelWarning, "recordingTrack", "Write inbound, outbound or both."},
	{13699, LevelWarning, "trim", "Write trim-silence or do-not-trim; recordings of conversations are never trimmed."},
	{13710, LevelWarning, "Method of Redirect", "Write GET or POST."},
	{13750, LevelWarning, "Element not available yet",
		"The element is known, but this version does not run it; its action is asked with the failure, or the next verb " +
			"runs."},
	{13801, LevelWarning, "Refer on a line that cannot do it",
		"Only an answered SIP leg can be asked to call someone else; use Dial instead."},
	{13802, LevelWarning, "Transfer or pickup declined",
		"Give the Dial a referUrl, allow transfers with sip.transfer, or name the caller in an approved_ field."},
	{13803, LevelWarning, "No text message sent",
		"Text messages are not available; the action is asked with SmsStatus=invalid."},
	{13810, LevelWarning, "Reason of Reject", "Write rejected or busy."},
	{13910, LevelWarning, "Length of Pause", "Write whole seconds."},
	{32009, LevelWarning, "Client or phone not there",
		"Open the client's page, or register the phone, under the name that was dialled; names count letter by letter."},
	{90001, LevelError, "Flow loop",
		"Documents followed each other without playing or waiting; end the circle of redirects."},
	{90002, LevelError, "Address refused",
		"The URL leads to a loopback or private address; start with --allow-private, or allow the network in the " +
			"configuration."},
	{90003, LevelWarning, "Audio not usable",
		"The file is not audio that can be played, or lies about its size; convert it to WAV or MP3."},
	{90004, LevelWarning, "Recording incomplete",
		"The disk was full or failed, or a quota was reached; what was recorded until then is kept."},
	{90005, LevelError, "Interrupted by a restart",
		"The engine stopped while the call was up; the record ends at its last heartbeat."},
	{90006, LevelError, "Overload",
		"The engine refused the call to keep the others good; add capacity or raise the limit."},
	{90007, LevelError, "Header value refused",
		"A value for a SIP header holds control characters or names a header that may not be set."},
	{90008, LevelWarning, "No voice",
		"No speech engine can speak this text; install flite or espeak-ng, or build with the flite voice. A tone was " +
			"played instead."},
	{90009, LevelError, "Tunnel without an application",
		"The tunnel in the URL answers, but the application behind it does not; start the application or the tunnel's " +
			"agent."},
	{90020, LevelWarning, "Sound could not be encrypted",
		"The DTLS handshake on the RTP port failed; look whether that port is reachable both ways and whether the far " +
			"end shows the certificate of its description. The call is silent until an attempt succeeds."},
	{90030, LevelError, "Too many outgoing calls",
		"A limit of limits.toll is reached; if the calls are wanted, raise it, else look who makes them."},
}
