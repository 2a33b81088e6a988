package sqlitestore

import (
	"testing"

	"pintle/interpreter"
)

// record is a call's open record of usual size.
var record = interpreter.CallRecord{ID: interpreter.NewID(), Status: interpreter.StatusRinging,
	Direction: interpreter.Inbound,
	From:      interpreter.Address{User: "+15550001", Host: "192.0.2.1", URI: "sip:+15550001@192.0.2.1"},
	To:        interpreter.Address{User: "+15550100", Host: "192.0.2.2", URI: "sip:+15550100@192.0.2.2"}}

func benchStore(b *testing.B) *Store {
	s, err := Open(b.Context(), Config{Dir: b.TempDir()})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { s.Close() })
	b.ReportAllocs()
	b.ResetTimer()
	return s
}

// BenchmarkPut is what the answer to an INVITE waits for.
func BenchmarkPut(b *testing.B) {
	s := benchStore(b)
	for b.Loop() {
		if err := s.Put(b.Context(), interpreter.KindCall, interpreter.NewID(), record, 0); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkBatch is the end of one call after the other.
func BenchmarkBatch(b *testing.B) {
	s := benchStore(b)
	for b.Loop() {
		if err := s.Batch(b.Context(), ending()); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkBatchesAtOnce is the end of many calls at the same time: they share commits.
func BenchmarkBatchesAtOnce(b *testing.B) {
	s := benchStore(b)
	b.SetParallelism(64)
	b.RunParallel(func(p *testing.PB) {
		for p.Next() {
			if err := s.Batch(b.Context(), ending()); err != nil {
				b.Error(err)
			}
		}
	})
}

func ending() []interpreter.Write {
	id := interpreter.NewID()
	return []interpreter.Write{{Kind: interpreter.KindCall, ID: id},
		{Kind: interpreter.KindCDR, ID: id, Value: interpreter.CDR{CallRecord: record}},
		{Kind: interpreter.KindOutbox, ID: id, Value: interpreter.Post{ID: id}}}
}

// BenchmarkOpen is a start with 100 000 call records.
func BenchmarkOpen(b *testing.B) {
	dir := b.TempDir()
	s, err := Open(b.Context(), Config{Dir: dir})
	if err != nil {
		b.Fatal(err)
	}
	for range 100 {
		w := make([]interpreter.Write, 0, 1000)
		for range 1000 {
			w = append(w, interpreter.Write{Kind: interpreter.KindCDR, ID: interpreter.NewID(),
				Value: interpreter.CDR{CallRecord: record}})
		}
		if err := s.Batch(b.Context(), w); err != nil {
			b.Fatal(err)
		}
	}
	s.Close()
	for b.Loop() {
		s, err := Open(b.Context(), Config{Dir: dir})
		if err != nil {
			b.Fatal(err)
		}
		s.Close()
	}
}
