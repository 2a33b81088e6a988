package httpd

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"strings"

	"github.com/valyala/fasthttp"

	"pintle/interpreter"
)

// Sounds answers the URLs of recordings with their sound: to the account, or to who has a signed link.
type Sounds struct {
	Records interpreter.Records
	Blobs   interpreter.Blobs
	Auth    *Auth
	Links   *Links // nil: no signed links
}

// SoundPath is the route of a recording's sound. The last part may have the extension .wav.
const SoundPath = "/2010-04-01/Accounts/{account}/Recordings/{recording}"

var recordingName = regexp.MustCompile(`^RE([0-9a-f]{32})(\.wav|\.mp3)?$`)

// Register adds the route to a server.
func (s *Sounds) Register(srv *Server) {
	srv.Handle(http.MethodGet, SoundPath, s.Serve)
	srv.Handle(http.MethodHead, SoundPath, s.Serve)
}

// Serve answers one request. Who may not hear the recording does not learn whether there is one.
func (s *Sounds) Serve(ctx *fasthttp.RequestCtx) {
	account, _ := ctx.UserValue("account").(string)
	name, _ := ctx.UserValue("recording").(string)
	m := recordingName.FindStringSubmatch(name)
	if !s.allowed(ctx, account, m) {
		return
	}
	if m == nil || account != interpreter.SID("AC", s.Auth.Account().ID) {
		NotFound(ctx)
		return
	}
	var r interpreter.RecordingRecord
	err := s.Records.Get(ctx, interpreter.KindRecording, m[1], &r)
	if errors.Is(err, interpreter.ErrNotFound) ||
		(err == nil && (r.Status == "in-progress" || r.Account != s.Auth.Account().ID)) {
		NotFound(ctx)
		return
	}
	if err != nil {
		Refuse(ctx, http.StatusInternalServerError, 20500, "The recording's record cannot be read")
		return
	}
	if m[2] == ".mp3" {
		Refuse(ctx, http.StatusNotAcceptable, 20001, "There is no MP3 encoder here; ask for RE"+m[1]+".wav")
		return
	}
	blob, err := s.Blobs.Open(ctx, r.Blob)
	if errors.Is(err, interpreter.ErrNotFound) {
		NotFound(ctx)
		return
	}
	if err != nil {
		Refuse(ctx, http.StatusInternalServerError, 20500, "The recording cannot be read")
		return
	}
	ctx.Response.Header.Set("Content-Disposition", `inline; filename="RE`+m[1]+`.wav"`)
	ctx.Response.Header.Set("Cache-Control", "private, no-cache")
	send(ctx, blob, "audio/x-wav")
}

// allowed checks the signed link, if there is one, else the log-in.
func (s *Sounds) allowed(ctx *fasthttp.RequestCtx, account string, m []string) bool {
	q := ctx.QueryArgs()
	if s.Links == nil || !q.Has("sig") {
		return s.Auth.Allowed(ctx)
	}
	if s.Auth.paused(ctx) {
		return false
	}
	// The link is for the recording, with or without extension.
	if m != nil && s.Links.Valid(soundPath(account, m[1]), string(q.Peek("expires")), string(q.Peek("sig"))) {
		return true
	}
	s.Auth.logins.failed(ctx.RemoteIP())
	Refuse(ctx, http.StatusUnauthorized, 20003, "The link is not valid, or has expired")
	return false
}

// Link returns the path of a recording with the query that makes it readable without a log-in, for at most 24 hours.
func (s *Sounds) Link(account, recording string) string {
	return s.Links.Sign(soundPath(interpreter.SID("AC", account), recording), linkLife)
}

func soundPath(account, recording string) string {
	return strings.NewReplacer("{account}", account, "{recording}", "RE"+recording).Replace(SoundPath)
}

// send answers with a blob or the range of it that was asked for, and closes it.
func send(ctx *fasthttp.RequestCtx, blob io.ReadSeekCloser, contentType string) {
	size, err := blob.Seek(0, io.SeekEnd)
	if err != nil {
		unread(ctx, blob)
		return
	}
	from, length := int64(0), size
	ctx.Response.Header.Set("Accept-Ranges", "bytes")
	switch span := parseRange(string(ctx.Request.Header.Peek("Range")), size); span.kind {
	case rangeOutside:
		blob.Close() //nolint:errcheck // nothing was read
		ctx.Response.Header.Set("Content-Range", fmt.Sprintf("bytes */%d", size))
		Refuse(ctx, http.StatusRequestedRangeNotSatisfiable, 20001, "The range lies outside the recording")
		return
	case rangePart:
		from, length = span.from, span.length
		ctx.Response.Header.Set("Content-Range", fmt.Sprintf("bytes %d-%d/%d", from, from+length-1, size))
		ctx.SetStatusCode(http.StatusPartialContent)
	case rangeWhole:
	}
	ctx.SetContentType(contentType)
	if _, err := blob.Seek(from, io.SeekStart); err != nil {
		unread(ctx, blob)
		return
	}
	if ctx.IsHead() {
		blob.Close() //nolint:errcheck // nothing was read
		ctx.Response.SkipBody = true
		ctx.Response.Header.SetContentLength(int(length))
		return
	}
	ctx.SetBodyStream(part{io.LimitReader(blob, length), blob}, int(length))
}

func unread(ctx *fasthttp.RequestCtx, blob io.Closer) {
	blob.Close() //nolint:errcheck // the failure is told
	Refuse(ctx, http.StatusInternalServerError, 20500, "The recording cannot be read")
}

// part is a piece of a blob that closes it.
type part struct {
	io.Reader
	io.Closer
}
