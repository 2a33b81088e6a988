package dirstore

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"pintle/interpreter"
)

// Settle tells the records what became of the recordings that a crash cut off: one that is still in progress there is
// completed, or failed when it could not be repaired, and carries 90005. A recording is found by the id its blob is
// named after. It returns how many records changed.
func Settle(ctx context.Context, records interpreter.Records, cut []Recovered) (int, error) {
	var writes []interpreter.Write
	for _, c := range cut {
		stem, _, _ := strings.Cut(c.Name, ".")
		id := interpreter.BareID(stem)
		var r interpreter.RecordingRecord
		err := records.Get(ctx, interpreter.KindRecording, id, &r)
		if errors.Is(err, interpreter.ErrNotFound) || (err == nil && r.Status != "in-progress") {
			continue
		}
		if err != nil {
			return 0, fmt.Errorf("settle recordings: %w", err)
		}
		r.Status, r.Fault = "completed", interpreter.CodeInterrupted
		if c.Err != nil {
			r.Status = "failed"
		}
		writes = append(writes, interpreter.Write{Kind: interpreter.KindRecording, ID: id, Value: r})
	}
	if len(writes) == 0 {
		return 0, nil
	}
	if err := records.Batch(ctx, writes); err != nil {
		return 0, fmt.Errorf("settle recordings: %w", err)
	}
	return len(writes), nil
}
