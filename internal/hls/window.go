package hls

import (
	"net/http"
	"time"
)

// Window is the newest media of a channel and its playlists.
type Window struct{}

// PlaylistFile is the name of the media playlist that ServeMedia answers.
const PlaylistFile = "av.m3u8"

// ServeMultivariant answers the multivariant playlist, whose only variant is at mediaURL (absolute, or
// relative to the request's URL). If mediaURL has no query, the request's own is carried over, without
// _HLS_ parameters. Before the first part it waits for one.
func (w *Window) ServeMultivariant(rw http.ResponseWriter, r *http.Request, mediaURL string) {}

// ServeMedia answers one file of the rendition: PlaylistFile, or an initialization section, a segment
// or a part whose name a playlist gave. Anything else is a 404. An Access-Control-Allow-Origin header
// that is already set stays; without one every origin is allowed.
func (w *Window) ServeMedia(rw http.ResponseWriter, r *http.Request, file string) {}

// Live tells whether a Run is adding media, and when the newest part was added (zero: never).
func (w *Window) Live() (live bool, newest time.Time) { return false, time.Time{} }

// End closes the playlist with EXT-X-ENDLIST: players stop at its last segment and do not come back.
// A later Run opens it again.
func (w *Window) End() {}

// Close answers all who wait, and whoever comes later and would have to, with 503: the server stops, and players try
// again elsewhere or later. It does not end the playlist.
func (w *Window) Close() {}
