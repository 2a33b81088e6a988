package account

import "encoding/json"

// Account is a customer of the operator: a realm that phones log in to, and settings that hold for all of its users.
type Account struct {
	Base
	Settings
	Name          string             `json:"name" rule:"required len=1..128 is=line"`
	Realm         string             `json:"realm,omitempty" rule:"is=realm"`
	Enabled       bool               `json:"enabled" rule:"default=true"` // false: no calls at all
	CallRecording *RecordingSettings `json:"call_recording,omitempty"`
	Country       string             `json:"country,omitempty" rule:"is=country"` // ours: how numbers without + are read
	Org           string             `json:"org,omitempty"`
	Preflow       *Preflow           `json:"preflow,omitempty"`
	Voicemail     *VoicemailSettings `json:"voicemail,omitempty"`
	Zones         json.RawMessage    `json:"zones,omitempty"`
	OutboundFlags *OutboundFlags     `json:"outbound_flags,omitempty"`
	// PreferDeviceCallerID makes the caller id of a device win over that of its owner.
	PreferDeviceCallerID bool            `json:"prefer_device_caller_id,omitempty"`
	Notifications        json.RawMessage `json:"notifications,omitempty"` // read, without effect
	Topup                json.RawMessage `json:"topup,omitempty"`         // read, without effect
}

// Preflow is the callflow that every call of the account runs first.
type Preflow struct {
	Always string `json:"always,omitempty" rule:"is=line"`
}

// Kind is account.
func (*Account) Kind() Kind { return KindAccount }

// Label is the name.
func (a *Account) Label() string { return a.Name }

func (a *Account) natural() string {
	if a.Realm != "" {
		return a.Realm
	}
	return a.Name
}
