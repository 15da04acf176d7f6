package channel

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/streamcat/streamcat/internal/arn"
	"github.com/streamcat/streamcat/internal/auth"
	"github.com/streamcat/streamcat/internal/fault"
	"github.com/streamcat/streamcat/internal/hls"
)

// PlaybackRoot is where playlists and media stand on the HTTP listener.
const PlaybackRoot = "/api/video/v1/"

// PlaybackPath gives the path of a channel's multivariant playlist, as Amazon IVS forms it:
// /api/video/v1/{region}.{account}.channel.{channelId}.m3u8.
func PlaybackPath(channelARN string) string { return PlaybackRoot + playbackName(channelARN) + ".m3u8" }

func playbackName(channelARN string) string {
	a, err := arn.Parse(channelARN)
	if err != nil {
		return ""
	}
	return a.Region + "." + a.Account + ".channel." + a.ID
}

// ServeHTTP answers players below PlaybackRoot: the multivariant playlist at PlaybackPath, and what it
// names in the folder of the same name. Offline and unknown channels are 404, what a viewer may not watch
// is 403, one viewer too many 429. A private channel says nothing to those who show no good token.
func (m *Manager) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Access-Control-Allow-Origin", "*")
	w.Header().Set("Access-Control-Expose-Headers", hls.ExposedHeaders) // of refusals, too
	switch r.Method {
	case http.MethodGet, http.MethodHead:
	case http.MethodOptions:
		w.Header().Set("Access-Control-Allow-Methods", "GET, HEAD, OPTIONS")
		w.Header().Set("Access-Control-Allow-Headers", "Range")
		w.Header().Set("Access-Control-Max-Age", "86400")
		w.WriteHeader(http.StatusNoContent)
		return
	default:
		w.Header().Set("Allow", "GET, HEAD, OPTIONS")
		http.Error(w, "method not allowed", http.StatusMethodNotAllowed)
		return
	}

	name, file, nested := strings.Cut(strings.TrimPrefix(r.URL.Path, PlaybackRoot), "/")
	if !nested {
		var ok bool
		if name, ok = strings.CutSuffix(name, ".m3u8"); !ok {
			m.refuse(w, http.StatusNotFound, "no such playlist")
			return
		}
	}
	id, ok := strings.CutPrefix(name, m.d.Minter.Region+"."+m.d.Minter.Account+".channel.")
	if !ok {
		m.refuse(w, http.StatusNotFound, "no such channel")
		return
	}
	if nested {
		m.serveMedia(w, r, id, file)
		return
	}
	m.serveMultivariant(w, r, id, name)
}

func (m *Manager) serveMultivariant(w http.ResponseWriter, r *http.Request, id, name string) {
	c, live, spec, err := m.known(r.Context(), id)
	if err != nil {
		m.turnAway(w, id, err)
		return
	}
	var token auth.Playback
	if spec.Authorized {
		if token, err = m.verify(r, r.URL.Query().Get("token"), spec.ARN); err == nil {
			err = checkOrigin(r, token.Origins, token.Strict)
		}
		if err != nil {
			m.turnAway(w, id, err)
			return
		}
	}
	policy, err := m.policy(r.Context(), spec)
	if err == nil {
		err = checkOrigin(r, policy.AllowedOrigins, policy.StrictOrigin)
	}
	if err == nil {
		err = m.checkCountry(r, policy)
	}
	switch {
	case err != nil:
		m.turnAway(w, id, err)
		return
	case !live:
		m.refuse(w, http.StatusNotFound, "the channel is offline")
		return
	case c.viewers.full():
		m.turnAway(w, id, m.tooManyViewers())
		return
	}
	if token.SingleUse != "" && r.Method == http.MethodGet { // what shows nothing uses nothing up
		if !c.pack.Await(r.Context()) {
			m.notNow(w)
			return
		}
		if err := m.useUp(r.Context(), token); err != nil {
			m.turnAway(w, id, err)
			return
		}
	}
	if token.Strict || policy.StrictOrigin {
		oneOrigin(w, r)
	}
	media, err := m.mediaURL(r, spec, token, name)
	if err != nil {
		m.turnAway(w, id, err)
		return
	}
	c.pack.ServeMultivariant(w, r, media, lines(token.MaxResolution))
}

// known finds a channel and what it is. A live one is found in memory: its settings cannot change, and
// viewers can join while the database is away.
func (m *Manager) known(ctx context.Context, id string) (c *channel, live bool, spec Spec, err error) {
	if c = m.find(id); c != nil {
		if s := c.live(); s != nil {
			return c, true, s.spec, nil
		}
	}
	spec, err = m.d.Directory.Channel(ctx, id)
	return c, false, spec, err
}

// lines gives how many lines a picture may have at most for a token that limits them; 0: as many as there are.
func lines(maxResolution string) int {
	return map[string]int{"SD": 480, "HD": 720, "FULL_HD": 1080}[maxResolution]
}

// mediaURL names the best rendition's media playlist for one player; the others' differ in the file. The
// player gets a session of its own: one by which it is counted, and of a private channel also one that says
// what it may do. Where each file needs an origin that the token gave, that session is a folder, so that the
// files in it are asked for below it.
func (m *Manager) mediaURL(r *http.Request, spec Spec, token auth.Playback, name string) (string, error) {
	counted := arn.NewID(sessionLength)
	if r.URL.Query().Has(preview) { // a preview on a page counts as nobody
		counted = preview
	}
	file := hls.PlaylistFile + "?s=" + counted
	if !spec.Authorized {
		return name + "/" + file, nil
	}
	session, err := m.seal(m.grantFor(token), spec.ARN)
	switch {
	case err != nil:
		return "", err
	case token.Strict:
		return name + "/" + session + "/" + file, nil
	}
	return name + "/" + file + "&" + sessionQuery + "=" + session, nil
}

const (
	sessionLength = 16
	sessionQuery  = "session"
	preview       = "preview"
)

// viewerOf tells whose playlist request this is: the session that the multivariant playlist gave out,
// or the connection of a player that was given the media playlist itself; not ok for a preview.
func viewerOf(r *http.Request) (session string, ok bool) {
	s := parameter(r, "s")
	if len(s) == sessionLength {
		return s, true
	}
	return r.RemoteAddr, s != preview
}

// parameter is what the request's query says of one that we gave it: with nothing in it to unescape.
// Players ask several times a second, so nothing else is read.
func parameter(r *http.Request, name string) string {
	for item := range strings.SplitSeq(r.URL.RawQuery, "&") {
		if value, ok := strings.CutPrefix(item, name); ok && strings.HasPrefix(value, "=") {
			return value[1:]
		}
	}
	return ""
}

// serveMedia answers what a multivariant playlist leads to. Names of parts cannot be guessed, so of a
// private channel only playlists ask for the session, unless it is a folder.
func (m *Manager) serveMedia(w http.ResponseWriter, r *http.Request, id, file string) {
	session, inside, foldered := strings.Cut(file, "/")
	if foldered {
		file = inside
	} else {
		session = ""
	}
	c := m.find(id)
	var spec Spec
	known := false
	if c != nil {
		spec, known = c.newest()
	}
	if !known {
		m.nothingThere(w, r, id, file)
		return
	}
	lane, playlist := hls.PlaylistOf(file)
	if spec.Authorized && (foldered || playlist) {
		if !foldered {
			session = parameter(r, sessionQuery)
		}
		g, err := m.unseal(session, spec.ARN)
		if err == nil && len(g.Origins) > 0 {
			if err = checkOrigin(r, g.Origins, true); err == nil {
				oneOrigin(w, r)
			}
		}
		if err != nil {
			m.refuse(w, http.StatusForbidden, needsToken)
			return
		}
		if playlist && !c.pack.Allows(lane, g.Lines) {
			m.refuse(w, http.StatusForbidden, "the playback token does not allow this resolution")
			return
		}
		if g.Viewer != "" {
			ctx, done := m.revoked.watch(r.Context(), spec.ARN, g)
			defer done()
			if ctx.Err() != nil {
				m.turnAway(w, id, errRevoked)
				return
			}
			if !playlist { // whoever waits for a playlist is told why there is none
				defer context.AfterFunc(ctx, func() { cutShort(ctx, w) })()
			}
			r = r.WithContext(ctx)
		}
	}
	policy, err := m.policy(r.Context(), spec)
	if err == nil && policy.StrictOrigin {
		if err = checkOrigin(r, policy.AllowedOrigins, true); err == nil {
			oneOrigin(w, r)
		}
	}
	if err == nil && playlist {
		err = m.checkCountry(r, policy)
	}
	if err != nil {
		m.turnAway(w, id, err)
		return
	}
	if spec.Authorized || playlist && len(policy.AllowedCountries) > 0 {
		keepPrivate(w, playlist, foldered)
	}
	if viewer, ok := viewerOf(r); ok && playlist {
		lowLatency := parameter(r, "_HLS_msn") != "" && spec.LatencyMode != "NORMAL" // a blocking request
		if !c.viewers.arrive(viewer, lowLatency, m.d.Now()) {
			m.turnAway(w, id, m.tooManyViewers())
			return
		}
		defer func() { c.viewers.answered(viewer, lowLatency, r.Context().Err() != nil, m.d.Now()) }()
	}
	c.pack.ServeMedia(w, r, file)
}

// cutShort ends what a revoked viewer is still being sent. It closes the connection.
func cutShort(ctx context.Context, w http.ResponseWriter) {
	if errors.Is(context.Cause(ctx), hls.ErrRefused) {
		_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(cutWithin)) // not supported: not a connection
	}
}

// keepPrivate lets no cache between here and one viewer of a private channel, or of one that not all countries
// may see, answer for us. Files that all viewers share may be kept by their names.
func keepPrivate(w http.ResponseWriter, playlist, foldered bool) {
	switch {
	case playlist:
		w.Header().Set("Cache-Control", "no-store")
	case foldered:
		w.Header().Set("Cache-Control", "private, max-age=3600, immutable")
	}
}

// nothingThere answers for a channel of which there is no media. Whether it is private decides what its
// playlist says.
func (m *Manager) nothingThere(w http.ResponseWriter, r *http.Request, id, file string) {
	if _, playlist := hls.PlaylistOf(file); playlist {
		if spec, err := m.d.Directory.Channel(r.Context(), id); err != nil && fault.Of(err) != fault.NotFound {
			m.turnAway(w, id, err)
			return
		} else if err == nil && spec.Authorized {
			m.refuse(w, http.StatusForbidden, needsToken)
			return
		}
	}
	m.refuse(w, http.StatusNotFound, "the channel is offline")
}

// cutWithin is how long an answer to a revoked viewer may go on.
const cutWithin = 200 * time.Millisecond

const needsToken = "this channel is private: a playback token is needed"

// turnAway answers with what an error means to a player.
func (m *Manager) turnAway(w http.ResponseWriter, id string, err error) {
	if errors.Is(err, hls.ErrRefused) {
		err = errRevoked // while it waited
	}
	switch fault.Of(err) {
	case fault.Denied:
		m.refuse(w, http.StatusForbidden, fault.Message(err))
	case fault.NotFound:
		m.refuse(w, http.StatusNotFound, "no such channel")
	case fault.Throttled:
		w.Header().Set("Retry-After", "3")
		m.refuse(w, http.StatusTooManyRequests, fault.Message(err))
	default:
		if !errors.Is(err, context.Canceled) && !errors.Is(err, errBusy) {
			m.d.Log.Error("could not decide on a playback request", "channel", id, "err", err)
		}
		m.notNow(w)
	}
}

// notNow asks a player to come again: what it wants may be right.
func (m *Manager) notNow(w http.ResponseWriter) {
	w.Header().Set("Retry-After", "1")
	m.refuse(w, http.StatusServiceUnavailable, "try again")
}

func (m *Manager) refuse(w http.ResponseWriter, status int, why string) {
	w.Header().Set("Cache-Control", "no-store")
	http.Error(w, why, status)
}
