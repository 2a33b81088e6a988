// Package timeline prints a call's trace for people and for programs: one line an event, offset, lane, what happened.
//
// [Printer] is the one type. The package imports interpreter alone; commands and, later, the inspector use it. It is
// tested with fixed events.
package timeline
