//go:build !unix

package dirstore

import "errors"

// diskFree cannot be asked here: the disk's own refusal is the limit.
func diskFree(string) (free, total uint64, err error) { return 0, 0, errors.ErrUnsupported }
