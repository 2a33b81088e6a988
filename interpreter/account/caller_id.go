package account

// CallerIDs are who a party says he is, to different sides.
type CallerIDs struct {
	Internal  *Identity `json:"internal,omitempty"`
	External  *Identity `json:"external,omitempty"`
	Emergency *Identity `json:"emergency,omitempty"`
	Asserted  *Asserted `json:"asserted,omitempty"`
}

// Identity is a name and a number.
type Identity struct {
	Name   string `json:"name,omitempty" rule:"len=0..35 is=line"`
	Number string `json:"number,omitempty" rule:"len=0..35 is=line"`
}

// Asserted is the identity of P-Asserted-Identity (RFC 3325).
type Asserted struct {
	Name   string `json:"name,omitempty" rule:"len=0..35 is=line"`
	Number string `json:"number,omitempty" rule:"len=0..35 is=line"`
	Realm  string `json:"realm,omitempty" rule:"is=realm"`
}
