package account

import "encoding/json"

// Conference is a room where several parties speak.
type Conference struct {
	Base
	Name              string            `json:"name,omitempty" rule:"len=1..128 is=line"`
	OwnerID           string            `json:"owner_id,omitempty" rule:"is=line"`
	Language          string            `json:"language,omitempty" rule:"is=language"`
	Numbers           []string          `json:"conference_numbers,omitempty" rule:"unique each.is=digits each.len=1..16"`
	Member            ConferenceRole    `json:"member"`
	Moderator         ConferenceRole    `json:"moderator"`
	MaxParticipants   int               `json:"max_participants,omitempty" rule:"range=0..10000"` // 0: no limit
	MaxMembersMedia   string            `json:"max_members_media,omitempty" rule:"len=0..2048 is=line"`
	PlayName          bool              `json:"play_name" rule:"default=false"`
	PlayWelcome       *bool             `json:"play_welcome,omitempty"`
	PlayEntryTone     *Choice           `json:"play_entry_tone,omitempty"`
	PlayExitTone      *Choice           `json:"play_exit_tone,omitempty"`
	RequireModerator  *bool             `json:"require_moderator,omitempty"`
	WaitForModerator  *bool             `json:"wait_for_moderator,omitempty"`
	ProfileName       string            `json:"profile_name,omitempty" rule:"len=0..128 is=line"`
	Profile           ConferenceProfile `json:"profile,omitempty"`
	CallerControls    string            `json:"caller_controls,omitempty" rule:"len=0..128 is=line"`
	ModeratorControls string            `json:"moderator_controls,omitempty" rule:"len=0..128 is=line"`
	Flags             []string          `json:"flags,omitempty" rule:"each.len=1..128"`

	Controls       json.RawMessage `json:"controls,omitempty"` // read, without effect, like those below
	BridgePassword Secret          `json:"-" key:"bridge_password"`
	BridgeUsername string          `json:"bridge_username,omitempty"`
	Domain         string          `json:"domain,omitempty"`
	Focus          string          `json:"focus,omitempty"`
}

// ConferenceRole are the rules for members or for moderators.
type ConferenceRole struct {
	Numbers         []string `json:"numbers,omitempty" rule:"unique each.is=digits each.len=1..16"`
	PINs            []PIN    `json:"pins,omitempty" rule:"count=0..1000 each.is=digits each.len=1..32"`
	JoinMuted       bool     `json:"join_muted" rule:"default=false"`
	JoinDeaf        bool     `json:"join_deaf" rule:"default=false"`
	PlayEntryPrompt *bool    `json:"play_entry_prompt,omitempty"`
}

// ConferenceProfile are settings of the mixer.
type ConferenceProfile struct {
	Rate              int    `json:"rate,omitempty" rule:"range=8000..48000"` // Hz
	Interval          int    `json:"interval,omitempty" rule:"range=10..120"` // ms
	EnergyLevel       *int   `json:"energy-level,omitempty" rule:"range=0..1800"`
	ComfortNoise      *int   `json:"comfort-noise,omitempty" rule:"range=0..10000"`
	AnnounceCount     int    `json:"announce-count,omitempty" rule:"range=0..10000"`
	MaxMembers        int    `json:"max-members,omitempty" rule:"range=2..10000"`
	MOHSound          string `json:"moh-sound,omitempty" rule:"len=0..2048 is=line"`
	AloneSound        string `json:"alone-sound,omitempty" rule:"len=0..2048 is=line"`
	EnterSound        string `json:"enter-sound,omitempty" rule:"len=0..2048 is=line"`
	ExitSound         string `json:"exit-sound,omitempty" rule:"len=0..2048 is=line"`
	LockedSound       string `json:"locked-sound,omitempty" rule:"len=0..2048 is=line"`
	MaxMembersSound   string `json:"max-members-sound,omitempty" rule:"len=0..2048 is=line"`
	MutedSound        string `json:"muted-sound,omitempty" rule:"len=0..2048 is=line"`
	UnmutedSound      string `json:"unmuted-sound,omitempty" rule:"len=0..2048 is=line"`
	CallerControls    string `json:"caller-controls,omitempty" rule:"len=0..128 is=line"`
	ModeratorControls string `json:"moderator-controls,omitempty" rule:"len=0..128 is=line"`
}

// Kind is conference.
func (*Conference) Kind() Kind { return KindConference }

// Label is the name.
func (c *Conference) Label() string { return c.Name }

func (c *Conference) natural() string {
	if c.Name == "" && len(c.Numbers) > 0 {
		return c.Numbers[0]
	}
	return c.Name
}

func (c *Conference) check(d *decoder) {
	switch c.Profile.Rate {
	case 0, 8000, 12000, 16000, 24000, 32000, 44100, 48000:
	default:
		d.fail(place{"profile.rate", c.Origin.Line}, "%d is none of 8000, 12000, 16000, 24000, 32000, 44100, 48000",
			c.Profile.Rate)
	}
	c.BridgePassword = ""
}
