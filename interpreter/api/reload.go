package api

import (
	"errors"
	"net/http"
	"strings"

	"github.com/valyala/fasthttp"

	"pintle/interpreter/httpd"
)

// Reloaded is what became of a configuration that was read again.
type Reloaded struct {
	Changed []string `json:"changed"` // settings that count from now on
	Restart []string `json:"restart"` // settings that changed in the file and count from the next start on
}

// Problems is everything that is wrong with a configuration.
type Problems []string

// Error is one problem a line.
func (p Problems) Error() string { return strings.Join(p, "\n") }

// invalid is what clients of Twilio's API know as a parameter that cannot be used.
const invalid = 20001

// refusal is the answer to a bad configuration.
type refusal struct {
	Code    int      `json:"code"`
	Message string   `json:"message"`
	Status  int      `json:"status"`
	Errors  []string `json:"errors"`
}

func (a *API) reload(ctx *fasthttp.RequestCtx) {
	done, err := a.Reload()
	var bad Problems
	switch {
	case errors.As(err, &bad):
		httpd.JSON(ctx, http.StatusUnprocessableEntity, refusal{Code: invalid, Status: http.StatusUnprocessableEntity,
			Message: "The configuration is bad; the one before goes on", Errors: bad})
	case err != nil:
		httpd.Refuse(ctx, http.StatusInternalServerError, 20500, err.Error())
	default:
		done.Changed, done.Restart = append([]string{}, done.Changed...), append([]string{}, done.Restart...)
		httpd.JSON(ctx, http.StatusOK, done)
	}
}
