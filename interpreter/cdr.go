package interpreter

import "time"

// CallRecord is the open record of a live call. It is committed before the call is answered and replaced by its CDR.
type CallRecord struct {
	ID        string     `json:"id"`
	CallID    string     `json:"call_id"`
	Parent    string     `json:"parent,omitempty"`
	Account   string     `json:"account"`
	Direction Direction  `json:"direction"`
	From      Address    `json:"from"`
	To        Address    `json:"to"`
	Status    CallStatus `json:"status"`
	Started   time.Time  `json:"started"`
	Answered  time.Time  `json:"answered,omitzero"`
	Heartbeat time.Time  `json:"heartbeat"`
	// callbacks to queue should the process end before the call; never in a CDR
	Last []Post `json:"last,omitempty"`
}

// CDR is the record of a finished leg.
type CDR struct {
	CallRecord
	Ended       time.Time         `json:"ended"`
	Duration    time.Duration     `json:"duration"` // from the first message to the end
	Billed      time.Duration     `json:"billed"`   // from the answer to the end; 0 if never answered
	By          Party             `json:"by"`
	Code        int               `json:"sip_code"`
	Cause       string            `json:"cause"`
	Reason      string            `json:"reason,omitempty"`
	Fault       int               `json:"fault,omitempty"` // numbered code that ended it, docs/errors.md
	Documents   int               `json:"documents"`
	Fallbacks   int               `json:"fallbacks,omitempty"`
	Transferred string            `json:"transferred_to,omitempty"` // whom its party handed the conversation to
	Recordings  []string          `json:"recordings,omitempty"`
	Vars        map[string]string `json:"custom_application_vars,omitempty"`
	Media       *Quality          `json:"media,omitempty"`
}

// Quality is what a leg measured of its sound.
type Quality struct {
	Codec       string        `json:"codec"`
	Sent        uint64        `json:"packets_sent"`
	Received    uint64        `json:"packets_received"`
	Lost        uint64        `json:"packets_lost"`
	Foreign     uint64        `json:"packets_foreign"` // dropped: not from the negotiated source
	Jitter      time.Duration `json:"jitter"`
	FarLoss     float64       `json:"loss_reported,omitempty"` // part of what we sent that the far end last said it lost
	RoundTrip   time.Duration `json:"round_trip,omitempty"`
	MOS         float64       `json:"mos,omitempty"`
	FirstPacket time.Time     `json:"first_packet,omitzero"`         // first packet we sent
	Encryption  string        `json:"encryption,omitempty"`          // SRTP suite in force at the end; empty: plain RTP
	Unauthentic uint64        `json:"packets_unauthentic,omitempty"` // dropped: SRTP with a bad tag or a wrong key
	Handshakes  uint64        `json:"handshakes_failed,omitempty"`   // of DTLS
}

// Measurer is a leg that measures its sound.
type Measurer interface{ Quality() Quality }

// Tracer is a leg that reports its milestones: SIP messages, media, keys. The manager calls Trace once, before
// anything else; emit may be called from any goroutine and does not block.
type Tracer interface{ Trace(emit func(Event)) }
