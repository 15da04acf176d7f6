package channel

import (
	"net/http"
	"strings"

	"github.com/streamcat/streamcat/internal/arn"
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
// names in the folder of the same name. Offline and unknown channels are 404, private ones 403: this
// server knows no playback keys, so nobody can hold a token that it could verify.
func (m *Manager) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Access-Control-Allow-Origin", "*")
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
	// A live channel is served from memory: its settings cannot change, and viewers can join while the
	// database is away.
	if c := m.find(id); c != nil && c.live() != nil {
		m.serveLive(w, r, c, name)
		return
	}
	switch spec, err := m.d.Directory.Channel(r.Context(), id); {
	case fault.Of(err) == fault.NotFound:
		m.refuse(w, http.StatusNotFound, "no such channel")
	case err != nil:
		m.d.Log.Error("could not look a channel up for playback", "channel", id, "err", err)
		m.refuse(w, http.StatusServiceUnavailable, "try again")
	case spec.Authorized:
		m.refuse(w, http.StatusForbidden, needsToken)
	default:
		m.refuse(w, http.StatusNotFound, "the channel is offline")
	}
}

const needsToken = "this channel is private: a playback token is needed"

func (m *Manager) serveLive(w http.ResponseWriter, r *http.Request, c *channel, name string) {
	if c.isPrivate() {
		m.refuse(w, http.StatusForbidden, needsToken)
		return
	}
	// Each player gets a session of its own, by which it is counted; a preview on a page counts as nobody.
	session := arn.NewID(sessionLength)
	if r.URL.Query().Has("preview") {
		session = preview
	}
	c.pack.ServeMultivariant(w, r, name+"/"+hls.PlaylistFile+"?s="+session)
}

const (
	sessionLength = 16
	preview       = "preview"
)

// viewerOf tells whose playlist request this is: the session that the multivariant playlist gave out,
// or the connection of a player that was given the media playlist itself; not ok for a preview.
func viewerOf(r *http.Request) (session string, ok bool) {
	s := r.URL.Query().Get("s")
	if len(s) == sessionLength {
		return s, true
	}
	return r.RemoteAddr, s != preview
}

func (m *Manager) serveMedia(w http.ResponseWriter, r *http.Request, id, file string) {
	c := m.find(id)
	if c == nil {
		m.refuse(w, http.StatusNotFound, "the channel is offline")
		return
	}
	if c.isPrivate() {
		m.refuse(w, http.StatusForbidden, needsToken)
		return
	}
	c.pack.ServeMedia(w, r, file)
}

func (m *Manager) refuse(w http.ResponseWriter, status int, why string) {
	w.Header().Set("Cache-Control", "no-store")
	http.Error(w, why, status)
}
