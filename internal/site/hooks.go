package site

import (
	"crypto/hmac"
	"crypto/subtle"
	"encoding/json"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/streamcat/streamcat/internal/auth"
	"github.com/streamcat/streamcat/internal/fault"
	"github.com/streamcat/streamcat/internal/ugc"
)

const (
	maxEvent      = 1 << 20
	hookTolerance = 5 * time.Minute // how far a signature's time may be from ours
)

// serveEvents takes one EventBridge envelope. 204 says it is kept, or is none of the app's; 4xx that
// sending it again is of no use; 5xx that it should be sent again.
func (s *Server) serveEvents(w http.ResponseWriter, r *http.Request) {
	counted := &countingWriter{ResponseWriter: w, code: http.StatusOK}
	if err := s.takeEvent(counted, r); err != nil {
		s.fail(counted, r, err)
	}
	s.count("POST /hooks/events", counted)
}

func (s *Server) takeEvent(w http.ResponseWriter, r *http.Request) error {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxEvent))
	if err != nil {
		return err
	}
	if !s.hookAllowed(r.Header, body) {
		return &status{http.StatusUnauthorized, "the hook's secret or signature is missing or wrong"}
	}
	var e ugc.Event
	if err := json.Unmarshal(body, &e); err != nil {
		return fault.InvalidInput("this is not an event envelope").Because(err)
	}
	if err := s.app.Handle(r.Context(), e); err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

// hookAllowed wants the hook's secret as a bearer token, or a signature made with it as
// https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md says.
func (s *Server) hookAllowed(h http.Header, body []byte) bool {
	if s.HookSecret == "" {
		return false
	}
	if scheme, token, _ := strings.Cut(h.Get("Authorization"), " "); strings.EqualFold(scheme, "Bearer") {
		return subtle.ConstantTimeCompare([]byte(strings.TrimSpace(token)), []byte(s.HookSecret)) == 1
	}
	id, at := h.Get("Webhook-Id"), h.Get("Webhook-Timestamp")
	seconds, err := strconv.ParseInt(at, 10, 64)
	if id == "" || err != nil {
		return false
	}
	if off := s.Now().Sub(time.Unix(seconds, 0)); off > hookTolerance || off < -hookTolerance {
		return false
	}
	want := []byte(auth.SignHook(auth.HookKey(s.HookSecret), id, time.Unix(seconds, 0), body))
	for signature := range strings.FieldsSeq(h.Get("Webhook-Signature")) {
		if hmac.Equal([]byte(signature), want) {
			return true
		}
	}
	return false
}
