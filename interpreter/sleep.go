package interpreter

import (
	"context"
	"time"
)

// Sleep waits for d, or until ctx ends; then it returns context.Cause(ctx). A verb never waits in any other way, so
// that no wait is deaf to a hang-up.
func Sleep(ctx context.Context, d time.Duration) error {
	if err := context.Cause(ctx); err != nil {
		return err
	}
	if d <= 0 {
		return nil
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
