// Package verbs holds the operations that dialects share: play prompts, collect digits, record the caller, dial and
// bridge. A verb of a dialect fills in one of these structs with its own defaults and turns the result into an outcome
// and parameters with its own names.
//
// Read [Collect] first; [Prompt], [Pause], [Capture] and [Dial] have the same shape: a struct with useful zero values
// and a method Run that blocks until the operation is over. When its context ends, Run stops at once, joins everything
// it started and returns context.Cause(ctx). The dialects may import this package; it imports interpreter alone.
//
// It is tested in virtual time on the fake leg of package fixtures.
package verbs
