package account

// Faxbox receives and sends faxes.
type Faxbox struct {
	Base
	Name          string            `json:"name" rule:"required len=1..128 is=line"`
	CallerName    string            `json:"caller_name" rule:"len=0..35 is=line default=Pintle"`
	CallerID      Word              `json:"caller_id,omitempty"`
	FaxHeader     string            `json:"fax_header" rule:"len=0..128 is=line default=Pintle"`
	FaxIdentity   Word              `json:"fax_identity,omitempty"`
	FaxTimezone   string            `json:"fax_timezone,omitempty" rule:"is=timezone"`
	Media         FaxMedia          `json:"media"`
	OwnerID       string            `json:"owner_id,omitempty" rule:"is=line"`
	Retries       int               `json:"retries" rule:"range=0..4 default=1"`
	Attempts      int               `json:"attempts" rule:"range=0..4 default=0"`
	Notifications *FaxNotifications `json:"notifications,omitempty"`
	SMTPAddress   string            `json:"custom_smtp_email_address,omitempty" rule:"is=email"`
	SMTPPermitted []string          `json:"smtp_permission_list,omitempty" rule:"each.len=1..256 each.is=regexp"`
	Flags         []string          `json:"flags,omitempty" rule:"each.len=1..128"`
}

// FaxMedia says whether T.38 is offered.
type FaxMedia struct {
	FaxOption *bool `json:"fax_option,omitempty"`
}

// FaxNotifications tell of faxes that came and that were sent.
type FaxNotifications struct {
	Inbound  *FaxNotification `json:"inbound,omitempty"`
	Outbound *FaxNotification `json:"outbound,omitempty"`
}

// FaxNotification is who is told, and how.
type FaxNotification struct {
	Email    *SendTo      `json:"email,omitempty"`
	SMS      *SendTo      `json:"sms,omitempty"`
	Callback *FaxCallback `json:"callback,omitempty"`
}

// SendTo lists addresses.
type SendTo struct {
	SendTo Texts `json:"send_to,omitempty"`
}

// FaxCallback is an HTTP request.
type FaxCallback struct {
	URL    string `json:"url,omitempty" rule:"is=url"`
	Method string `json:"method,omitempty" rule:"in=post|put"`
	Type   string `json:"type,omitempty" rule:"in=json|www-url-form-encoded"`
}

// Kind is faxbox.
func (*Faxbox) Kind() Kind { return KindFaxbox }

// Label is the name.
func (f *Faxbox) Label() string { return f.Name }

func (f *Faxbox) natural() string { return f.Name }

func (f *Faxbox) check(d *decoder) {
	if f.Notifications == nil {
		return
	}
	for name, n := range map[string]*FaxNotification{
		"inbound": f.Notifications.Inbound, "outbound": f.Notifications.Outbound,
	} {
		if n == nil || n.Email == nil {
			continue
		}
		for _, a := range n.Email.SendTo {
			if why := isEmail(a); why != "" {
				d.fail(place{"notifications." + name + ".email.send_to", f.Origin.Line}, "%s", why)
			}
		}
	}
}
