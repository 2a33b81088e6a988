package sipedge

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sirupsen/logrus"
)

// A scanner's datagrams come to the log as a few short lines, and a summary (R-LOG-4).
func TestLogBridge(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out bytes.Buffer
		l := logrus.New()
		l.SetOutput(&out)
		log := slog.New(newLogBridge(logrus.NewEntry(l))).With("caller", "x")
		for range 10_000 {
			log.Error("failed to parse", "data", strings.Repeat("A\r\n", 20000))
		}
		if n := strings.Count(out.String(), "\n"); n != logBurst || out.Len() > 4096 {
			t.Errorf("%d lines, %d octets", n, out.Len())
		}
		out.Reset()
		time.Sleep(logRepeat)
		log.Error("failed to parse")
		if !strings.Contains(out.String(), "repeated=9997") {
			t.Errorf("no summary: %s", out.String())
		}
		out.Reset()
		log.Debug("chatter")
		if out.Len() != 0 {
			t.Errorf("debug is written: %s", out.String())
		}
	})
}

func TestInboxOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newInbox()
		var got string
		step := func(s string) func() { return func() { got += s } }
		b.reserve(1, "1", time.Now())
		b.reserve(2, "2", time.Now())
		b.reserve(3, "3", time.Now())
		b.reserve(2, "2", time.Now()) // repeated: no place
		b.post(step("x"))
		b.fill("2", step("b"))
		go func() {
			time.Sleep(time.Millisecond)
			b.fill("1", step("a"))
		}()
		for range 3 { // 3 never comes: it is waited for, then skipped
			b.take()()
		}
		b.fill("3", step("late"))
		b.take()()
		if got != "abxlate" {
			t.Errorf("order %q", got)
		}
		b.close()
		if b.take() != nil || b.post(step("y")) {
			t.Error("a closed inbox works on")
		}
	})
}
