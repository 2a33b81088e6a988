package twiml

import (
	"bytes"
	"fmt"
	"mime"
	"regexp"
	"strings"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/unicode"
)

var (
	utf16be = unicode.UTF16(unicode.BigEndian, unicode.IgnoreBOM)
	utf16le = unicode.UTF16(unicode.LittleEndian, unicode.IgnoreBOM)
)

// charsets are the encodings that documents arrive in; nil is UTF-8. The windows page holds every printable character
// of latin1 at the same place, and pages labelled latin1 are often written in it.
var charsets = map[string]encoding.Encoding{
	"":             nil,
	"utf-8":        nil,
	"utf8":         nil,
	"us-ascii":     nil,
	"ascii":        nil,
	"iso-8859-1":   charmap.Windows1252,
	"iso8859-1":    charmap.Windows1252,
	"latin1":       charmap.Windows1252,
	"windows-1252": charmap.Windows1252,
	"cp1252":       charmap.Windows1252,
	"iso-8859-15":  charmap.ISO8859_15,
	"utf-16":       utf16be,
	"utf-16be":     utf16be,
	"utf-16le":     utf16le,
}

var (
	xmlDeclaration = regexp.MustCompile(`^\s*<\?xml\s[^>]*\?>`)
	xmlEncoding    = regexp.MustCompile(`\sencoding\s*=\s*["']([^"']*)["']`)
	xmlVersion     = regexp.MustCompile(`\sversion\s*=\s*["']([^"']*)["']`)
)

// byteOrderMarks in the order of looking.
var byteOrderMarks = []struct {
	mark    string
	charset string
}{{"\xEF\xBB\xBF", "utf-8"}, {"\xFE\xFF", "utf-16be"}, {"\xFF\xFE", "utf-16le"}}

// toUTF8 decodes a body: its byte order mark tells the encoding, else the content type does, else the declaration.
func toUTF8(body []byte, contentType string) ([]byte, error) {
	name := ""
	for _, b := range byteOrderMarks {
		if rest, ok := bytes.CutPrefix(body, []byte(b.mark)); ok {
			return decode(rest, b.charset)
		}
	}
	if _, params, err := mime.ParseMediaType(contentType); err == nil {
		name = params["charset"]
	}
	if name == "" {
		if m := xmlEncoding.FindSubmatch(xmlDeclaration.Find(body)); m != nil {
			name = string(m[1])
		}
	}
	return decode(body, name)
}

func decode(body []byte, name string) ([]byte, error) {
	enc, known := charsets[strings.ToLower(strings.TrimSpace(name))]
	if !known {
		return nil, fmt.Errorf("the encoding %q is not known; write UTF-8", name)
	}
	if enc == nil {
		return body, nil
	}
	text, err := enc.NewDecoder().Bytes(body)
	if err != nil {
		return nil, fmt.Errorf("the document is not in %s: %w", name, err)
	}
	return text, nil
}
