package sqlitestore

import (
	"context"
	"encoding/json"
	"fmt"

	"pintle/interpreter"
)

// Trace returns the kept events of a call, in the order they happened, Data in its own type. An event is kept within
// a tenth of a second; a call without events has none.
func (s *Store) Trace(ctx context.Context, call string) ([]interpreter.Event, error) {
	rows, err := s.trace.db.QueryContext(ctx, "SELECT event FROM events WHERE call = ? ORDER BY n", call)
	if err != nil {
		return nil, fmt.Errorf("read trace of %s: %w", call, err)
	}
	defer rows.Close()
	var list []interpreter.Event
	for rows.Next() {
		var b []byte
		if err := rows.Scan(&b); err != nil {
			return nil, fmt.Errorf("read trace of %s: %w", call, err)
		}
		e, err := decode(b)
		if err != nil {
			return nil, fmt.Errorf("decode trace of %s: %w", call, err)
		}
		list = append(list, e)
	}
	return list, rows.Err()
}

func decode(b []byte) (interpreter.Event, error) {
	b, err := stretch(b)
	if err != nil {
		return interpreter.Event{}, err
	}
	var raw struct {
		interpreter.Event
		Data json.RawMessage `json:"data"`
	}
	if err = json.Unmarshal(b, &raw); err != nil {
		return interpreter.Event{}, err
	}
	e := raw.Event
	if len(raw.Data) > 0 {
		e.Data, err = decodeData(e.Kind, raw.Data)
	}
	return e, err
}

func decodeData(kind string, b []byte) (any, error) {
	switch kind {
	case interpreter.EvRequest:
		return as[interpreter.RequestData](b)
	case interpreter.EvResponse:
		return as[interpreter.ResponseData](b)
	case interpreter.EvDocument:
		return as[interpreter.DocumentData](b)
	case interpreter.EvWarning:
		return as[interpreter.Warning](b)
	case interpreter.EvPlay, interpreter.EvPlayEnd:
		return as[interpreter.PromptData](b)
	case interpreter.EvDigit:
		return as[interpreter.DigitData](b)
	case interpreter.EvRecordEnd:
		return as[interpreter.Recording](b)
	case interpreter.EvDialEnd:
		return as[interpreter.DialResult](b)
	case interpreter.EvCDR:
		return as[interpreter.CDR](b)
	default:
		return as[any](b)
	}
}

func as[T any](b []byte) (any, error) {
	var v T
	err := json.Unmarshal(b, &v)
	return v, err
}
