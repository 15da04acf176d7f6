package hls

import (
	"context"
	"errors"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

type fileKind int

const (
	kindMultivariant fileKind = iota
	kindPlaylist
	kindInit
	kindSegment
	kindPart
	fileKinds
)

// String gives the kind as metrics name it.
func (k fileKind) String() string {
	return [...]string{"multivariant", "playlist", "init", "segment", "part"}[k]
}

// ErrRefused is the cause of a request's context whose sender may not watch any more: what it waits for
// is answered with 403.
var ErrRefused = errors.New("hls: refused")

// Header values that all answers share; net/http does not change them.
var (
	typePlaylist   = []string{"application/vnd.apple.mpegurl"}
	typeMedia      = []string{"video/mp4"}
	encodingGzip   = []string{"gzip"}
	varyEncoding   = []string{"Accept-Encoding"}
	anyOrigin      = []string{"*"}
	acceptRanges   = []string{"bytes"}
	cacheNever     = []string{"no-store"}
	cacheShortly   = []string{"max-age=1"}
	cacheBlocked   = []string{"max-age=4"}               // a target duration; who asks for a version later is behind by as much
	cacheForGood   = []string{"max-age=3600, immutable"} // names are never used again
	allowedMethods = []string{"GET, HEAD, OPTIONS"}
	exposed        = []string{ExposedHeaders}
)

// ExposedHeaders are what pages of other origins may read of an answer (fetch standard, CORS): players
// tell by them how old a playlist is that a cache kept, and how fast bytes come.
const ExposedHeaders = "Age, Content-Length, Content-Range, Date"

// ServeMultivariant answers the multivariant playlist. mediaURL is the address of PlaylistFile (absolute, or
// relative to the request's URL); the other renditions' are alike. If it has no query, the request's own is
// carried over, without _HLS_ parameters. Renditions of more than so many lines are left out, unless all are;
// 0 leaves none out. Before the first part it waits for one.
func (w *Window) ServeMultivariant(rw http.ResponseWriter, r *http.Request, mediaURL string, lines int) {
	if !prepare(rw, r) {
		return
	}
	s, status := w.await(r.Context(), (*snapshot).filled)
	if status != http.StatusOK {
		w.refuse(rw, kindMultivariant, status)
		return
	}
	text := appendMultivariant(make([]byte, 0, 512), s, carryQuery(mediaURL, r.URL.RawQuery), lines)
	h := rw.Header()
	h["Content-Type"] = typePlaylist
	h["Cache-Control"] = cacheShortly
	if strings.Contains(mediaURL, "?") { // it names one player's session
		h["Cache-Control"] = cacheNever
	}
	h["Content-Length"] = contentLength(len(text))
	w.metrics.ok(kindMultivariant)
	rw.Write(text)
}

// Await waits as ServeMultivariant does, and says whether it has a playlist to show.
func (w *Window) Await(ctx context.Context) bool {
	_, status := w.await(ctx, (*snapshot).filled)
	return status == http.StatusOK
}

// Allows tells whether a viewer who may see no more than so many lines may see a lane, as ServeMultivariant
// would show it. What is not there is allowed.
func (w *Window) Allows(lane, lines int) bool {
	s := w.current.Load()
	v := s.lane(lane)
	return lines <= 0 || v == nil || v.variant == nil || slices.Contains(s.allowed(lines), lane)
}

// ServeMedia answers one file: a media playlist (PlaylistOf), or an initialization section, a segment
// or a part whose name a playlist gave; a part that was only hinted at is waited for. Anything else is
// a 404. An Access-Control-Allow-Origin, a Vary and a Cache-Control header that are already set stay;
// without the first every origin is allowed.
func (w *Window) ServeMedia(rw http.ResponseWriter, r *http.Request, file string) {
	if !prepare(rw, r) {
		return
	}
	if lane, ok := PlaylistOf(file); ok {
		w.servePlaylist(rw, r, lane)
		return
	}
	s := w.current.Load()
	if s.hinted(file) != nil {
		var status int
		if s, status = w.await(r.Context(), func(s *snapshot) state {
			if s.hinted(file) != nil {
				return wait
			}
			return ready
		}); status != http.StatusOK {
			w.refuse(rw, kindPart, status)
			return
		}
	}
	h := rw.Header()
	h["Content-Type"] = typeMedia
	if h["Cache-Control"] == nil {
		h["Cache-Control"] = cacheForGood
	}
	h["Accept-Ranges"] = acceptRanges
	switch part, segment, init := s.file(file); {
	case part != nil:
		w.serveData(rw, r, kindPart, part.length, part.data)
	case segment != nil:
		w.serveSegment(rw, r, segment)
	case init != nil:
		w.serveData(rw, r, kindInit, init.length, init.data)
	default:
		delete(h, "Accept-Ranges")
		w.refuse(rw, kindPart, http.StatusNotFound)
	}
}

func (w *Window) servePlaylist(rw http.ResponseWriter, r *http.Request, lane int) {
	d, err := parseDirectives(r.URL.RawQuery)
	if err != nil {
		w.refuse(rw, kindPlaylist, http.StatusBadRequest)
		return
	}
	s := w.current.Load()
	d.blocking = d.blocking && !s.plain
	if d.answer(s, lane) != ready {
		var status int
		if s, status = w.await(r.Context(), func(s *snapshot) state { return d.answer(s, lane) }); status != http.StatusOK {
			w.refuse(rw, kindPlaylist, status)
			return
		}
	}
	h := rw.Header()
	h["Content-Type"] = typePlaylist
	if h["Cache-Control"] == nil {
		h["Cache-Control"] = cacheShortly
		if d.blocking && !s.ended { // what ended may go on, and then answers the same question otherwise
			h["Cache-Control"] = cacheBlocked
		}
	}
	if h["Vary"] == nil {
		h["Vary"] = varyEncoding
	}
	list := &s.lane(lane).playlist
	data, length := list.plain, list.plainLength
	if acceptsGzip(r.Header) {
		h["Content-Encoding"] = encodingGzip
		data, length = list.packed, list.packedLength
	}
	h["Content-Length"] = length
	w.metrics.ok(kindPlaylist)
	rw.Write(data)
}

// state is what a snapshot means for a request.
type state int

const (
	ready   state = iota // answer from this snapshot
	wait                 // for a newer one
	absurd               // the request is for what is too far ahead
	nothing              // and there will be nothing
)

// filled tells whether there is any playlist.
func (s *snapshot) filled() state {
	switch {
	case s.variant != nil && (!s.plain || s.whole()):
		return ready
	case s.ended:
		return nothing
	}
	return wait
}

// filledIn tells whether there is a playlist of one lane. What lanes there are is known with the first part.
func (s *snapshot) filledIn(lane int) state {
	at := s.filled()
	if lane == 0 || at != ready {
		return at
	}
	switch v := s.lane(lane); {
	case v == nil, v.variant == nil && !s.running:
		return nothing
	case v.variant == nil, s.plain && s.from(lane) == len(s.segments):
		return wait
	}
	return ready
}

// answer applies the rules of blocking playlist reload (rfc8216bis §6.2.5.2). Lanes are cut alike, so that
// those rules are the same for all.
func (d directives) answer(s *snapshot, lane int) state {
	if at := s.filledIn(lane); at != ready && lane > 0 {
		return at
	}
	if s.ended || !d.blocking || d.msn+1 < s.nextMSN {
		return s.filled()
	}
	// More than two after the last complete segment, which is the one before nextMSN.
	if d.msn > s.nextMSN+1 {
		return absurd
	}
	msn, index := d.msn, d.part
	if msn+1 == s.nextMSN {
		// The last complete segment: a part past its end is the next one's first.
		if n := len(s.segments); index < 0 || n == 0 || index < len(s.segments[n-1].parts) {
			return s.filled()
		}
		msn, index = msn+1, 0
	}
	if msn == s.nextMSN && index >= 0 && index < len(s.parts) {
		return ready
	}
	return wait
}

// await gives the first snapshot that judge finds ready, or a status that is not 200.
func (w *Window) await(ctx context.Context, judge func(*snapshot) state) (*snapshot, int) {
	var timer *time.Timer
	for {
		s := w.current.Load()
		switch judge(s) {
		case ready:
			return s, http.StatusOK
		case nothing:
			return s, http.StatusNotFound
		case absurd:
			return s, http.StatusBadRequest
		}
		if s.closed {
			return s, http.StatusServiceUnavailable
		}
		if timer == nil {
			timer = time.NewTimer(holdLimit)
			defer timer.Stop()
			w.metrics.wait(1)
			defer w.metrics.wait(-1)
		}
		select {
		case <-s.changed:
		case <-timer.C:
			return s, http.StatusServiceUnavailable
		case <-ctx.Done():
			if errors.Is(context.Cause(ctx), ErrRefused) {
				return s, http.StatusForbidden
			}
			return s, http.StatusServiceUnavailable // nobody reads it
		}
	}
}

// prepare sets what all answers have, and answers what is no GET or HEAD.
func prepare(rw http.ResponseWriter, r *http.Request) bool {
	h := rw.Header()
	if h["Access-Control-Allow-Origin"] == nil {
		h["Access-Control-Allow-Origin"] = anyOrigin
	}
	h["Access-Control-Expose-Headers"] = exposed
	switch r.Method {
	case http.MethodGet, http.MethodHead:
		return true
	case http.MethodOptions:
		h["Access-Control-Allow-Methods"] = allowedMethods
		h.Set("Access-Control-Allow-Headers", "Range")
		h.Set("Access-Control-Max-Age", "86400")
		rw.WriteHeader(http.StatusNoContent)
	default:
		h["Allow"] = allowedMethods
		http.Error(rw, "method not allowed", http.StatusMethodNotAllowed)
	}
	return false
}

// refuse answers without a file.
func (w *Window) refuse(rw http.ResponseWriter, k fileKind, status int) {
	w.metrics.refused(k, strconv.Itoa(status))
	h := rw.Header()
	h["Cache-Control"] = cacheNever
	if status == http.StatusServiceUnavailable {
		h.Set("Retry-After", "1")
	}
	http.Error(rw, strings.ToLower(http.StatusText(status)), status)
}

func (w *Window) serveData(rw http.ResponseWriter, r *http.Request, k fileKind, length []string, data []byte) {
	w.metrics.ok(k)
	if r.Header["Range"] != nil {
		http.ServeContent(rw, r, "", time.Time{}, io.NewSectionReader(chain{data}, 0, int64(len(data))))
		return
	}
	rw.Header()["Content-Length"] = length
	rw.Write(data)
}

// serveSegment writes a segment's parts one after the other, without joining them first.
func (w *Window) serveSegment(rw http.ResponseWriter, r *http.Request, g *strand) {
	w.metrics.ok(kindSegment)
	if r.Header["Range"] != nil {
		all := make(chain, len(g.parts))
		for i, p := range g.parts {
			all[i] = p.data
		}
		http.ServeContent(rw, r, "", time.Time{}, io.NewSectionReader(all, 0, int64(g.bytes)))
		return
	}
	rw.Header()["Content-Length"] = g.length
	if r.Method == http.MethodHead {
		return
	}
	for _, p := range g.parts {
		if _, err := rw.Write(p.data); err != nil {
			return
		}
	}
}

// chain reads slices as if they were one.
type chain [][]byte

// ReadAt implements io.ReaderAt.
func (c chain) ReadAt(b []byte, off int64) (n int, err error) {
	for _, data := range c {
		if off >= int64(len(data)) {
			off -= int64(len(data))
			continue
		}
		m := copy(b[n:], data[off:])
		n, off = n+m, 0
		if n == len(b) {
			return n, nil
		}
	}
	return n, io.EOF
}

// acceptsGzip reads Accept-Encoding (RFC 9110 §12.5.3).
func acceptsGzip(h http.Header) bool {
	star := false
	for _, line := range h["Accept-Encoding"] {
		for line != "" {
			var item string
			item, line, _ = strings.Cut(line, ",")
			name, weight, _ := strings.Cut(item, ";")
			name = strings.TrimSpace(name)
			accepted := !zeroWeight(weight)
			switch {
			case strings.EqualFold(name, "gzip") || strings.EqualFold(name, "x-gzip"):
				return accepted
			case name == "*":
				star = accepted
			}
		}
	}
	return star
}

func zeroWeight(parameter string) bool {
	name, value, ok := strings.Cut(strings.TrimSpace(parameter), "=")
	if !ok || !strings.EqualFold(strings.TrimSpace(name), "q") {
		return false
	}
	q, err := strconv.ParseFloat(strings.TrimSpace(value), 64)
	return err == nil && q <= 0
}
