// Package kazoo is the dialect in which Kazoo Pivot servers answer: a tree of callflow nodes as JSON. It reads such a
// document into steps, has one file for each module that runs, and encodes the parameters of Pivot requests.
//
// Read [Dialect] first, then register.go and one module, for example sleep.go. Only cmd, tests and tools import it;
// it imports interpreter, the operations of verbs and verbs/prompts. A module neither selects, locks nor starts a
// goroutine: what needs that is an operation.
//
// It is tested with tables, with the schemas of the vendor where they are at hand, by fuzzing the reader, and by the
// scenarios of fixtures/kazoo in virtual time.
package kazoo
