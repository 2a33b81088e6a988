//go:build !unix

package main

import "errors"

// openFiles knows nothing here: there is no such limit.
func openFiles() (open int, limit uint64) { return 0, 0 }

// diskSpace cannot be told here.
func diskSpace(string) (free, total uint64, err error) { return 0, 0, errors.ErrUnsupported }
