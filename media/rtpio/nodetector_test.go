//go:build !race

package rtpio

// raced tells that the race detector watches.
const raced = false
