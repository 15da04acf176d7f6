package site

import (
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net/http"
	"strconv"

	"github.com/streamcat/streamcat/internal/fault"
	"github.com/streamcat/streamcat/internal/ugc"
)

const maxBody = 16 << 10

// handler is a route that may fail. It has written nothing when it returns an error.
type handler func(w http.ResponseWriter, r *http.Request) error

// problem is the body of every answer that is not a success.
type problem struct {
	Message string            `json:"message"`
	Code    string            `json:"code,omitempty"` // where a page does something about it by itself
	Fields  map[string]string `json:"fields,omitempty"`
}

// status is an error with a status of its own, where a fault's kind does not tell it.
type status struct {
	code    int
	message string
}

func (s *status) Error() string { return s.message }

var errSignedOut = &status{http.StatusUnauthorized, "please sign in first"}

func writeJSON(w http.ResponseWriter, code int, v any) error {
	body, err := json.Marshal(v)
	if err != nil {
		return err
	}
	h := w.Header()
	h.Set("Content-Type", "application/json; charset=utf-8")
	h.Set("Cache-Control", "no-store")
	h.Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(code)
	_, _ = w.Write(body) // a reader that went away is no error of ours
	return nil
}

func writeProblem(w http.ResponseWriter, code int, p problem) {
	_ = writeJSON(w, code, map[string]problem{"error": p})
}

// codes is what a fault's kind is in HTTP.
var codes = map[fault.Kind]int{
	fault.Invalid: http.StatusBadRequest, fault.Denied: http.StatusForbidden, fault.NotFound: http.StatusNotFound,
	fault.Conflict: http.StatusConflict, fault.NotLive: http.StatusConflict, fault.Throttled: http.StatusTooManyRequests,
	fault.Quota: http.StatusServiceUnavailable, fault.Unavailable: http.StatusServiceUnavailable, fault.Pending: http.StatusServiceUnavailable,
}

// closed are the codes of what is over for good: an invitation that was good once.
var closed = map[string]bool{"expired": true, "removed": true, "withdrawn": true}

// fail answers for an error; what people may not read of it goes to the log.
func (s *Server) fail(w http.ResponseWriter, r *http.Request, err error) {
	var st *status
	var large *http.MaxBytesError
	switch {
	case errors.As(err, &st):
		writeProblem(w, st.code, problem{Message: st.message})
		return
	case errors.As(err, &large):
		writeProblem(w, http.StatusRequestEntityTooLarge, problem{Message: "the request is too large"})
		return
	case r.Context().Err() != nil: // nobody waits for the answer, or what was asked was cut off
		writeProblem(w, http.StatusServiceUnavailable, problem{Message: "the request was cut off"})
		return
	}
	code, ok := codes[fault.Of(err)]
	if !ok {
		code = http.StatusInternalServerError
	}
	p := problem{Message: fault.Message(err)}
	var coded *ugc.Coded
	if errors.As(err, &coded) {
		p.Code = coded.Code
		if closed[coded.Code] {
			code = http.StatusGone
		}
	}
	if code >= http.StatusInternalServerError {
		s.Log.ErrorContext(r.Context(), "a request to the web app failed", "route", r.Pattern, "status", code, "err", err)
	}
	if code == http.StatusServiceUnavailable {
		w.Header().Set("Retry-After", "2")
	}
	if f := fault.As(err); f != nil {
		for _, field := range f.Fields {
			if p.Fields == nil {
				p.Fields = map[string]string{}
			}
			p.Fields[field.Name] = field.Message
		}
	}
	writeProblem(w, code, p)
}

// decode reads a JSON body into v. Members it does not know are let pass.
func decode(w http.ResponseWriter, r *http.Request, v any) error { return decodeUpTo(w, r, v, maxBody) }

// decodeUpTo is decode for bodies of another size.
func decodeUpTo(w http.ResponseWriter, r *http.Request, v any, most int64) error {
	if err := wantJSON(r); err != nil {
		return err
	}
	d := json.NewDecoder(http.MaxBytesReader(w, r.Body, most))
	if err := d.Decode(v); err != nil {
		var large *http.MaxBytesError
		if errors.As(err, &large) {
			return err
		}
		return fault.InvalidInput("the request is not the JSON that is expected here").Because(err)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return fault.InvalidInput("the request has more than one JSON value")
	}
	return nil
}

// wantJSON refuses bodies that a plain HTML form could send.
func wantJSON(r *http.Request) error {
	if kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || kind != "application/json" {
		return &status{http.StatusUnsupportedMediaType, "the request must be application/json"}
	}
	return nil
}
