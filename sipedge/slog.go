package sipedge

import (
	"context"
	"log/slog"
	"strings"
	"sync"
	"time"

	"github.com/sirupsen/logrus"
)

const (
	logValueLimit = 512              // octets kept of a message or a value: the library logs whole datagrams
	logRepeat     = 10 * time.Second // equal messages are summed up over this time
	logBurst      = 3                // lines of one message within it
	logKinds      = 256              // distinct messages remembered
)

// logBridge hands sipgo's slog records to logrus. Values are shortened to 512 octets and a message that repeats is
// summed up, so that a scanner cannot fill the disk through the library's error lines.
type logBridge struct {
	entry *logrus.Entry
	seen  *logSeen
}

type logSeen struct {
	mu   sync.Mutex
	kind map[string]*logCount
}

type logCount struct {
	since   time.Time
	lines   int
	dropped int
}

func newLogBridge(entry *logrus.Entry) *logBridge {
	return &logBridge{entry: entry, seen: &logSeen{kind: make(map[string]*logCount)}}
}

// Enabled implements slog.Handler.
func (b *logBridge) Enabled(_ context.Context, level slog.Level) bool {
	return b.entry.Logger.IsLevelEnabled(logLevel(level))
}

// Handle implements slog.Handler.
func (b *logBridge) Handle(_ context.Context, r slog.Record) error {
	dropped, ok := b.seen.admit(r.Message, r.Time)
	if !ok {
		return nil
	}
	fields := make(logrus.Fields, r.NumAttrs()+1)
	r.Attrs(func(a slog.Attr) bool {
		fields[a.Key] = shorten(a.Value.String())
		return true
	})
	if dropped > 0 {
		fields["repeated"] = dropped
	}
	b.entry.WithFields(fields).Log(logLevel(r.Level), shorten(r.Message))
	return nil
}

// WithAttrs implements slog.Handler.
func (b *logBridge) WithAttrs(attrs []slog.Attr) slog.Handler {
	fields := make(logrus.Fields, len(attrs))
	for _, a := range attrs {
		fields[a.Key] = shorten(a.Value.String())
	}
	return &logBridge{entry: b.entry.WithFields(fields), seen: b.seen}
}

// WithGroup implements slog.Handler. Groups are flattened: the library uses none.
func (b *logBridge) WithGroup(string) slog.Handler { return b }

// admit reports whether a line of this message may be written now, and how many were left out since the last one.
func (s *logSeen) admit(message string, at time.Time) (dropped int, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := s.kind[message]
	if c == nil {
		if len(s.kind) >= logKinds {
			clear(s.kind)
		}
		c = &logCount{since: at}
		s.kind[message] = c
	}
	if at.Sub(c.since) >= logRepeat {
		dropped = c.dropped
		*c = logCount{since: at}
	}
	if c.lines >= logBurst {
		c.dropped++
		return 0, false
	}
	c.lines++
	return dropped, true
}

func logLevel(level slog.Level) logrus.Level {
	switch {
	case level >= slog.LevelError:
		// A library error is one bad packet or one lost peer; the engine itself is well.
		return logrus.WarnLevel
	case level >= slog.LevelWarn:
		return logrus.InfoLevel
	case level >= slog.LevelInfo:
		return logrus.DebugLevel
	}
	return logrus.TraceLevel
}

// shorten makes a foreign value fit for a log line: printable, on one line, at most 512 octets.
func shorten(s string) string {
	cut := len(s) > logValueLimit
	if cut {
		s = s[:logValueLimit]
	}
	s = strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f || r == 0x85 || r == 0x2028 || r == 0x2029 {
			return '.'
		}
		return r
	}, strings.ToValidUTF8(s, "."))
	if cut {
		return s + "…"
	}
	return s
}
