//go:build !unix

package helper

import "os/exec"

// ownGroup does nothing: without process groups the program alone is ended.
func ownGroup(*exec.Cmd) {}

func endGroup(*exec.Cmd) {}

// environment returns env; nil inherits ours, which some systems need to start programs at all.
func environment(env []string) []string { return env }
