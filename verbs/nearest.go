package verbs

import "pintle/interpreter"

// Nearest is interpreter.Nearest.
func Nearest(name string, known []string) string { return interpreter.Nearest(name, known) }

// DidYouMean is interpreter.DidYouMean.
func DidYouMean(name string, known []string) string { return interpreter.DidYouMean(name, known) }
