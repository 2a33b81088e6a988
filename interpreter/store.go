package interpreter

import (
	"context"
	"io"
	"time"
)

// Records keeps small documents under a kind and an id: calls, CDRs, recordings, queued callbacks, bindings. Values
// are encoded as JSON.
type Records interface {
	// Get decodes the record into v, or returns ErrNotFound; an expired record does not exist.
	Get(ctx context.Context, kind, id string, v any) error
	// Put writes a record that must survive the process but may be lost with the machine's power. A ttl of 0 keeps it.
	Put(ctx context.Context, kind, id string, v any, ttl time.Duration) error
	Delete(ctx context.Context, kind, id string) error
	// List returns ids in order of Query.
	List(ctx context.Context, kind string, q Query) ([]string, error)
	// Batch writes all or nothing, and is on disk when it returns.
	Batch(ctx context.Context, w []Write) error
}

// Query bounds a List.
type Query struct {
	After  string // ids after this one, in the order asked for
	Limit  int    // 0: 1000
	Newest bool   // newest first by time of the first write; else oldest first
}

// Write is one change of a Batch.
type Write struct {
	Kind, ID string
	Value    any // nil deletes
	TTL      time.Duration
}

// Kinds of records of the core.
const (
	KindCall      = "call"      // CallRecord of a live call, deleted by its CDR
	KindCDR       = "cdr"       // CDR
	KindRecording = "recording" // RecordingRecord
	KindOutbox    = "outbox"    // queued callbacks
)

// Blobs keeps audio. Names are generated ids with an extension, never anything a stranger chose.
type Blobs interface {
	// Create makes a new blob; what is written survives a crash of the process.
	Create(ctx context.Context, name string) (Blob, error)
	// Open reads a blob, or returns ErrNotFound.
	Open(ctx context.Context, name string) (io.ReadSeekCloser, error)
	Remove(ctx context.Context, name string) error
}

// Blob is a blob being written.
type Blob interface {
	io.Writer
	io.Seeker
	// Close ends writing; what was written is on disk when it returns.
	Close() error
}

// RecordingRecord is the stored description of a recording; the sound is the blob Blob.
type RecordingRecord struct {
	ID       string        `json:"id"`
	CallID   string        `json:"call_id"`
	Account  string        `json:"account"`
	Blob     string        `json:"blob"`
	Started  time.Time     `json:"started"`
	Duration time.Duration `json:"duration"`
	Channels int           `json:"channels"`
	Source   string        `json:"source"`
	Status   string        `json:"status"`
	Fault    int           `json:"fault,omitempty"`
}
