package account

// Menu is what a caller chooses from. The defaults are those of the running menu; hunt is on by default only in one
// made by REST, where Kazoo's API fills it in.
type Menu struct {
	Base
	Name                  string    `json:"name" rule:"required len=1..128 is=line"`
	Retries               int       `json:"retries" rule:"range=1..10 default=3"`
	Timeout               int       `json:"timeout" rule:"range=1..60000 default=10000"`        // ms to the first key
	InterDigit            int       `json:"interdigit_timeout,omitempty" rule:"range=1..10000"` // ms; 0: the node's
	MaxExtensionLength    int       `json:"max_extension_length" rule:"range=1..6 default=4"`   // keys
	Hunt                  bool      `json:"hunt" rule:"default=false rest=true"`                // dial extensions
	HuntAllow             string    `json:"hunt_allow,omitempty" rule:"len=1..256 is=regexp"`   //
	HuntDeny              string    `json:"hunt_deny,omitempty" rule:"len=1..256 is=regexp"`    //
	RecordPIN             PIN       `json:"record_pin,omitempty" rule:"len=3..6 is=digits"`     //
	AllowRecordFromOffnet bool      `json:"allow_record_from_offnet" rule:"default=false"`      //
	SuppressMedia         bool      `json:"suppress_media" rule:"default=false"`                // no invalid-entry prompt
	Media                 MenuMedia `json:"media"`                                              //
	Flags                 []string  `json:"flags,omitempty" rule:"each.len=1..128"`
}

// MenuMedia is what a menu says. An absent sound is the system's own.
type MenuMedia struct {
	Greeting      string  `json:"greeting,omitempty" rule:"len=3..2048 is=line"`
	ExitMedia     *Choice `json:"exit_media,omitempty"`
	TransferMedia *Choice `json:"transfer_media,omitempty"`
	InvalidMedia  *Choice `json:"invalid_media,omitempty"`
}

// Kind is menu.
func (*Menu) Kind() Kind { return KindMenu }

// Label is the name.
func (m *Menu) Label() string { return m.Name }

func (m *Menu) natural() string { return m.Name }
