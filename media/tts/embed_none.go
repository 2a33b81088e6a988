//go:build !flite

package tts

// embeddedFlite is empty in builds without the tag flite; the module is then looked for in a file.
var embeddedFlite []byte
