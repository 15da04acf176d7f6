package rtc

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/streamcat/streamcat/internal/fault"
)

const (
	typeSDP      = "application/sdp"
	typeFragment = "application/trickle-ice-sdpfrag"

	maxToken    = 8 << 10
	maxBody     = 256 << 10
	bodyWait    = 10 * time.Second
	gateWait    = 10 * time.Second
	goodbyeWait = 5 * time.Second

	// A publisher's packets come in bursts of a key frame; a subscriber sends a report now and then.
	inboxUp   = 1024
	inboxDown = 64
)

// Door gives the HTTP side: WHIP (RFC 9725) at /whip and /, WHEP (draft-ietf-wish-whep) at
// /whip/subscribe/{participantId}, the same for many participants at once at /whip/subscribe, and their sessions
// at /whip/sessions/{id}. Refusals are problem
// documents (RFC 9457) with a code. Browsers of any origin may use it: what counts is the bearer token.
func (s *Server) Door() http.Handler { return http.HandlerFunc(s.serveHTTP) }

// place is what a path of the door means.
type place struct {
	session     string // in /whip/sessions/
	participant string // in /whip/subscribe/; empty: many at once
	subscribe   bool
}

func findPlace(path string) (p place, ok bool) {
	if len(path) > 1 {
		path = strings.TrimSuffix(path, "/")
	}
	if path == "/" || path == "/whip" {
		return p, true
	}
	if id, found := strings.CutPrefix(path, "/whip/sessions/"); found {
		return place{session: id}, id != "" && !strings.Contains(id, "/")
	}
	if path == "/whip/subscribe" {
		return place{subscribe: true}, true
	}
	if id, found := strings.CutPrefix(path, "/whip/subscribe/"); found {
		return place{participant: id, subscribe: true}, id != "" && len(id) <= 128 && !strings.Contains(id, "/")
	}
	return p, false
}

func (s *Server) serveHTTP(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Access-Control-Allow-Origin", "*")
	h.Set("Access-Control-Expose-Headers", "Location, ETag, Link, Accept-Post, Accept-Patch, Retry-After, WWW-Authenticate")
	h.Set("Cache-Control", "no-store")
	err := s.route(w, r)
	if err == nil {
		return
	}
	f := refusalOf(err)
	s.metrics.refusals.WithLabelValues(f.Code).Inc()
	switch {
	case r.Context().Err() != nil:
		s.log.Debug("rtc: the client went away", "path", kindOfPath(r), "error", err)
	case f.Status >= 500 && f.Status != http.StatusServiceUnavailable:
		s.log.Error("rtc: request failed", "path", kindOfPath(r), "error", err)
	default:
		s.log.Debug("rtc: request refused", "path", kindOfPath(r), "status", f.Status, "code", f.Code, "error", err)
	}
	writeProblem(w, r, f)
}

// kindOfPath names a path for the log, without the session's id, which is a secret.
func kindOfPath(r *http.Request) string {
	switch p, ok := findPlace(r.URL.Path); {
	case !ok:
		return "unknown"
	case p.session != "":
		return "session"
	case p.subscribe:
		return "subscribe"
	}
	return "publish"
}

var (
	errNoPlace   = Refuse(http.StatusNotFound, "NOT_FOUND", fault.Missing("there is nothing here"))
	errNoSession = Refuse(http.StatusNotFound, "SESSION_NOT_FOUND", fault.Missing("no such session"))
	errNoToken   = Refuse(http.StatusUnauthorized, "TOKEN_MALFORMED", fault.AccessDenied("a bearer token is required"))
	errToken     = Refuse(http.StatusUnauthorized, "TOKEN_MALFORMED", fault.AccessDenied("the bearer token is not valid here"))
	errNotYours  = Refuse(http.StatusForbidden, "TOKEN_NOT_ALLOWED", fault.AccessDenied("the bearer token is not the one of this session"))
	errMethod    = Refuse(http.StatusMethodNotAllowed, "METHOD_NOT_ALLOWED", fault.InvalidInput("the method is not allowed here"))
	errMediaType = Refuse(http.StatusUnsupportedMediaType, "UNSUPPORTED_MEDIA_TYPE", fault.InvalidInput("the content type is not the one expected here"))
	errBody      = Refuse(http.StatusRequestEntityTooLarge, "BODY_TOO_LARGE", fault.InvalidInput("the body is larger than %d bytes", maxBody))
	errUnread    = Refuse(http.StatusBadRequest, "BODY_INCOMPLETE", fault.InvalidInput("the body could not be read"))
	errNoMatch   = Refuse(http.StatusPreconditionFailed, "ETAG_MISMATCH", fault.InConflict("If-Match names another ICE session than the current one"))
	errNoTag     = Refuse(http.StatusPreconditionRequired, "ETAG_REQUIRED", fault.InvalidInput("If-Match is required"))
)

func (s *Server) route(w http.ResponseWriter, r *http.Request) error {
	p, ok := findPlace(r.URL.Path)
	if !ok {
		return errNoPlace
	}
	if p.session != "" {
		return s.serveSession(w, r, p.session)
	}
	h := w.Header()
	h.Set("Accept-Post", typeSDP)
	switch r.Method {
	case http.MethodPost:
		return s.join(w, r, p)
	case http.MethodOptions:
		if err := s.introduce(r, h, p); err != nil {
			return err
		}
		preflight(w)
		return nil
	case http.MethodHead: // how WHEP players find out what is here
		h.Set("Content-Type", typeSDP)
		w.WriteHeader(http.StatusOK)
		return nil
	case http.MethodGet:
		w.WriteHeader(http.StatusNoContent)
		return nil
	}
	h.Set("Allow", "POST, GET, HEAD, OPTIONS")
	return errMethod
}

func preflight(w http.ResponseWriter) {
	h := w.Header()
	h.Set("Access-Control-Allow-Methods", "POST, PATCH, DELETE, OPTIONS, GET, HEAD")
	h.Set("Access-Control-Allow-Headers", "Authorization, Content-Type, If-Match")
	h.Set("Access-Control-Max-Age", "86400")
	h.Set("Content-Length", "0")
	w.WriteHeader(http.StatusOK)
}

// join answers an offer with a session.
func (s *Server) join(w http.ResponseWriter, r *http.Request, p place) error {
	token, err := bearer(r)
	if err == nil && token == "" {
		err = errNoToken
	}
	if err != nil {
		return err
	}
	text, err := body(w, r, typeSDP)
	if err != nil {
		return err
	}
	var o *offer
	if p.subscribe && p.participant == "" {
		o, err = parseSlots(text)
	} else {
		o, err = parseOffer(text, !p.subscribe)
	}
	if err != nil {
		return err
	}
	remote := s.clientAddr(r)
	if err := s.reserve(remote.Addr()); err != nil {
		return err
	}
	origin := newOrigin()
	req := Request{
		Token: token, ParticipantID: p.participant, Remote: remote, UserAgent: userAgent(r), Origin: strconv.FormatUint(origin, 10),
		Audio: o.count(Audio) > 0, Video: o.count(Video) > 0, Layers: o.layers(),
	}
	ctx, cancel := context.WithTimeout(r.Context(), gateWait)
	defer cancel()
	var one *session
	var senders []*sender
	var admitted any
	if p.subscribe {
		sub, err := s.askSubscribers(ctx, req)
		if err != nil {
			s.release(remote.Addr())
			return err
		}
		d := newDownstream(s, o, sub)
		admitted, senders = sub, d.senders
		one = s.open(o, d, token, remote.Addr(), inboxDown)
	} else {
		pub, err := s.askPublishers(ctx, req)
		if err != nil {
			s.release(remote.Addr())
			return err
		}
		if l, ok := pub.(Layered); ok && l.TakeLayers() {
			o.takeSimulcast()
		}
		admitted = pub
		one = s.open(o, newUpstream(s, o, pub), token, remote.Addr(), inboxUp)
	}
	etag, _ := one.generation()
	text = s.describe(one, origin, !p.subscribe, senders)
	h := w.Header()
	h.Set("Content-Type", typeSDP)
	h.Set("Location", s.opts.PublicURL+"/whip/sessions/"+one.id) // absolute: some clients cannot do otherwise
	h.Set("ETag", etag)
	h.Set("Accept-Patch", typeFragment)
	if seated, ok := admitted.(Seated); ok {
		s.tellRelays(h, seated)
	} else {
		s.tellRelays(h, nil)
	}
	w.WriteHeader(http.StatusCreated)
	io.WriteString(w, text)
	return nil
}

// introduce names the relays to who asks for them before an offer (RFC 9725 §4.6), with a token that opens this door. A
// browser's preflight has none, and is told nothing.
func (s *Server) introduce(r *http.Request, h http.Header, p place) error {
	token, err := bearer(r)
	if err != nil || token == "" || s.opts.ICEServers == nil {
		return err
	}
	ctx, cancel := context.WithTimeout(r.Context(), gateWait)
	defer cancel()
	gates := []any{s.opts.Subscribers}
	if !p.subscribe {
		gates = gates[:0]
		for _, g := range s.opts.Publishers {
			gates = append(gates, g)
		}
	}
	for _, g := range gates {
		knower, ok := g.(Knower)
		if !ok {
			continue
		}
		seated, err := knower.Know(ctx, token, p.subscribe)
		var final *Refusal
		if err != nil && !errors.As(err, &final) && fault.Of(err) == fault.NotFound {
			continue
		}
		if err == nil {
			s.tellRelays(h, seated)
		}
		return err
	}
	return nil // a token that only an offer could tell more about
}

// tellRelays names the relays that a client may come by (RFC 9725 §4.6); nil is somebody without a name. What they are
// told holds no quote.
func (s *Server) tellRelays(h http.Header, seated Seated) {
	if s.opts.ICEServers == nil {
		return
	}
	var participant string
	var until time.Time
	if seated != nil {
		participant, until = seated.Seat()
	}
	for _, one := range s.opts.ICEServers(participant, until) {
		h.Add("Link", fmt.Sprintf(`<%s>; rel="ice-server"; username="%s"; credential="%s"; credential-type="password"`, one.URL, one.Username, one.Credential))
	}
}

// askPublishers asks the gates in turn. A NotFound fault that is no Refusal means "not mine".
func (s *Server) askPublishers(ctx context.Context, r Request) (Publication, error) {
	for _, g := range s.opts.Publishers {
		pub, err := g.Publish(ctx, r)
		var final *Refusal
		if err != nil && !errors.As(err, &final) && fault.Of(err) == fault.NotFound {
			continue
		}
		return pub, err
	}
	return nil, errToken
}

func (s *Server) askSubscribers(ctx context.Context, r Request) (Subscription, error) {
	if s.opts.Subscribers == nil {
		return nil, errNoPlace
	}
	return s.opts.Subscribers.Subscribe(ctx, r)
}

// serveSession acts on a running session. Its URL is secret; a bearer token, if sent, must fit as well.
func (s *Server) serveSession(w http.ResponseWriter, r *http.Request, id string) error {
	h := w.Header()
	h.Set("Accept-Patch", typeFragment)
	switch r.Method {
	case http.MethodOptions: // a preflight has no token and may come at any time
		preflight(w)
		return nil
	case http.MethodPatch, http.MethodDelete, http.MethodGet, http.MethodHead:
	default:
		h.Set("Allow", "PATCH, DELETE, GET, HEAD, OPTIONS")
		return errMethod
	}
	one := s.session(id)
	if one == nil {
		return errNoSession
	}
	token, err := bearer(r)
	if err != nil {
		return err
	}
	if hash := sha256.Sum256([]byte(token)); token != "" && subtle.ConstantTimeCompare(hash[:], one.token[:]) != 1 {
		return errNotYours
	}
	switch r.Method {
	case http.MethodPatch:
		return s.trickle(w, r, one)
	case http.MethodDelete:
		one.end(io.EOF)
		wait, cancel := context.WithTimeout(r.Context(), goodbyeWait)
		defer cancel()
		select {
		case <-one.done:
		case <-wait.Done():
		}
		h.Set("Content-Length", "0")
		w.WriteHeader(http.StatusOK)
	default:
		w.WriteHeader(http.StatusNoContent)
	}
	return nil
}

// trickle takes a fragment: further candidates, which an ICE-lite server needs not, or an ICE restart.
func (s *Server) trickle(w http.ResponseWriter, r *http.Request, one *session) error {
	text, err := body(w, r, typeFragment)
	if err != nil {
		return err
	}
	f, err := parseFragment(text)
	if err != nil {
		return err
	}
	tag, remote := one.generation()
	match := r.Header.Values("If-Match")
	plain := f.ice == remote
	switch tags := splitTags(match); {
	case len(match) == 0 && !plain: // a trickle that names the current credentials needs no tag
		return errNoTag
	case len(match) == 0, slices.Contains(tags, tag):
	case slices.Contains(tags, "*"):
	default:
		return errNoMatch
	}
	if plain || f.ice == (iceRemote{}) {
		w.WriteHeader(http.StatusNoContent)
		return nil
	}
	c, tag, ok := one.restart(f.ice)
	if !ok {
		return errNoSession
	}
	h := w.Header()
	h.Set("Content-Type", typeFragment)
	h.Set("ETag", tag)
	w.WriteHeader(http.StatusOK)
	io.WriteString(w, restarted(one.offer, c.ufrag, c.pwd, s.candidates()))
	return nil
}

// splitTags reads the entity tags of If-Match (RFC 9110 §13.1.1); weak ones never match.
func splitTags(values []string) []string {
	var tags []string
	for _, v := range values {
		for part := range strings.SplitSeq(v, ",") {
			tags = append(tags, strings.TrimSpace(part))
		}
	}
	return tags
}

// bearer gives the request's token, empty if there is none.
func bearer(r *http.Request) (string, error) {
	values := r.Header.Values("Authorization")
	if len(values) == 0 {
		return "", nil
	}
	scheme, token, _ := strings.Cut(values[0], " ")
	token = strings.TrimSpace(token)
	if len(values) > 1 || !strings.EqualFold(scheme, "Bearer") || token == "" || len(token) > maxToken {
		return "", errToken
	}
	return token, nil
}

// body reads a request's body, which must be of the given type.
func body(w http.ResponseWriter, r *http.Request, want string) (string, error) {
	if got, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || got != want {
		return "", errMediaType
	}
	control := http.NewResponseController(w)
	_ = control.SetReadDeadline(time.Now().Add(bodyWait)) // not every test's writer can
	b, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if err == nil { // else the deadline holds for the rest, which net/http reads before it answers
		_ = control.SetReadDeadline(time.Time{})
	}
	var large *http.MaxBytesError
	if errors.As(err, &large) {
		return "", errBody
	}
	if err != nil {
		return "", errUnread
	}
	return string(b), nil
}

func (s *Server) clientAddr(r *http.Request) netip.AddrPort {
	if s.opts.ClientAddr != nil {
		return s.opts.ClientAddr(r)
	}
	a, _ := netip.ParseAddrPort(r.RemoteAddr)
	return a
}

// userAgent is what the client calls itself, at most 256 bytes of it.
func userAgent(r *http.Request) string {
	ua := r.UserAgent()
	return strings.ToValidUTF8(ua[:min(len(ua), 256)], "")
}
