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
	current  atomic.Pointer[snapshot]

	mu       sync.Mutex // guards all below, which is the writer's
	segments []*segment // complete, in the playlist
	retired  []*segment // complete, no longer in the playlist
	open     *segment   // nil: the next part opens one
	lanes    []lane     // at least one
	broken   bool       // the next segment follows a discontinuity
	nextMSN  uint64
	nextPart uint64
	cc       uint64 // discontinuity sequence number of the newest segment
	session  string
	end      ticks // where the newest part ends
	newest   time.Time
	running  bool
	ended    bool
	closed   bool
	buf      []byte // playlist text under construction

	past   []pastSegment // of the packager before, until the first segment opens
	keeper func(past []byte)
	told   []byte // to keeper, the last time

	ranges      []*dateRange // by the time they were added
	takes       bool         // messages and ranges: there is a session, a first part or not
	expected    bool         // the session outlives its Runs
	sound       *audioFormat // of the newest Run of such a session; nil: it has none
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
	ranges   []*dateRange
	nextMSN  uint64 // of the segment that is open, or will be next
	running  bool
	ended    bool
	closed   bool
	plain    bool // no part is listed, and none of open
	newest   time.Time
	view             // of lane 0
	others   []*view // of lanes 1, 2, …
	changed  chan struct{}
}

func newWindow(o Options) *Window {
	w := &Window{maxBytes: o.MaxBytes, metrics: o.Metrics, keeper: o.Keep}
	w.nextMSN = sequenceAt(o.Now())
	// 128 a second are more than fit into the parts: no number comes twice within a year, restarts included.
	w.nextMessage = uint32(w.nextMSN) << 5
	w.cc = o.Discontinuity
	if len(o.Past) > 0 {
		past, err := parsePast(o.Past)
		if err != nil {
			o.Log.Warn("the playlists do not go on where they were before", "error", err)
		}
		w.resume(past, ticksAt(o.Now()))
	}
	w.lanes = make([]lane, 1)
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
	if w.lanes[0].hint == "" {
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
		w.past = nil
		w.publish()
		if w.keeper != nil {
			w.keeper(nil)
		}
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

// begin starts a session of so many renditions, for which there are lanes from now on. Its first segment
// follows a discontinuity if there was any before.
func (w *Window) begin(session string, renditions int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for len(w.lanes) < renditions {
		w.lanes = append(w.lanes, lane{})
	}
	w.session = session
	w.running, w.ended = true, false
	for i := range w.lanes {
		w.lanes[i].hint = ""
		if i < renditions {
			w.lanes[i].rate, w.lanes[i].frameRate = rateMeter{}, 0
		}
	}
	w.publish()
}

// breaks makes the next segment follow a discontinuity, if there is any before it. The open segment must
// be complete.
func (w *Window) breaks() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.broken = len(w.segments) > 0
}

// format changes a lane's initialization section; the open segment must be complete. standIn says that it
// is another lane's, whose rendition this one carries for now. The lane that is one more than there are
// joins with the next segment.
func (w *Window) format(i int, init *initSection, standIn bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if i == len(w.lanes) {
		w.lanes = append(w.lanes, lane{})
	}
	l := &w.lanes[i]
	l.init = init
	if !standIn || l.about == nil {
		l.about = init
	}
}

// piece is the next part of one lane.
type piece struct {
	data        []byte
	independent bool // begins with a key frame
	standIn     bool // another lane has the same data
}

// add appends a part to each lane, opening a segment if none is open. Readers see it after the next publish.
func (w *Window) add(pieces []piece, start, dur ticks, at time.Time) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.open == nil {
		w.openSegment(start)
	}
	for i := range pieces {
		s := w.open.lane(i)
		if s == nil {
			break // it joins with the next segment
		}
		piece, l := &pieces[i], &w.lanes[i]
		if l.hint == "" {
			l.hint = nameOf('p', w.nextPart, w.session, ".m4s")
		}
		p := &part{
			name: l.hint, data: piece.data, length: contentLength(len(piece.data)), start: start, dur: dur,
			independent: piece.independent,
		}
		s.parts = append(s.parts, p)
		s.bytes += len(piece.data)
		if !piece.standIn {
			s.held += len(piece.data)
			w.metrics.part(len(piece.data))
		}
		s.middle = appendPart(s.middle, p)
	}
	w.open.dur += dur
	w.nextPart++
	for i := range w.lanes {
		w.lanes[i].hint = nameOf('p', w.nextPart, w.session, ".m4s")
	}
	w.end, w.newest = start+dur, at
}

func (w *Window) openSegment(start ticks) {
	w.recall()
	s := &segment{msn: w.nextMSN, start: start, firstPart: w.nextPart, discontinuity: w.broken}
	if w.broken {
		w.cc++
		w.broken = false
		w.metrics.discontinuity()
	}
	s.cc = w.cc
	if len(w.lanes) > 1 {
		s.others = make([]*strand, len(w.lanes)-1)
	}
	for i := range w.lanes {
		if i > 0 {
			s.others[i-1] = new(strand)
		}
		*s.lane(i) = strand{
			name: nameOf('s', w.nextMSN, w.session, ".m4s"), init: w.lanes[i].init, parts: make([]*part, 0, 13),
			head: appendSegmentHead(nil, s), middle: make([]byte, 0, 1024),
		}
	}
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
	for i := range w.lanes {
		if l := s.lane(i); l != nil {
			l.length = contentLength(l.bytes)
			l.tail = appendSegmentTail(nil, l.name, s.dur)
			w.lanes[i].rate.segment(l, s.dur)
		}
	}
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
		size -= first.size()
		drop++
	}
	w.retired = append(w.retired[:len(w.retired):len(w.retired)], w.segments[:drop]...)
	w.segments = w.segments[drop:]
	gone, goneSize := totals(w.retired)
	for len(w.retired) > 0 && (total+gone > kept || size+goneSize > w.maxBytes) {
		gone -= w.retired[0].dur
		goneSize -= w.retired[0].size()
		w.retired = w.retired[1:]
	}
}

func totals(segments []*segment) (dur ticks, size int) {
	for _, s := range segments {
		dur += s.dur
		size += s.size()
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

// laneCount is how many lanes there are.
func (w *Window) laneCount() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.lanes)
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
		size += w.open.size()
	}
	return size > w.maxBytes/4
}

// empty tells whether no segment was ever completed.
func (w *Window) empty() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	n := len(w.segments)
	return n == 0 || w.segments[n-1].gap
}

// finish ends a session: nobody knows the next part's name.
func (w *Window) finish() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.running = false
	for i := range w.lanes {
		w.lanes[i].hint = ""
	}
	if !w.expected {
		w.endRanges()
	}
	w.publish()
}

// show makes what was added visible. rates are what the lanes' own renditions run at now, in frames per
// second; 0: as it was.
func (w *Window) show(rates ...float64) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for i, rate := range rates {
		if rate > 0 {
			w.lanes[i].frameRate = rate
		}
	}
	w.publish()
}

// publish replaces the snapshot and wakes who waits. The caller holds mu.
func (w *Window) publish() {
	s := &snapshot{
		segments: w.segments, retired: w.retired, open: w.open, nextMSN: w.nextMSN,
		running: w.running, ended: w.ended, closed: w.closed, plain: w.broadcast.Plain, newest: w.newest, changed: make(chan struct{}),
	}
	if len(w.lanes) > 1 {
		s.others = make([]*view, len(w.lanes)-1)
	}
	if first := s.first(); first != nil {
		w.tidyRanges(first)
		s.ranges = w.ranges
	}
	for i := range w.lanes {
		if i > 0 {
			s.others[i-1] = new(view)
		}
		w.lanes[i].look(s.lane(i), s, i)
	}
	for i := range w.lanes { // each playlist tells of the other lanes
		if v := s.lane(i); v.variant != nil {
			w.buf = appendPlaylist(w.buf[:0], s, i)
			v.playlist = newBody(w.buf)
		}
	}
	old := w.current.Swap(s)
	close(old.changed)
	w.keep()
}
