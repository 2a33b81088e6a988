// Package file turns audio files into sound that many legs can play: it recognises formats by their content, decodes
// them to mono PCM at 8 or 16 kHz, keeps what came from URLs, and writes WAV recordings that survive a crash.
//
// Look first at Clip, then at Cache. Everything here runs before a prompt is played or beside the media path; only
// Player is called by the pacer, and it never allocates, waits or encodes. Bytes come from strangers: every reader is
// bounded, and errors say whether a file is missing (StatusError), too large (TooLargeError), no audio (TypeError) or
// unusable (UnusableError).
//
// The audio half of a leg, media/tts, media/stt, media/fax and the command may import it. Test it with
// `go test ./media/file`.
package file
