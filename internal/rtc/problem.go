package rtc

import (
	"encoding/json"
	"errors"
	"net/http"
	"strconv"
	"time"

	"github.com/streamcat/streamcat/internal/fault"
)

// problem is the body of a refusal (RFC 9457). Code is a word that clients may act on.
type problem struct {
	Type   string `json:"type"`
	Title  string `json:"title"`
	Status int    `json:"status"`
	Detail string `json:"detail"`
	Code   string `json:"code"`
}

// refusalOf makes a refusal of any error: of a fault by its kind, of anything else an internal error.
func refusalOf(err error) *Refusal {
	var r *Refusal
	if errors.As(err, &r) {
		return r
	}
	f := fault.As(err)
	if f == nil {
		f = &fault.Error{Kind: fault.Internal, Cause: err}
	}
	switch f.Kind {
	case fault.Invalid:
		return Refuse(http.StatusUnprocessableEntity, "INVALID", f)
	case fault.Denied, fault.Pending:
		return Refuse(http.StatusForbidden, "TOKEN_NOT_ALLOWED", f)
	case fault.NotFound:
		return Refuse(http.StatusNotFound, "NOT_FOUND", f)
	case fault.Conflict:
		return Refuse(http.StatusConflict, "CONFLICT", f)
	case fault.NotLive:
		return &Refusal{Status: http.StatusConflict, Code: "NOT_PUBLISHING", RetryAfter: time.Second, Fault: f}
	case fault.Throttled:
		return &Refusal{Status: http.StatusTooManyRequests, Code: "THROTTLED", RetryAfter: time.Second, Fault: f}
	case fault.Quota, fault.Unavailable:
		return &Refusal{Status: http.StatusServiceUnavailable, Code: "UNAVAILABLE", RetryAfter: 5 * time.Second, Fault: f}
	}
	return Refuse(http.StatusInternalServerError, "INTERNAL", f)
}

func writeProblem(w http.ResponseWriter, r *http.Request, f *Refusal) {
	b, err := json.Marshal(problem{"about:blank", http.StatusText(f.Status), f.Status, fault.Message(f), f.Code})
	if err != nil {
		b = nil
	}
	h := w.Header()
	h.Set("Content-Type", "application/problem+json")
	h.Set("Content-Length", strconv.Itoa(len(b)))
	if f.Status == http.StatusUnauthorized {
		h.Set("WWW-Authenticate", `Bearer realm="streamcat"`)
	}
	if f.RetryAfter > 0 {
		h.Set("Retry-After", strconv.Itoa(max(1, int(f.RetryAfter.Round(time.Second)/time.Second))))
	}
	w.WriteHeader(f.Status)
	if r.Method != http.MethodHead {
		w.Write(b)
	}
}
