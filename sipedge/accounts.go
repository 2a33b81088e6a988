package sipedge

import (
	"net/netip"
	"time"

	"pintle/sipedge/auth"
)

// Accounts knows the devices that may register and call. Its methods are asked for every request of a phone, from many
// goroutines at once, and must answer from memory. A device that does not exist is interpreter.ErrNotFound.
type Accounts interface {
	// Realm is the realm that a host in a URI belongs to, compared without regard to case; "" asks for the realm of
	// phones that name the engine's own address. It reports false for a host that is none of ours.
	Realm(host string) (realm string, ours bool)
	// Login finds the device that authenticates with this user name in this realm. A device that is switched off is found
	// too, with Enabled false.
	Login(realm, username string) (Login, error)
	// Owner finds the device that an address of record belongs to; realm is one that Realm has given.
	Owner(user, realm string) (Login, error)
	// Source finds the device that is authenticated by its address alone.
	Source(addr netip.Addr) (Login, error)
}

// Login is one device as the SIP side needs it. Its address of record is sip:User@Realm.
type Login struct {
	Device  string // id
	Account string // id
	User    string // user part of the address of record
	Realm   string

	Username    string        // of the digest; mostly the same as User
	HA1         HA1           // of its password in Realm
	Enabled     bool          // false: it is refused like one that does not exist
	MaxContacts int           // bindings at once; 0: Registrations.Contacts
	Expires     time.Duration // longest registration; 0: Registrations.Expires
	MD5Only     bool          // challenge with MD5 alone: old phones stumble over two challenges
}

// HA1 is the digest secret of a device, per algorithm: the hash of username, realm and password. It hides itself from
// logs.
type HA1 = auth.HA1

// HashPassword makes the HA1 of a clear password.
func HashPassword(username, realm, password string) HA1 { return auth.Hash(username, realm, password) }

// Registrations are the settings of the registrar; zero fields take the defaults.
type Registrations struct {
	Contacts int           // bindings of one address of record; 0: 10, at most 100
	Expires  time.Duration // longest registration; 0: one hour
	Minimum  time.Duration // shortest; less is refused with 423; 0: 60 s
	Rate     int           // REGISTERs a second of one source prefix; 0: 100
	UserRate int           // REGISTERs a second of one user from one source; 0: 5
	Total    int           // bindings in all; 0: 100 000
	MD5Only  bool          // challenge everybody with MD5 alone
	// KeepAlive is how often a phone behind NAT is asked for a sign of life, give or take a fifth; 0: 25 s.
	KeepAlive time.Duration
	// Fails is how many wrong answers of one address within a minute silence it, for ten minutes; 0: 10.
	Fails int
	// Changed is told of every binding that comes, is refreshed or goes, and of bans; it must not block. May be nil.
	Changed func(RegistrationEvent)
}

// RegistrationChange is what happened to a binding.
type RegistrationChange string

// The changes.
const (
	Registered   RegistrationChange = "registered"
	Refreshed    RegistrationChange = "refreshed"
	Unregistered RegistrationChange = "unregistered" // the phone took it back
	Expired      RegistrationChange = "expired"      // it was not refreshed
	Disconnected RegistrationChange = "disconnected" // its connection was closed
	Silent       RegistrationChange = "silent"       // a phone behind NAT answers no more; it stays registered
	Banned       RegistrationChange = "banned"       // an address guessed passwords; Binding.Source alone is set
	Rejected     RegistrationChange = "rejected"     // a REGISTER broke a rule; Reason says which
)

// RegistrationEvent is one change.
type RegistrationEvent struct {
	Time    time.Time          `json:"time"`
	Change  RegistrationChange `json:"change"`
	Binding Binding            `json:"binding"`
	Reason  string             `json:"reason,omitempty"`
}

// Binding is one registered contact, as operators see it.
type Binding struct {
	AOR       string     `json:"aor"` // user@realm
	Device    string     `json:"device"`
	Account   string     `json:"account"`
	Contact   string     `json:"contact"` // URI as the phone gave it
	Source    string     `json:"source"`  // ip:port its REGISTER came from
	Transport string     `json:"transport"`
	UserAgent string     `json:"user_agent,omitempty"`
	Instance  string     `json:"instance,omitempty"` // +sip.instance
	Path      []string   `json:"path,omitempty"`     // RFC 3327
	Q         float64    `json:"q"`
	Since     time.Time  `json:"since"`
	Refreshed time.Time  `json:"refreshed"`
	Expires   time.Time  `json:"expires"`
	NAT       bool       `json:"nat,omitempty"`
	Silent    *time.Time `json:"silent,omitempty"` // since when it answers no more
	RTT       float64    `json:"rtt,omitempty"`    // seconds, of its last sign of life
}
