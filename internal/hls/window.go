package hls

import (
	"sync"
	"sync/atomic"
	"time"
)

// Durations that playlists promise. EXT-X-TARGETDURATION must never change, so nothing here is a
// setting.
const (
	targetDuration = 4 * second
	listed         = 3 * targetDuration // a live playlist never has less, once it had it
	kept           = 14 * second        // segments that left the playlist stay that long, for those who still read them
	holdLimit      = 12 * time.Second   // how long a request may wait: three target durations
)

// Window is the newest media of a channel and its playlists. All its methods may be called from any
// goroutine.
type Window struct {
	maxBytes int
	metrics  *Metrics
	viewer   viewerFunc
	current  atomic.Pointer[snapshot]

	mu        sync.Mutex // guards all below, which is the writer's
	segments  []*segment // complete, in the playlist
	retired   []*segment // complete, no longer in the playlist
	open      *segment   // nil: the next part opens one
	init      *initSection
	broken    bool // the next segment follows a discontinuity
	nextMSN   uint64
	nextPart  uint64
	cc        uint64 // discontinuity sequence number of the newest segment
	session   string
	hint      string // the next part's name
	end       ticks  // where the newest part ends
	newest    time.Time
	rate      rateMeter
	frameRate float64
	running   bool
	ended     bool
	closed    bool
	buf       []byte // playlist text under construction

	ranges      []*dateRange // by the time they were added
	takes       bool         // messages and ranges: there is a session, a first part or not
	expected    bool         // the session outlives its Runs
	messages    []message    // for the next part
	nextMessage uint32

	broadcast   Broadcast
	streamStart ticks // of its first segment; valid if streamBegun
	streamBegun bool
}

// snapshot is one version of a window: what readers see. It is immutable, but for the channel, which
// is closed when a newer one is there.
type snapshot struct {
	segments []*segment
	retired  []*segment
	open     *segment // only its fixed fields may be read
	parts    []*part  // of open
	ranges   []*dateRange
	nextMSN  uint64   // of the segment that is open, or will be next
	hint     string   // name of the next part; empty while nothing runs
	variant  *variant // nil before the first part
	running  bool
	ended    bool
	closed   bool
	plain    bool // no part is listed, and none of open
	newest   time.Time
	playlist body
	changed  chan struct{}
}

func newWindow(o Options) *Window {
	w := &Window{maxBytes: o.MaxBytes, metrics: o.Metrics, viewer: o.Viewer}
	w.nextMSN = sequenceAt(o.Now())
	// 128 a second are more than fit into the parts: no number comes twice within a year, restarts included.
	w.nextMessage = uint32(w.nextMSN) << 5
	w.cc = o.Discontinuity
	w.current.Store(&snapshot{nextMSN: w.nextMSN, changed: make(chan struct{})})
	return w
}

// Live tells whether a Run is adding media, and when the newest part was added (zero: never).
func (w *Window) Live() (live bool, newest time.Time) {
	s := w.current.Load()
	return s.running, s.newest
}

// Edge is the date of the end of the newest part of a Run; zero before its first part.
func (w *Window) Edge() time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.hint == "" {
		return time.Time{}
	}
	return w.end.date()
}

// End closes the playlist with EXT-X-ENDLIST: players stop at its last segment and do not come back.
// Between two sessions that are to look like one, do not call it; while a Run is adding media it does
// nothing. A later Run opens the playlist again.
func (w *Window) End() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if !w.running {
		w.ended = true
		w.publish()
	}
}

// Discontinuity is the discontinuity sequence number in use. What follows this packager on the same
// channel must begin above it.
func (w *Window) Discontinuity() uint64 {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.cc
}

// Close answers all who wait, and whoever would have to wait later, with 503: the server is about to
// stop, and players are to try again. It does not end the playlist.
func (w *Window) Close() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.closed = true
	w.publish()
}

// begin starts a session. Its first segment follows a discontinuity if there was any before.
func (w *Window) begin(session string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.session, w.hint = session, ""
	w.running, w.ended = true, false
	w.rate = rateMeter{}
	w.publish()
}

// format changes the initialization section; nil keeps it and makes a discontinuity only. The open
// segment must be complete.
func (w *Window) format(init *initSection) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if init != nil {
		w.init = init
	}
	w.broken = len(w.segments) > 0
}

// add appends a part, opening a segment if none is open. Readers see it after the next publish.
func (w *Window) add(data []byte, start, dur ticks, independent bool, at time.Time) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.hint == "" {
		w.hint = nameOf('p', w.nextPart, w.session, ".m4s")
	}
	p := &part{name: w.hint, data: data, length: contentLength(len(data)), start: start, dur: dur, independent: independent}
	if w.open == nil {
		w.openSegment(start)
	}
	s := w.open
	s.parts = append(s.parts, p)
	s.dur += dur
	s.bytes += len(data)
	s.middle = appendPart(s.middle, p)
	w.nextPart++
	w.hint = nameOf('p', w.nextPart, w.session, ".m4s")
	w.end, w.newest = start+dur, at
	w.metrics.part(len(data))
}

func (w *Window) openSegment(start ticks) {
	s := &segment{
		msn: w.nextMSN, name: nameOf('s', w.nextMSN, w.session, ".m4s"), start: start, init: w.init,
		firstPart: w.nextPart, discontinuity: w.broken, parts: make([]*part, 0, 13),
	}
	if w.broken {
		w.cc++
		w.broken = false
		w.metrics.discontinuity()
	}
	s.cc = w.cc
	s.head = appendSegmentHead(nil, s)
	s.middle = make([]byte, 0, 1024)
	w.open = s
}

// complete closes the open segment, and drops what the window no longer needs.
func (w *Window) complete() {
	w.mu.Lock()
	defer w.mu.Unlock()
	s := w.open
	if s == nil {
		return
	}
	s.length = contentLength(s.bytes)
	s.tail = appendSegmentTail(nil, s)
	w.rate.segment(s.bytes, s.dur)
	w.open = nil
	w.nextMSN++
	// Snapshots share these slices: they are replaced, never changed in place.
	w.segments = append(w.segments[:len(w.segments):len(w.segments)], s)

	total, size := totals(w.segments)
	drop := 0
	for len(w.segments)-drop > 1 {
		first := w.segments[drop]
		if total-first.dur < listed && size <= w.maxBytes {
			break
		}
		total -= first.dur
		size -= first.bytes
		drop++
	}
	w.retired = append(w.retired[:len(w.retired):len(w.retired)], w.segments[:drop]...)
	w.segments = w.segments[drop:]
	gone, goneSize := totals(w.retired)
	for len(w.retired) > 0 && (total+gone > kept || size+goneSize > w.maxBytes) {
		gone -= w.retired[0].dur
		goneSize -= w.retired[0].bytes
		w.retired = w.retired[1:]
	}
}

func totals(segments []*segment) (dur ticks, size int) {
	for _, s := range segments {
		dur += s.dur
		size += s.bytes
	}
	return dur, size
}

// fragment gives the number of the next fragment, which begins at start, and the messages that it takes
// along.
func (w *Window) fragment(start ticks) (number uint32, messages []message) {
	w.mu.Lock()
	defer w.mu.Unlock()
	messages, w.messages = w.messages, nil
	if w.open == nil && w.broadcast.StreamID != "" {
		messages = append(messages, w.sessionTime(start))
	}
	return uint32(w.nextPart + 1), messages
}

// endOfMedia is where the newest part ends.
func (w *Window) endOfMedia() ticks {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.end
}

// full tells whether the open segment, with so many bytes more, has grown too large to go on.
func (w *Window) full(more int) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	size := more
	if w.open != nil {
		size += w.open.bytes
	}
	return size > w.maxBytes/4
}

// empty tells whether no segment was ever completed.
func (w *Window) empty() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.segments) == 0
}

// finish ends a session: nobody knows the next part's name.
func (w *Window) finish() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.running = false
	w.hint = ""
	if !w.expected {
		w.endRanges()
	}
	w.publish()
}

// show makes what was added visible. frameRate is what the video runs at now.
func (w *Window) show(frameRate float64) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.frameRate = frameRate
	w.publish()
}

// publish replaces the snapshot and wakes who waits. The caller holds mu.
func (w *Window) publish() {
	s := &snapshot{
		segments: w.segments, retired: w.retired, open: w.open, nextMSN: w.nextMSN, hint: w.hint,
		running: w.running, ended: w.ended, closed: w.closed, plain: w.broadcast.Plain, newest: w.newest, changed: make(chan struct{}),
	}
	if w.open != nil {
		s.parts = w.open.parts[:len(w.open.parts):len(w.open.parts)]
	}
	if first := s.first(); first != nil {
		w.tidyRanges(first)
		s.ranges = w.ranges
		w.buf = appendPlaylist(w.buf[:0], s)
		s.playlist = newBody(w.buf)
		s.variant = newVariant(w.init, w.rate.with(w.open), w.frameRate)
	}
	old := w.current.Swap(s)
	close(old.changed)
}

// first is the first listed segment, nil if there is none.
func (s *snapshot) first() *segment {
	if len(s.segments) > 0 {
		return s.segments[0]
	}
	return s.open
}

// file finds a part, segment or initialization section by its name.
func (s *snapshot) file(name string) (one *part, all *segment, init *initSection) {
	kind, number, ok := numberOf(name)
	if !ok {
		return nil, nil, nil
	}
	switch kind {
	case 'p':
		if s.open != nil && number >= s.open.firstPart {
			return partNamed(s.parts, number-s.open.firstPart, name), nil, nil
		}
		if seg := find(s.segments, s.retired, func(g *segment) bool { return g.firstPart <= number }); seg != nil {
			return partNamed(seg.parts, number-seg.firstPart, name), nil, nil
		}
	case 's':
		seg := find(s.segments, s.retired, func(g *segment) bool { return g.msn == number })
		if seg != nil && seg.name == name {
			return nil, seg, nil
		}
	case 'i':
		if s.open != nil && s.open.init.name == name {
			return nil, nil, s.open.init
		}
		if seg := find(s.segments, s.retired, func(g *segment) bool { return g.init.name == name }); seg != nil {
			return nil, nil, seg.init
		}
	}
	return nil, nil, nil
}

func partNamed(parts []*part, index uint64, name string) *part {
	if index < uint64(len(parts)) && parts[index].name == name {
		return parts[index]
	}
	return nil
}

// find gives the newest segment that is meant, or nil.
func find(segments, retired []*segment, meant func(*segment) bool) *segment {
	for _, list := range [][]*segment{segments, retired} {
		for i := len(list) - 1; i >= 0; i-- {
			if meant(list[i]) {
				return list[i]
			}
		}
	}
	return nil
}
