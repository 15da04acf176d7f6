package site

import (
	"net/http"
	"slices"
	"strings"
)

// withHeaders puts on every answer what tells a browser how little it may do with it.
func (s *Server) withHeaders(next http.Handler) http.Handler {
	policy := contentPolicy(append([]string{origin(s.PublicURL)}, s.MediaOrigins...))
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", policy)
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("X-Frame-Options", "DENY")
		h.Set("Referrer-Policy", "strict-origin-when-cross-origin")
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		h.Set("Permissions-Policy", "camera=(self), microphone=(self), display-capture=(self), geolocation=(), payment=(), usb=()")
		if s.strict {
			h.Set("Strict-Transport-Security", "max-age=15552000")
		}
		next.ServeHTTP(w, r)
	})
}

// contentPolicy allows nothing inline and nothing from elsewhere but media. The chat socket may be on
// another host, so any WebSocket is allowed; the player feeds video through blob: addresses, works in
// a worker made from one, and empties its text tracks by loading a data: address.
func contentPolicy(media []string) string {
	media = slices.DeleteFunc(slices.Clone(media), func(o string) bool { return o == "" })
	from := strings.Join(append([]string{"'self'"}, media...), " ")
	return strings.Join([]string{
		"default-src 'self'",
		"connect-src " + from + " ws: wss:",
		"media-src " + from + " blob: data:",
		"worker-src 'self' blob:",
		"img-src 'self' data:",
		"style-src 'self'",
		"font-src 'self'",
		"object-src 'none'",
		"base-uri 'none'",
		"form-action 'self'",
		"frame-ancestors 'none'",
	}, "; ")
}

// protect refuses requests that change something and that a browser sent for another site's page.
func (s *Server) protect(next http.Handler) http.Handler {
	cop := http.NewCrossOriginProtection()
	if o := origin(s.PublicURL); o != "" {
		// A proxy may pass on another Host than the one in the address bar.
		if err := cop.AddTrustedOrigin(o); err != nil {
			s.Log.Warn("public-url is not an origin; requests are compared with their Host alone", "err", err)
		}
	}
	cop.SetDenyHandler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		writeProblem(w, http.StatusForbidden, problem{Message: "this request came from another site"})
	}))
	return cop.Handler(next)
}
