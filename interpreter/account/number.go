package account

import "encoding/json"

// Number is a telephone number of the public network that leads to the account. What it runs is the callflow that has
// it among its numbers.
type Number struct {
	Base
	Number        string    `json:"number" rule:"len=2..36 is=line"` // the key in a file
	Public        bool      `json:"public,omitempty"`                // ours: anyone may call it, not trunks alone
	CarrierName   string    `json:"carrier_name,omitempty" rule:"len=1..30 is=line"`
	CNAM          *CNAM     `json:"cnam,omitempty"`
	Prepend       *Prepend  `json:"prepend,omitempty"`
	Failover      *Failover `json:"failover,omitempty"`
	ForceOutbound bool      `json:"force_outbound,omitempty"`
	State         string    `json:"create_with_state,omitempty" rule:"in=aging|available|deleted|discovery|in_service|port_in|port_out|released|reserved"` //nolint:lll // one list
	// Both are read, without effect.
	E911    json.RawMessage `json:"e911,omitempty"`
	Porting json.RawMessage `json:"porting,omitempty"`
}

// CNAM is the name that goes with a number.
type CNAM struct {
	DisplayName   string `json:"display_name,omitempty" rule:"len=1..15 is=line"`
	InboundLookup bool   `json:"inbound_lookup,omitempty"`
}

// Prepend is put before the caller id of calls to the number.
type Prepend struct {
	Enabled bool   `json:"enabled" rule:"default=false"`
	Name    string `json:"name,omitempty" rule:"len=0..35 is=line"`
	Number  Word   `json:"number,omitempty"`
}

// Failover is where calls go when no device of the account answers at all.
type Failover struct {
	E164 string `json:"e164,omitempty" rule:"len=0..35 is=line"`
	SIP  string `json:"sip,omitempty" rule:"is=sip"`
}

// Kind is phone_number.
func (*Number) Kind() Kind { return KindNumber }

// Label is the number.
func (n *Number) Label() string { return n.Number }

func (n *Number) natural() string { return n.Number }
