// Package codec turns 20 ms frames into RTP payloads and back: Opus, G.711
// (PCMU, PCMA) and L16. The list of codecs in order of preference is what SDP offers.
//
// Look first at [Info]. Anything below media and sipedge may import it. A codec
// is one file with a test against known code words; test with
// `go test ./media/codec`.
package codec
