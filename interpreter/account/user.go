package account

import (
	"encoding/json"
	"strings"
)

// User is a person.
type User struct {
	Base
	Settings
	FirstName      string             `json:"first_name" rule:"required len=1..128 is=line"`
	LastName       string             `json:"last_name" rule:"required len=1..128 is=line"`
	Username       string             `json:"username,omitempty" rule:"len=1..256 is=username"`
	Password       Secret             `json:"-" key:"password" rule:"len=0..256"` // of the account's API; it is not kept
	PrivLevel      string             `json:"priv_level,omitempty" rule:"in=user|admin default=user"`
	Email          string             `json:"email,omitempty" rule:"len=3..254 is=email"`
	Enabled        bool               `json:"enabled" rule:"default=true"`
	CallForward    *CallForward       `json:"call_forward,omitempty"`
	CallRecording  *CallRecording     `json:"call_recording,omitempty"`
	Directories    map[string]string  `json:"directories,omitempty"` // directory id to the callflow run for the user
	Hotdesk        *Hotdesk           `json:"hotdesk,omitempty"`
	Media          *EndpointMedia     `json:"media,omitempty"`
	OutboundFlags  *OutboundFlags     `json:"outbound_flags,omitempty"`
	PresenceID     string             `json:"presence_id,omitempty" rule:"len=0..256 is=line"`
	PronouncedName *MusicOnHold       `json:"pronounced_name,omitempty"`
	Queues         []string           `json:"queues,omitempty" rule:"unique each.len=1..64"` // where he is an agent
	VMToEmail      bool               `json:"vm_to_email_enabled" rule:"default=true"`
	Voicemail      *VoicemailSettings `json:"voicemail,omitempty"`

	ContactList    json.RawMessage `json:"contact_list,omitempty"`            // read, without effect, like those below
	FeatureLevel   string          `json:"feature_level,omitempty"`           //
	Profile        json.RawMessage `json:"profile,omitempty"`                 //
	PasswordUpdate *bool           `json:"require_password_update,omitempty"` //
	Verified       *bool           `json:"verified,omitempty"`                //
}

// Kind is user.
func (*User) Kind() Kind { return KindUser }

// Label is "First Last".
func (u *User) Label() string { return strings.TrimSpace(u.FirstName + " " + u.LastName) }

func (u *User) natural() string {
	if u.Username != "" {
		return u.Username
	}
	return u.Label()
}

// check drops the password of the API, which nothing here uses.
func (u *User) check(*decoder) { u.Password = "" }
