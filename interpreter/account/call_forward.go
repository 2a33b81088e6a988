package account

// CallForward sends the calls of a user or device elsewhere. An object that is stored has Kazoo's defaults filled in.
type CallForward struct {
	Enabled          bool   `json:"enabled" rule:"default=false"`
	Number           string `json:"number,omitempty" rule:"len=0..35 is=line"`
	Substitute       bool   `json:"substitute" rule:"default=true"`       // the phone does not ring itself
	RequireKeypress  bool   `json:"require_keypress" rule:"default=true"` // whoever answers must press 1
	KeepCallerID     bool   `json:"keep_caller_id" rule:"default=true"`   // false: the forwarder's own caller id
	DirectCallsOnly  bool   `json:"direct_calls_only" rule:"default=false"`
	IgnoreEarlyMedia bool   `json:"ignore_early_media" rule:"default=true"`
	Failover         bool   `json:"failover" rule:"default=false"` // used only when the phone is offline
}
