package account

import "encoding/json"

// Device is a telephone, or whatever has a line.
type Device struct {
	Base
	Settings
	Name               string         `json:"name" rule:"required len=1..128 is=line"`
	OwnerID            string         `json:"owner_id,omitempty" rule:"is=line"`
	Enabled            bool           `json:"enabled" rule:"default=true"`
	DeviceType         string         `json:"device_type,omitempty" rule:"len=0..64 is=line"`
	SIP                SIP            `json:"sip"`
	CallForward        *CallForward   `json:"call_forward,omitempty"`
	CallRecording      *CallRecording `json:"call_recording,omitempty"`
	ExcludeFromQueues  bool           `json:"exclude_from_queues" rule:"default=false"`
	Hotdesk            *HotdeskUsers  `json:"hotdesk,omitempty"`
	Media              *EndpointMedia `json:"media,omitempty"`
	MWIUnsolicited     bool           `json:"mwi_unsolicited_updates" rule:"default=true"`
	OutboundFlags      *OutboundFlags `json:"outbound_flags,omitempty"`
	PresenceID         string         `json:"presence_id,omitempty" rule:"len=0..256 is=line"`
	SuppressUnregister bool           `json:"suppress_unregister_notifications" rule:"default=false"`

	ContactList     json.RawMessage `json:"contact_list,omitempty"` // read, without effect, like those below
	MACAddress      string          `json:"mac_address,omitempty"`
	Provision       json.RawMessage `json:"provision,omitempty"`
	OverwriteNotify *bool           `json:"register_overwrite_notify,omitempty"`
}

// SIP is how a device logs in and is called.
type SIP struct {
	Method       string `json:"method" rule:"in=password|ip default=password"`
	Username     string `json:"username,omitempty" rule:"len=2..32 is=login"`
	Password     Secret `json:"-" key:"password" rule:"len=5..32"`          // empty once HA1 is made of it
	Realm        string `json:"realm,omitempty" rule:"len=4..253 is=realm"` // overrides that of the account
	IP           string `json:"ip,omitempty" rule:"is=ip"`                  // with method ip
	InviteFormat string `json:"invite_format" rule:"in=contact|username|npan|1npan|e164|route|strip_plus default=contact"`
	Route        string `json:"route,omitempty" rule:"is=sip"`             // with invite_format route
	Number       string `json:"number,omitempty" rule:"len=0..35 is=line"` // with the formats of numbers
	StaticInvite string `json:"static_invite,omitempty" rule:"len=0..128 is=line"`
	StaticRoute  string `json:"static_route,omitempty" rule:"is=sip"`
	Expires      int    `json:"expire_seconds" rule:"range=60..86400 default=300"` // longest registration
	// IgnoreCompletedElsewhere makes phones that lost a race list no missed call.
	IgnoreCompletedElsewhere bool        `json:"ignore_completed_elsewhere" rule:"default=true"`
	Headers                  *SIPHeaders `json:"custom_sip_headers,omitempty"`
	// MaxContacts and MD5Only are ours: bindings at once, and a challenge with MD5 alone for phones that stumble over two.
	MaxContacts int  `json:"max_contacts,omitempty" rule:"range=0..100"`
	MD5Only     bool `json:"md5_only,omitempty"`

	Interface string `json:"custom_sip_interface,omitempty"` // read, without effect, like those below
	Forward   string `json:"forward,omitempty"`
	Proxy     string `json:"proxy,omitempty"`
	Transport string `json:"transport,omitempty"`

	HA1      HA1    `json:"-"` // of the password, in the realm HA1Realm
	HA1Realm string `json:"-"`
}

// Kind is device.
func (*Device) Kind() Kind { return KindDevice }

// Label is the name.
func (v *Device) Label() string { return v.Name }

func (v *Device) natural() string {
	if v.SIP.Username != "" {
		return v.SIP.Username
	}
	return v.Name
}

func (v *Device) check(d *decoder) {
	s := &v.SIP
	at := place{"sip", v.Origin.Line}
	switch {
	case s.Method == "ip" && s.IP == "":
		d.fail(at.member("ip", at.line), "a device with method ip needs its address here")
	case s.Method == "ip" && (s.Username == "" && s.StaticRoute == "" && s.Route == ""):
		d.fail(at.member("username", at.line),
			"a device with method ip needs a username, so that calls can name it, or a route")
	case s.Method == "password" && s.Password != "" && s.Username == "":
		d.fail(at.member("username", at.line), "a password needs the user name that goes with it")
	}
	if s.InviteFormat == "route" && s.Route == "" && s.StaticRoute == "" {
		d.fail(at.member("route", at.line), "invite_format route needs the SIP address here")
	}
}

// forwardOnly tells whether the device is a telephone of the public network, which has no line here.
func (v *Device) forwardOnly() bool { return v.DeviceType == "cellphone" || v.DeviceType == "landline" }
