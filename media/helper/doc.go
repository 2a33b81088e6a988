// Package helper runs other programs: speech engines, sound converters and what a scenario starts. It is the one
// package that imports os/exec, so that its rules hold everywhere: an argument list and never a shell, a time limit, a
// cap on output, and an end by process group.
//
// Look first at Run. The packages below media, the scenario runner and the command may import it. It does not log.
// Test it with `go test ./media/helper`; the tests start the test binary itself.
package helper
