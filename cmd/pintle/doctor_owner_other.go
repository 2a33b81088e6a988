//go:build !linux

package main

// portOwner cannot be told here.
func portOwner(string, string) string { return "another program" }

// clockError is not known here.
func clockError() (synchronised, known bool) { return false, false }
