package account

import "encoding/json"

// Media is a sound: a file at an address, one that was recorded or uploaded, or a text to speak.
type Media struct {
	Base
	Name          string          `json:"name" rule:"required len=1..128 is=line"`
	Source        string          `json:"media_source" rule:"in=recording|upload|tts default=upload"`
	ContentType   string          `json:"content_type,omitempty" rule:"in=audio/mp3|audio/mpeg|audio/mpeg3|audio/x-wav|audio/wav|audio/ogg|video/x-flv|video/h264|video/mpeg|video/quicktime|video/mp4|video/webm"` //nolint:lll // one list
	ContentLength int             `json:"content_length,omitempty" rule:"range=1..11534336"`
	Description   string          `json:"description,omitempty" rule:"len=1..128"`
	Language      string          `json:"language" rule:"is=language default=en-us"`
	PromptID      string          `json:"prompt_id,omitempty" rule:"len=0..128 is=line"`
	SourceID      string          `json:"source_id,omitempty" rule:"len=0..64 is=line"`
	SourceType    string          `json:"source_type,omitempty" rule:"len=0..64 is=line"`
	Streamable    bool            `json:"streamable" rule:"default=true"`
	TTS           *MediaText      `json:"tts,omitempty"`
	URL           string          `json:"url,omitempty" rule:"is=url"`             // ours: where the sound is fetched
	Blob          string          `json:"blob,omitempty" rule:"len=0..64 is=line"` // ours: a recording in the store
	Flags         json.RawMessage `json:"flags,omitempty"`
}

// MediaText is spoken.
type MediaText struct {
	Text  string `json:"text,omitempty" rule:"len=1..4000"`
	Voice string `json:"voice,omitempty" rule:"len=1..64 is=line default=female/en-US"`
}

// Kind is media.
func (*Media) Kind() Kind { return KindMedia }

// Label is the name.
func (m *Media) Label() string { return m.Name }

func (m *Media) natural() string { return m.Name }

func (m *Media) check(d *decoder) {
	if m.Source == "tts" && (m.TTS == nil || m.TTS.Text == "") {
		d.fail(place{"tts.text", m.Origin.Line}, "a media of source tts needs the words to speak here")
	}
}
