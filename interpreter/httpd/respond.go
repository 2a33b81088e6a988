package httpd

import (
	"encoding/json"
	"fmt"
	"net/http"

	"github.com/valyala/fasthttp"
)

// problem is an error as clients of the REST API know it.
type problem struct {
	Code     int    `json:"code"`
	Message  string `json:"message"`
	MoreInfo string `json:"more_info"`
	Status   int    `json:"status"`
}

// Refuse answers with an error in the form that clients of Twilio's REST API know: code, message, more_info, status.
func Refuse(ctx *fasthttp.RequestCtx, status, code int, message string) {
	JSON(ctx, status, problem{Code: code, Message: message, Status: status,
		MoreInfo: fmt.Sprintf("https://www.twilio.com/docs/errors/%d", code)})
}

// NotFound answers that there is no such resource, in words that do not tell what else there is.
func NotFound(ctx *fasthttp.RequestCtx) {
	Refuse(ctx, http.StatusNotFound, 20404, fmt.Sprintf("The requested resource %s was not found", ctx.Path()))
}

// JSON answers with v.
func JSON(ctx *fasthttp.RequestCtx, status int, v any) {
	b, err := json.Marshal(v)
	if err != nil {
		status, b = http.StatusInternalServerError,
			[]byte(`{"code":20500,"message":"Internal error","more_info":"","status":500}`)
	}
	ctx.SetStatusCode(status)
	ctx.SetContentType("application/json; charset=utf-8")
	ctx.SetBody(b)
}
