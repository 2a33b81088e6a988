package registrar

import (
	"errors"
	"time"
)

// Binding is one contact of an address of record, as it is kept and stored.
type Binding struct {
	AOR      string        `json:"aor"`
	Device   string        `json:"device"`
	Account  string        `json:"account"`
	Contact  string        `json:"contact"`          // URI
	Key      string        `json:"key"`              // its canonical form
	Params   string        `json:"params,omitempty"` // of the Contact header, for the reply: ;a=b
	Q        int           `json:"q"`                // thousandths
	Instance string        `json:"instance,omitempty"`
	RegID    int           `json:"reg_id,omitempty"` // 0: none (RFC 5626 §4.2)
	Path     []string      `json:"path,omitempty"`
	CallID   string        `json:"call_id"`
	CSeq     uint32        `json:"cseq"`
	Network  string        `json:"network"` // UDP, TCP, TLS, WS, WSS
	Source   string        `json:"source"`  // ip:port
	Agent    string        `json:"agent,omitempty"`
	NAT      bool          `json:"nat,omitempty"`
	Since    time.Time     `json:"since"`
	Renewed  time.Time     `json:"renewed"`
	Expires  time.Time     `json:"expires"`
	Silent   time.Time     `json:"-"` // since when it gives no sign of life
	RTT      time.Duration `json:"-"`

	probe time.Time // when to ask for a sign of life next
	fails int       // asked in vain
}

// Stream reports a binding that lives on a connection.
func (b *Binding) Stream() bool { return b.Network != "UDP" }

// Contact is one Contact of a REGISTER.
type Contact struct {
	URI      string // as it stands; compared as Key
	Key      string // its canonical form
	Params   string
	Q        int
	Instance string
	RegID    int
	Expires  time.Duration // 0 removes it
	NAT      bool
}

// Update is what a REGISTER asks for.
type Update struct {
	AOR, Device, Account string
	CallID               string
	CSeq                 uint32
	All                  bool // "*" with Expires 0: every binding goes
	Contacts             []Contact
	Path                 []string
	Network, Source      string
	Agent                string
	Max                  int // bindings of this address of record
}

// Refusals of an Update. Nothing is changed then.
var (
	// ErrReplay is a REGISTER whose CSeq is not higher than that of the binding it would change (RFC 3261 §10.3).
	ErrReplay = errors.New("the CSeq is not higher than before")
	// ErrTooMany is one contact more than the address of record may have.
	ErrTooMany = errors.New("too many contacts for one address of record")
	// ErrFull is one binding more than the table holds.
	ErrFull = errors.New("too many bindings in all")
)

// Kind is what happened to a binding.
type Kind int

// The kinds.
const (
	Added Kind = iota
	Renewed
	Removed
	Expired
)

// Change is one binding that an Update touched.
type Change struct {
	Kind    Kind
	Binding Binding
}
