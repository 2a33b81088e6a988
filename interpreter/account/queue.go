package account

// Queue holds callers until an agent is free. Its agents are the users whose queues name it.
type Queue struct {
	Base
	Name               string         `json:"name" rule:"required len=1..128 is=line"`
	AgentRingTimeout   int            `json:"agent_ring_timeout" rule:"range=1..600 default=15"` // seconds
	AgentWrapupTime    int            `json:"agent_wrapup_time" rule:"range=0..86400 default=0"` // seconds
	Announce           string         `json:"announce,omitempty" rule:"len=0..2048 is=line"`
	Announcements      *Announcements `json:"announcements,omitempty"`
	CallerExitKey      Word           `json:"caller_exit_key" rule:"default=#"`
	CDRURL             string         `json:"cdr_url,omitempty" rule:"is=url"`
	ConnectionTimeout  int            `json:"connection_timeout" rule:"range=0..86400 default=3600"` // seconds; 0: none
	EnterWhenEmpty     bool           `json:"enter_when_empty" rule:"default=true"`
	MaxPriority        int            `json:"max_priority,omitempty" rule:"range=0..255"`
	MaxQueueSize       int            `json:"max_queue_size" rule:"range=0..100000 default=0"` // 0: no limit
	MOH                string         `json:"moh,omitempty" rule:"len=0..2048 is=line"`
	RecordCaller       bool           `json:"record_caller" rule:"default=false"`
	RecordingURL       string         `json:"recording_url,omitempty" rule:"is=url"`
	CallRecordingURL   string         `json:"call_recording_url,omitempty" rule:"is=url"` // another name for it
	RingSimultaneously int            `json:"ring_simultaneously" rule:"range=1..100 default=1"`
	Strategy           string         `json:"strategy" rule:"in=round_robin|most_idle default=round_robin"`
	Flags              []string       `json:"flags,omitempty" rule:"each.len=1..128"`
}

// Announcements are made to callers who wait.
type Announcements struct {
	Interval int                 `json:"interval" rule:"range=15..3600 default=30"` // seconds
	Media    *AnnouncementsMedia `json:"media,omitempty"`
	Position *bool               `json:"position_announcements_enabled,omitempty"`
	WaitTime *bool               `json:"wait_time_announcements_enabled,omitempty"`
}

// AnnouncementsMedia replaces the system's prompts.
type AnnouncementsMedia struct {
	InTheQueue string `json:"in_the_queue,omitempty" rule:"required is=line"`
	Increase   string `json:"increase_in_call_volume,omitempty" rule:"required is=line"`
	WaitTime   string `json:"the_estimated_wait_time_is,omitempty" rule:"required is=line"`
	Position   string `json:"you_are_at_position,omitempty" rule:"required is=line"`
}

// Kind is queue.
func (*Queue) Kind() Kind { return KindQueue }

// Label is the name.
func (q *Queue) Label() string { return q.Name }

func (q *Queue) natural() string { return q.Name }

func (q *Queue) check(d *decoder) {
	if k := q.CallerExitKey; len(k) != 1 || (k[0] != '*' && k[0] != '#' && (k[0] < '0' || k[0] > '9')) {
		d.fail(place{"caller_exit_key", q.Origin.Line}, "%q is no key; write one of 0-9 * #", clip(string(k)))
	}
}
