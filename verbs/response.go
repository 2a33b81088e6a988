package verbs

import "pintle/interpreter"

// Response is what a caller is told whose call to the public network failed, when the flow has nothing to say about it.
type Response struct {
	Code   int                // SIP code to refuse him with; 0: hang up as usual
	Reason string             // reason phrase; empty: that of the code
	Prompt string             // name of a system prompt, played first; empty: Tone
	Tone   interpreter.Prompt // played first; zero: nothing
}

// Tones of failed calls: 480 and 620 Hz, slow for a busy party, fast for a busy network, 25 times (ANSI T1.401).
var (
	busyTone    = interpreter.Prompt{Tone: "busy:us", Loop: 25}
	reorderTone = interpreter.Prompt{Tone: "reorder:us", Loop: 25}
)

// responses are the default responses by cause.
var responses = map[string]Response{
	"UNALLOCATED_NUMBER":             {Code: 404, Reason: "No route to destination", Prompt: notAsDialled},
	"NO_ROUTE_DESTINATION":           {Code: 404, Reason: "No route to destination", Prompt: notAsDialled},
	"NO_ROUTE_TRANSIT_NET":           {Code: 404},
	"NORMAL_CLEARING":                {Tone: busyTone},
	"USER_BUSY":                      {Code: 486, Reason: "Number busy", Tone: busyTone},
	"NO_USER_RESPONSE":               {Code: 408, Tone: reorderTone},
	"NO_ANSWER":                      {Code: 480},
	"SUBSCRIBER_ABSENT":              {Code: 480},
	"NORMAL_UNSPECIFIED":             {Code: 480},
	"CALL_REJECTED":                  {Code: 603, Tone: reorderTone},
	"NUMBER_CHANGED":                 {Code: 410},
	"REDIRECTION_TO_NEW_DESTINATION": {Code: 410},
	"EXCHANGE_ROUTING_ERROR":         {Code: 483, Prompt: facilityTrouble},
	"DESTINATION_OUT_OF_ORDER":       {Code: 502, Prompt: notAsDialled},
	"INVALID_NUMBER_FORMAT":          {Code: 484, Prompt: notAsDialled},
	"FACILITY_REJECTED":              {Code: 510},
	"NORMAL_CIRCUIT_CONGESTION":      {Code: 503},
	"NETWORK_OUT_OF_ORDER":           {Code: 503},
	"SWITCH_CONGESTION":              {Code: 503},
	"REQUESTED_CHAN_UNAVAIL":         {Code: 503},
	"NORMAL_TEMPORARY_FAILURE":       {Code: 503, Prompt: notNow},
	"OUTGOING_CALL_BARRED":           {Code: 403},
	"INCOMING_CALL_BARRED":           {Code: 403},
	"BEARERCAPABILITY_NOTAUTH":       {Code: 403},
	"BEARERCAPABILITY_NOTAVAIL":      {Code: 403},
	"BEARERCAPABILITY_NOTIMPL":       {Code: 488},
	"FACILITY_NOT_IMPLEMENTED":       {Code: 501},
	"SERVICE_NOT_IMPLEMENTED":        {Code: 501, Prompt: facilityTrouble},
	"INCOMPATIBLE_DESTINATION":       {Code: 488, Prompt: facilityTrouble},
	"MANDATORY_IE_MISSING":           {Code: 400, Prompt: facilityTrouble},
	"MANDATORY_IE_LENGTH_ERROR":      {Code: 400, Prompt: facilityTrouble},
	"RECOVERY_ON_TIMER_EXPIRE":       {Code: 504, Tone: reorderTone},
	"MEDIA_TIMEOUT":                  {Code: 504, Tone: reorderTone},
	"ORIGINATOR_CANCEL":              {Code: 487},
	"PROGRESS_TIMEOUT":               {Code: 486, Prompt: notNow},
	"UNKNOWN":                        {Code: 500},
}

// Names of the system prompts for failed calls.
const (
	notAsDialled    = "fault-can_not_be_completed_as_dialed"
	notNow          = "fault-can_not_be_completed_at_this_time"
	facilityTrouble = "fault-facility_trouble"
)

// DefaultResponse is what a caller is told about a cause. An account's own entries win over it; a cause without an
// entry has none.
func DefaultResponse(cause string) (Response, bool) {
	r, ok := responses[cause]
	return r, ok
}
