package account

import "encoding/json"

// Settings are what accounts, users and devices have in common and what is merged for an endpoint ([View.Merge]).
type Settings struct {
	CallRestriction map[string]Restriction `json:"call_restriction,omitempty"`
	CallWaiting     *Switch                `json:"call_waiting,omitempty"`
	CallerID        *CallerIDs             `json:"caller_id,omitempty"`
	CallerIDOptions *CallerIDOptions       `json:"caller_id_options,omitempty"`
	DialPlan        *DialPlan              `json:"dial_plan,omitempty"`
	DoNotDisturb    *Switch                `json:"do_not_disturb,omitempty"`
	Flags           []string               `json:"flags,omitempty" rule:"each.len=1..128"`
	Formatters      json.RawMessage        `json:"formatters,omitempty"`
	Language        string                 `json:"language,omitempty" rule:"is=language"`
	Metaflows       json.RawMessage        `json:"metaflows,omitempty"`
	MusicOnHold     *MusicOnHold           `json:"music_on_hold,omitempty"`
	Ringtones       *Ringtones             `json:"ringtones,omitempty"`
	Timezone        string                 `json:"timezone,omitempty" rule:"is=timezone"`
}

// Switch is a setting that is on, off, or absent so that another object decides.
type Switch struct {
	Enabled *bool `json:"enabled,omitempty"`
}

// On tells whether it is on; nil and absent are off.
func (s *Switch) On() bool { return s != nil && s.Enabled != nil && *s.Enabled }

// Restriction says what is done with calls to a class of numbers, or with "closed_groups".
type Restriction struct {
	// Action is inherit, deny, or allow, which for a user wins over his device.
	Action string `json:"action,omitempty" rule:"in=inherit|deny|allow"`
}

// CallerIDOptions are how much of the caller carriers are told.
type CallerIDOptions struct {
	OutboundPrivacy string `json:"outbound_privacy,omitempty" rule:"in=full|name|number|none"`
	ShowRate        *bool  `json:"show_rate,omitempty"`
}

// MusicOnHold is what a waiting party hears: id of a media, or a URL.
type MusicOnHold struct {
	MediaID string `json:"media_id,omitempty" rule:"len=0..2048 is=line"`
}

// Ringtones are the values of Alert-Info on calls to the phone.
type Ringtones struct {
	External string `json:"external,omitempty" rule:"len=0..256 is=line"` // for calls from outside
	Internal string `json:"internal,omitempty" rule:"len=0..256 is=line"` // for calls from the account
}

// VoicemailSettings are those of an account or user.
type VoicemailSettings struct {
	Notify *Notify `json:"notify,omitempty"`
}

// Notify telephones a number after a new message.
type Notify struct {
	Callback *NotifyCallback `json:"callback,omitempty"`
}

// NotifyCallback says when and how often.
type NotifyCallback struct {
	Attempts int    `json:"attempts,omitempty" rule:"range=0..100"`
	Disabled bool   `json:"disabled,omitempty"`
	Interval int    `json:"interval_s,omitempty" rule:"range=0..86400"` // seconds
	Number   string `json:"number,omitempty" rule:"len=0..35 is=line"`
	Schedule []int  `json:"schedule,omitempty" rule:"each.range=0..86400"` // seconds before each attempt
	Timeout  int    `json:"timeout_s,omitempty" rule:"range=0..3600"`      // seconds it rings
}

// EndpointMedia is codecs and encryption of a phone, and what is done with its sound before the answer.
type EndpointMedia struct {
	Audio           *AudioMedia     `json:"audio,omitempty"`
	BypassMedia     *Choice         `json:"bypass_media,omitempty"` // read, without effect: sound always passes through
	Encryption      *Encryption     `json:"encryption,omitempty"`
	FaxOption       *bool           `json:"fax_option,omitempty"` // T.38
	IgnoreEarly     *bool           `json:"ignore_early_media,omitempty"`
	Name            string          `json:"name,omitempty" rule:"len=0..2048"`               // the user's recorded name
	ProgressTimeout int             `json:"progress_timeout,omitempty" rule:"range=0..3600"` // seconds
	Video           json.RawMessage `json:"video,omitempty"`                                 // read, without effect
}

// AudioMedia lists codecs by Kazoo's names, best first.
type AudioMedia struct {
	Codecs []string `json:"codecs,omitempty" rule:"unique each.in=OPUS|CELT@32000h|G7221@32000h|G7221@16000h|G722|speex@32000h|speex@16000h|PCMU|PCMA|G729|GSM|CELT@48000h|CELT@64000h|G722_16|G722_32|CELT_48|CELT_64|Speex|speex"` //nolint:lll // one table
}

// Encryption of the sound.
type Encryption struct {
	Enforce bool     `json:"enforce_security,omitempty"`
	Methods []string `json:"methods,omitempty" rule:"each.in=srtp|zrtp"`
}
