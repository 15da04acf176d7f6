package site

import (
	"net/http"
	"strconv"
)

func (s *Server) routes() *http.ServeMux {
	mux := http.NewServeMux()
	routes := s.moderationRoutes()
	for pattern, h := range map[string]handler{
		"GET /api/session":                          s.getSession,
		"POST /api/register":                        s.postRegister,
		"POST /api/signin":                          s.postSignIn,
		"POST /api/signout":                         s.postSignOut,
		"GET /api/categories":                       s.getCategories,
		"GET /api/channels":                         s.getChannels,
		"GET /api/channels/{username}":              s.getChannel,
		"POST /api/channels/{username}/chat-token":  s.postChatToken,
		"POST /api/channels/{username}/stage-token": s.postStageToken,
		"POST /api/channels/{username}/join":        s.postJoin,
		"POST /api/check":                           s.postCheck,
		"GET /api/channels/{username}/chat-rules":   s.getChatRules,
		"PUT /api/channels/{username}/chat-rules":   s.putChatRules,
		"GET /api/studio":                           s.getStudio,
		"POST /api/studio/token":                    s.postStudioToken,
		"POST /api/studio/invitations":              s.postInvitation,
		"DELETE /api/studio/invitations/{id}":       s.deleteInvitation,
		"POST /api/studio/remove":                   s.postRemove,
		"POST /api/studio/real-time":                s.postRealTime,
		"GET /api/dashboard":                        s.getDashboard,
		"GET /api/dashboard/health":                 s.getHealth,
		"PATCH /api/dashboard":                      s.patchDashboard,
		"POST /api/dashboard/stream-key/reveal":     s.postRevealKey,
		"POST /api/dashboard/stream-key/reset":      s.postResetKey,
		"POST /api/dashboard/srt/reveal":            s.postRevealSRT,
	} {
		routes[pattern] = h
	}
	for pattern, h := range routes {
		mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
			counted := &countingWriter{ResponseWriter: w, code: http.StatusOK}
			if r.Method != http.MethodGet && r.ContentLength != 0 {
				if err := wantJSON(r); err != nil {
					s.fail(counted, r, err)
					s.count(pattern, counted)
					return
				}
			}
			if err := h(counted, r); err != nil {
				s.fail(counted, r, err)
			}
			s.count(pattern, counted)
		})
	}
	return mux
}

func (s *Server) count(pattern string, w *countingWriter) {
	s.metrics.requests.WithLabelValues(pattern, strconv.Itoa(w.code)).Inc()
}

// serveAPI answers /api/…; what no route takes gets an error in the API's form.
func (s *Server) serveAPI(w http.ResponseWriter, r *http.Request) {
	h, pattern := s.api.Handler(r)
	if pattern != "" {
		s.api.ServeHTTP(w, r)
		return
	}
	verdict := &countingWriter{ResponseWriter: w, mute: true, code: http.StatusNotFound}
	h.ServeHTTP(verdict, r) // finds out whether the path is unknown, or the method, and sets Allow
	if verdict.code == http.StatusMethodNotAllowed {
		writeProblem(w, verdict.code, problem{Message: "this cannot be done here"})
		return
	}
	writeProblem(w, http.StatusNotFound, problem{Message: "there is nothing here"})
}

// countingWriter remembers the status of an answer; a mute one passes on nothing else.
type countingWriter struct {
	http.ResponseWriter
	mute bool
	code int
}

func (w *countingWriter) WriteHeader(code int) {
	w.code = code
	if !w.mute {
		w.ResponseWriter.WriteHeader(code)
	}
}

func (w *countingWriter) Write(p []byte) (int, error) {
	if w.mute {
		return len(p), nil
	}
	return w.ResponseWriter.Write(p)
}
