// Package twiml is the TwiML dialect: it recognises TwiML documents, turns them into steps, and names the parameters
// that are sent back to the application.
//
// Look at [Dialect] first, then at pause.go, the shortest verb: each verb or noun is one file with its whole table of
// attributes. What two dialects share (collecting digits, dialling, recording) is in package verbs. Only cmd and
// fixtures import this package; it imports verbs and interpreter.
//
// It is tested by the scenarios in fixtures/twiml, one claim each, and by table tests and a fuzz target of the reader.
package twiml
