//go:build race

package rtpio

// raced tells that the race detector watches: it lets sync.Pool, which the ciphers use, forget at random.
const raced = true
