package twiml

import (
	"bytes"
	"mime"
	"slices"
	"strings"
)

// contentKind sorts content types by what is made of them.
type contentKind int

const (
	kindXML contentKind = iota
	kindText
	kindAudio
	kindMissing
	kindOther
)

// audioTypes are the sounds that may be answered in place of a document.
var audioTypes = []string{"audio/mpeg", "audio/mp3", "audio/wav", "audio/wave", "audio/x-wav", "audio/aiff",
	"audio/x-aifc", "audio/x-aiff", "audio/x-gsm", "audio/gsm", "audio/ulaw", "audio/basic"}

func kindOf(contentType string) contentKind {
	t, _, err := mime.ParseMediaType(contentType)
	if err != nil {
		// A broken parameter does not spoil the type before it.
		t, _, _ = strings.Cut(strings.ToLower(contentType), ";")
		t = strings.TrimSpace(t)
	}
	switch {
	case t == "":
		return kindMissing
	case t == "text/xml", t == "application/xml", t == "text/html":
		return kindXML
	case strings.HasPrefix(t, "application/") && strings.HasSuffix(t, "+xml"):
		return kindXML
	case t == "text/plain":
		return kindText
	case slices.Contains(audioTypes, t):
		return kindAudio
	default:
		return kindOther
	}
}

func isBlank(body []byte) bool { return len(bytes.TrimSpace(body)) == 0 }

func startsWithTag(body []byte) bool { return bytes.HasPrefix(bytes.TrimSpace(body), []byte("<")) }

func isJSONObject(body []byte) bool {
	b := bytes.TrimSpace(body)
	return bytes.HasPrefix(b, []byte("{")) && bytes.Contains(b, []byte(`"module"`))
}

// rootName is the local name of the first element, after a declaration, comments and processing instructions, without
// looking at what follows. Empty if the body does not begin like XML.
func rootName(body []byte) string {
	b := bytes.TrimSpace(body)
	for {
		var end string
		switch {
		case bytes.HasPrefix(b, []byte("<!--")):
			end = "-->"
		case bytes.HasPrefix(b, []byte("<?")):
			end = "?>"
		case bytes.HasPrefix(b, []byte("<!")):
			end = ">"
		case bytes.HasPrefix(b, []byte("<")):
			name := b[1:]
			if i := bytes.IndexAny(name, " \t\r\n/>"); i >= 0 {
				name = name[:i]
			}
			if i := bytes.IndexByte(name, ':'); i >= 0 {
				name = name[i+1:]
			}
			return string(name)
		default:
			return ""
		}
		i := bytes.Index(b, []byte(end))
		if i < 0 {
			return ""
		}
		b = bytes.TrimSpace(b[i+len(end):])
	}
}
