package engine

import (
	"net/http"
	"strings"
	"sync/atomic"
)

// front sends each request of the one public listener to the part that owns it.
type front struct {
	api interface {
		http.Handler
		Owns(*http.Request) bool // POST /<OperationName> and /tags/…
	}
	chat     http.Handler // WebSocket on / and /chat
	playback http.Handler // /api/video/v1/…
	site     http.Handler // everything else
	ready    func(*http.Request) error
	draining atomic.Bool
}

func (f *front) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch path := r.URL.Path; {
	case path == "/healthz":
		answer(w, http.StatusOK, "ok")
	case path == "/readyz":
		f.serveReady(w, r)
	case (path == "/" || path == "/chat") && strings.EqualFold(r.Header.Get("Upgrade"), "websocket"):
		f.chat.ServeHTTP(w, r)
	case strings.HasPrefix(path, "/api/video/v1/"):
		f.playback.ServeHTTP(w, r)
	case f.api.Owns(r):
		f.api.ServeHTTP(w, r)
	default:
		f.site.ServeHTTP(w, r)
	}
}

func (f *front) serveReady(w http.ResponseWriter, r *http.Request) {
	if f.draining.Load() {
		answer(w, http.StatusServiceUnavailable, "draining")
		return
	}
	if err := f.ready(r); err != nil {
		answer(w, http.StatusServiceUnavailable, err.Error())
		return
	}
	answer(w, http.StatusOK, "ready")
}

func answer(w http.ResponseWriter, status int, text string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_, _ = w.Write([]byte(text + "\n"))
}
