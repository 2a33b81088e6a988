package account

import "time"

// TemporalRule is a time of day, week or year. An absent number is nil where zero means something else.
type TemporalRule struct {
	Base
	Name     string `json:"name" rule:"required len=1..128 is=line"`
	Cycle    string `json:"cycle" rule:"required in=date|daily|weekly|monthly|yearly"`
	Interval int    `json:"interval" rule:"range=1..10000 default=1"`
	// StartDate is in Gregorian seconds ([Gregorian]).
	StartDate int      `json:"start_date" rule:"range=0..99999999999 default=62586115200"`
	Days      []int    `json:"days,omitempty" rule:"count=0..31 each.range=1..31"`
	WDays     []string `json:"wdays,omitempty" rule:"count=0..8 each.in=monday|tuesday|wednesday|wensday|thursday|friday|saturday|sunday"` //nolint:lll,misspell // one list, in which Kazoo allows the wrong spelling too
	Month     int      `json:"month,omitempty" rule:"range=1..12"`
	Ordinal   string   `json:"ordinal,omitempty" rule:"in=every|first|second|third|fourth|fifth|last"`
	// Start and Stop of the window are seconds of the day.
	Start   int      `json:"time_window_start,omitempty" rule:"range=0..86400"`
	Stop    *int     `json:"time_window_stop,omitempty" rule:"range=0..86400"` // nil: 86400
	Enabled *bool    `json:"enabled,omitempty"`                                // nil: by date; else forced on or off
	Flags   []string `json:"flags,omitempty" rule:"each.len=1..128"`
}

// Kind is temporal_rule.
func (*TemporalRule) Kind() Kind { return KindTemporalRule }

// Label is the name.
func (r *TemporalRule) Label() string { return r.Name }

func (r *TemporalRule) natural() string { return r.Name }

func (r *TemporalRule) check(d *decoder) {
	if r.Stop != nil && *r.Stop < r.Start {
		d.fail(place{"time_window_stop", r.Origin.Line}, "the window ends before it begins; write two rules, one on each "+
			"side of midnight")
	}
}

// TemporalRuleSet is several rules under one name.
type TemporalRuleSet struct {
	Base
	Name  string   `json:"name" rule:"required len=1..128 is=line"`
	Rules []string `json:"temporal_rules,omitempty" rule:"count=1..1000 each.len=1..64"`
	Flags []string `json:"flags,omitempty" rule:"each.len=1..128"`
}

// Kind is temporal_rule_set.
func (*TemporalRuleSet) Kind() Kind { return KindTemporalRuleSet }

// Label is the name.
func (r *TemporalRuleSet) Label() string { return r.Name }

func (r *TemporalRuleSet) natural() string { return r.Name }

// gregorian is the Unix time 0 in Gregorian seconds.
const gregorian = 62167219200

// Gregorian is a moment in seconds since the year 0, as Kazoo stores moments.
func Gregorian(t time.Time) int64 { return t.Unix() + gregorian }

// FromGregorian is the moment of Gregorian seconds.
func FromGregorian(s int64) time.Time { return time.Unix(s-gregorian, 0).UTC() }
