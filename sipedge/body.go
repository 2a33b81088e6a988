package sipedge

import (
	"bytes"
	"errors"
	"io"
	"mime"
	"mime/multipart"
	"strings"
)

const (
	maxDepth       = 4
	maxParts       = 16
	acceptedBodies = "application/sdp, application/dtmf-relay, application/dtmf, multipart/mixed"
	mediaTypeSDP   = "application/sdp"
)

var (
	errParts    = errors.New("multipart: too deep, too many parts or malformed")
	errNotSDP   = errors.New("body is not a session description")
	errBodyless = errors.New("no body")
)

// bodyPart is one leaf of a body: its media type in lower case and its octets.
type bodyPart struct {
	kind string
	data []byte
}

// collectParts opens a multipart body. Nothing beyond the limits of depth and number is looked at.
func collectParts(body []byte, boundary string, depth int) ([]bodyPart, error) {
	if boundary == "" || depth > maxDepth {
		return nil, errParts
	}
	var parts []bodyPart
	r := multipart.NewReader(bytes.NewReader(body), boundary)
	for {
		p, err := r.NextRawPart()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil || len(parts) >= maxParts {
			return nil, errParts
		}
		data, err := io.ReadAll(p)
		if err != nil {
			return nil, errParts
		}
		kind, params, _ := mime.ParseMediaType(p.Header.Get("Content-Type"))
		if strings.HasPrefix(kind, "multipart/") {
			inner, err := collectParts(data, params["boundary"], depth+1)
			if err != nil || len(parts)+len(inner) > maxParts {
				return nil, errParts
			}
			parts = append(parts, inner...)
			continue
		}
		parts = append(parts, bodyPart{kind, data})
	}
	return parts, nil
}

// sessionBody finds the session description in a body. errBodyless means there was no body at all: a late offer.
func sessionBody(contentType string, body []byte) ([]byte, error) {
	if len(body) == 0 {
		return nil, errBodyless
	}
	kind, params, _ := mime.ParseMediaType(contentType)
	if kind == mediaTypeSDP {
		return body, nil
	}
	if !strings.HasPrefix(kind, "multipart/") {
		return nil, errNotSDP
	}
	parts, err := collectParts(body, params["boundary"], 1)
	if err != nil {
		return nil, err
	}
	for _, p := range parts {
		if p.kind == mediaTypeSDP {
			return p.data, nil
		}
	}
	return nil, errNotSDP
}
