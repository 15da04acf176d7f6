package engine

import (
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"sync/atomic"

	"github.com/streamcat/streamcat/internal/channel"
	"github.com/streamcat/streamcat/internal/plus"
)

// front sends each request of the one public listener to the part that owns it.
type front struct {
	api interface {
		http.Handler
		Owns(*http.Request) bool // POST /<OperationName> and /tags/…
	}
	plus     http.Handler               // below /engine/v1/
	chat     http.Handler               // WebSocket on / and /chat
	stages   http.Handler               // WebSocket below /stage-events/
	rtc      http.Handler               // WHIP and WHEP: below /whip, and POST /
	playback http.Handler               // /api/video/v1/…
	encoders http.Handler               // GetClientConfiguration
	site     http.Handler               // everything else
	upgrade  func(*http.Request) string // where a request for a page had better go; nil: pages are for all
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
	case strings.HasPrefix(path, plus.Prefix):
		f.plus.ServeHTTP(w, r)
	case strings.HasPrefix(path, "/stage-events/"):
		f.stages.ServeHTTP(w, r)
	case path == "/whip" || strings.HasPrefix(path, "/whip/") || path == "/" && whipOnRoot(r):
		f.rtc.ServeHTTP(w, r)
	case strings.HasPrefix(path, "/api/video/v1/"):
		f.playback.ServeHTTP(w, r)
	case path == channel.ConfigurationPath:
		f.encoders.ServeHTTP(w, r)
	case f.api.Owns(r):
		f.api.ServeHTTP(w, r)
	default:
		if f.upgrade != nil {
			if to := f.upgrade(r); to != "" {
				w.Header().Set("Cache-Control", "no-store")
				http.Redirect(w, r, to, http.StatusTemporaryRedirect)
				return
			}
		}
		f.site.ServeHTTP(w, r)
	}
}

// whipOnRoot tells a WHIP client that was given a bare origin, as encoders are: it posts, or it asks by
// OPTIONS whether it may.
func whipOnRoot(r *http.Request) bool {
	return r.Method == http.MethodPost || r.Method == http.MethodOptions
}

// upgradeTo sends people who opened a page in clear to the public URL, if that is https: their sign-in would not
// hold, since its cookie is for https alone. Programs get what they asked for, and so do this machine and proxies,
// which may have ended the TLS themselves.
func upgradeTo(public string, proxies []netip.Prefix) func(*http.Request) string {
	if !strings.HasPrefix(public, "https://") {
		return nil
	}
	return func(r *http.Request) string {
		if r.TLS != nil || r.Method != http.MethodGet && r.Method != http.MethodHead || !strings.Contains(r.Header.Get("Accept"), "text/html") {
			return ""
		}
		peer, err := netip.ParseAddrPort(r.RemoteAddr)
		ip := peer.Addr().Unmap()
		if err != nil || ip.IsLoopback() || slices.ContainsFunc(proxies, func(p netip.Prefix) bool { return p.Contains(ip) }) {
			return ""
		}
		return public + r.URL.RequestURI()
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
