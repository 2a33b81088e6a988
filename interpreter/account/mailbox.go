package account

// Mailbox keeps voice messages (Kazoo vmbox).
type Mailbox struct {
	Base
	Mailbox           string       `json:"mailbox" rule:"required len=1..30 is=line"` // its number, unique in the account
	Name              string       `json:"name" rule:"required len=1..128 is=line"`
	OwnerID           string       `json:"owner_id,omitempty" rule:"is=line"`
	PIN               PIN          `json:"pin,omitempty" rule:"len=4..6 is=digits"`
	RequirePIN        bool         `json:"require_pin" rule:"default=false"`
	IsSetup           bool         `json:"is_setup" rule:"default=false"`
	CheckIfOwner      *bool        `json:"check_if_owner,omitempty" rule:"rest=true"` // absent: the run-time default
	AnnouncementOnly  bool         `json:"announcement_only" rule:"default=false"`
	SkipGreeting      bool         `json:"skip_greeting" rule:"default=false"`
	SkipInstructions  bool         `json:"skip_instructions" rule:"default=false"`
	SkipEnvelope      bool         `json:"skip_envelope" rule:"default=false"`
	GreetingIntro     bool         `json:"play_greeting_intro,omitempty"`
	PersonUnavailable bool         `json:"use_person_not_available,omitempty"`
	InterDigit        int          `json:"interdigit_timeout,omitempty" rule:"range=1..60000"` // ms
	NotConfigurable   bool         `json:"not_configurable" rule:"default=false"`
	OldestFirst       bool         `json:"oldest_message_first" rule:"default=false"`
	FastForward       bool         `json:"is_voicemail_ff_rw_enabled" rule:"default=false"`
	SeekDuration      int          `json:"seek_duration_ms" rule:"range=0..600000 default=10000"`
	Media             MailboxMedia `json:"media"`
	MediaExtension    string       `json:"media_extension" rule:"in=mp3|mp4|wav default=mp3"`
	OperatorNumber    Word         `json:"operator_number,omitempty"`
	MaxMessageLength  int          `json:"max_message_length,omitempty" rule:"range=1..10800"` // seconds
	DeleteAfterNotify bool         `json:"delete_after_notify" rule:"default=false"`
	SaveAfterNotify   bool         `json:"save_after_notify" rule:"default=false"`
	IncludeMessage    bool         `json:"include_message_on_notify" rule:"default=true"`
	IncludeTranscript bool         `json:"include_transcription_on_notify" rule:"default=true"`
	NotifyEmails      []string     `json:"notify_email_addresses,omitempty" rule:"count=0..100 each.is=email each.len=3..254"`
	Notify            *Notify      `json:"notify,omitempty"`
	Timezone          string       `json:"timezone,omitempty" rule:"is=timezone"`
	Transcribe        bool         `json:"transcribe" rule:"default=false"`
	Flags             []string     `json:"flags,omitempty" rule:"each.len=1..128"`
}

// MailboxMedia are the greetings of a mailbox: ids of media.
type MailboxMedia struct {
	Unavailable string `json:"unavailable,omitempty" rule:"len=0..2048 is=line"`
	Temporary   string `json:"temporary_unavailable,omitempty" rule:"len=0..2048 is=line"`
	Name        string `json:"name,omitempty" rule:"len=0..2048 is=line"`
}

// Kind is vmbox.
func (*Mailbox) Kind() Kind { return KindMailbox }

// Label is the name.
func (m *Mailbox) Label() string { return m.Name }

func (m *Mailbox) natural() string { return m.Mailbox }
