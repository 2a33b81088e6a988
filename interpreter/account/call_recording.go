package account

// RecordingSettings are what an account records by itself: its own calls, and those of its endpoints.
type RecordingSettings struct {
	Account  *CallRecording `json:"account,omitempty"`
	Endpoint *CallRecording `json:"endpoint,omitempty"`
}

// CallRecording says which calls are recorded, by direction.
type CallRecording struct {
	Any      *RecordingSource `json:"any,omitempty"`
	Inbound  *RecordingSource `json:"inbound,omitempty"`
	Outbound *RecordingSource `json:"outbound,omitempty"`
}

// RecordingSource says it by where the other party is.
type RecordingSource struct {
	Any    *RecordingRules `json:"any,omitempty"`
	Onnet  *RecordingRules `json:"onnet,omitempty"`
	Offnet *RecordingRules `json:"offnet,omitempty"`
}

// RecordingRules are how it is done. An absent field leaves the word to a less specific entry.
type RecordingRules struct {
	Enabled    *bool  `json:"enabled,omitempty"`
	Format     string `json:"format,omitempty" rule:"in=mp3|wav"`
	Minimum    *int   `json:"record_min_sec,omitempty" rule:"range=0..10800"` // seconds; shorter ones are dropped
	OnAnswer   *bool  `json:"record_on_answer,omitempty"`
	OnBridge   *bool  `json:"record_on_bridge,omitempty"`
	SampleRate *int   `json:"record_sample_rate,omitempty" rule:"range=8000..48000"`
	TimeLimit  *int   `json:"time_limit,omitempty" rule:"range=5..10800"` // seconds
	URL        string `json:"url,omitempty" rule:"is=url"`
}

// over puts the entries of a later object over those of c, member by member.
func (c *CallRecording) over(later *CallRecording) *CallRecording {
	switch {
	case c == nil:
		return later
	case later == nil:
		return c
	}
	return &CallRecording{c.Any.over(later.Any), c.Inbound.over(later.Inbound), c.Outbound.over(later.Outbound)}
}

func (s *RecordingSource) over(later *RecordingSource) *RecordingSource {
	switch {
	case s == nil:
		return later
	case later == nil:
		return s
	}
	return &RecordingSource{s.Any.over(later.Any), s.Onnet.over(later.Onnet), s.Offnet.over(later.Offnet)}
}

func (r *RecordingRules) over(later *RecordingRules) *RecordingRules {
	switch {
	case r == nil:
		return later
	case later == nil:
		return r
	}
	m := *r
	for _, f := range []struct{ to, from **bool }{
		{&m.Enabled, &later.Enabled}, {&m.OnAnswer, &later.OnAnswer}, {&m.OnBridge, &later.OnBridge},
	} {
		if *f.from != nil {
			*f.to = *f.from
		}
	}
	for _, f := range []struct{ to, from **int }{
		{&m.Minimum, &later.Minimum}, {&m.SampleRate, &later.SampleRate}, {&m.TimeLimit, &later.TimeLimit},
	} {
		if *f.from != nil {
			*f.to = *f.from
		}
	}
	if later.Format != "" {
		m.Format = later.Format
	}
	if later.URL != "" {
		m.URL = later.URL
	}
	return &m
}

// expanded fills the four entries of direction and network from the wider ones, so that objects can be merged: the most
// specific counts, member by member.
func (c *CallRecording) expanded() *CallRecording {
	if c == nil {
		return nil
	}
	fill := func(s *RecordingSource) *RecordingSource {
		var direct, onnet, offnet, wide, wideOn, wideOff *RecordingRules
		if s != nil {
			direct, onnet, offnet = s.Any, s.Onnet, s.Offnet
		}
		if c.Any != nil {
			wide, wideOn, wideOff = c.Any.Any, c.Any.Onnet, c.Any.Offnet
		}
		return &RecordingSource{
			Onnet:  wide.over(direct).over(wideOn).over(onnet),
			Offnet: wide.over(direct).over(wideOff).over(offnet),
		}
	}
	return &CallRecording{Inbound: fill(c.Inbound), Outbound: fill(c.Outbound)}
}
