package site

import (
	"encoding/json"
	"io"
	"net/http"

	"github.com/streamcat/streamcat/internal/fault"
	"github.com/streamcat/streamcat/internal/ugc"
)

const (
	maxReviewed = 64 << 10  // of a message that is to be reviewed; a room's frames are far smaller
	maxRules    = 128 << 10 // the longest list of blocked words, in any script
)

// serveReview judges one chat message in the form of a message review handler: 200 with a verdict; any other answer
// says that there is none.
func (s *Server) serveReview(w http.ResponseWriter, r *http.Request) {
	counted := &countingWriter{ResponseWriter: w, code: http.StatusOK}
	if err := s.review(counted, r); err != nil {
		s.fail(counted, r, err)
	}
	s.count("POST /hooks/chat-review", counted)
}

func (s *Server) review(w http.ResponseWriter, r *http.Request) error {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxReviewed))
	if err != nil {
		return err
	}
	if !s.hookAllowed(r.Header, body) {
		return &status{http.StatusUnauthorized, "the hook's secret or signature is missing or wrong"}
	}
	var m ugc.ChatMessage
	if err := json.Unmarshal(body, &m); err != nil {
		return fault.InvalidInput("this is not a message to be reviewed").Because(err)
	}
	verdict, err := s.app.Review(r.Context(), m)
	if err != nil {
		return err
	}
	return writeJSON(w, http.StatusOK, verdict)
}

// getChatRules tells who looks after a channel's chat what its reviewer minds: a ugc.ChatRules.
func (s *Server) getChatRules(w http.ResponseWriter, r *http.Request) error {
	u, err := s.user(r.Context())
	if err != nil {
		return err
	}
	rules, err := s.app.ChatRules(r.Context(), r.PathValue("username"), u.ID)
	if err != nil {
		return err
	}
	return writeJSON(w, http.StatusOK, rules)
}

// putChatRules replaces them, all of them, and answers with what is kept.
func (s *Server) putChatRules(w http.ResponseWriter, r *http.Request) error {
	u, err := s.user(r.Context())
	if err != nil {
		return err
	}
	var rules ugc.ChatRules
	if err := decodeUpTo(w, r, &rules, maxRules); err != nil {
		return err
	}
	if rules, err = s.app.SetChatRules(r.Context(), r.PathValue("username"), u.ID, rules); err != nil {
		return err
	}
	return writeJSON(w, http.StatusOK, rules)
}
