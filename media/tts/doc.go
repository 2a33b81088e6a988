// Package tts turns text into speech with engines that cost nothing and need no account: flite as a WebAssembly module
// inside this process or as an installed program for English, espeak-ng as an installed program for a hundred other
// languages, and recordings of our own prompts for machines that have none of them.
//
// Look first at Speaker, which chooses an engine by language, speaks sentence by sentence so that the first words come
// early, and keeps what it spoke. The audio half of a leg and the command may import the package. Test it with
// `go test ./media/tts`; tests of an engine skip, with the reason, where it is not installed.
package tts
