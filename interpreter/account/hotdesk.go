package account

// Hotdesk lets a user log in to another phone.
type Hotdesk struct {
	Enabled               bool   `json:"enabled" rule:"default=false"`
	ID                    string `json:"id,omitempty" rule:"len=0..15 is=digits"` // what he types
	PIN                   PIN    `json:"pin,omitempty" rule:"len=4..15 is=digits"`
	RequirePIN            bool   `json:"require_pin" rule:"default=false"`
	KeepLoggedInElsewhere bool   `json:"keep_logged_in_elsewhere" rule:"default=false"`
}

// HotdeskUsers are the users who are logged in to a device, by id.
type HotdeskUsers struct {
	Users map[string]HotdeskLogin `json:"users,omitempty" rule:"count=0..100"`
}

// HotdeskLogin are the settings of one log-in; Kazoo has none.
type HotdeskLogin struct{}
