package stage

import (
	"math"
	"time"

	"github.com/streamcat/streamcat/internal/rtc"
	"github.com/streamcat/streamcat/internal/sfu"
)

const (
	// ratesEvery is how often sockets are told that encodings need more or less than before, if that is all.
	ratesEvery = 5 * time.Second
	// Rates that differ by less than this from those that were told are the same.
	rateApart      = 0.25
	frameRateApart = 4
)

// menu is what is told of the encodings among which each subscriber of a participant's picture gets one. It is guarded
// by stage.mu.
type menu struct {
	list    []layerFrame // never nil once it was told
	version uint64       // of the list; 0: there was none yet
	rated   time.Time    // when the list was made
	source  *sfu.Source  // that was looked at last,
	turns   uint64       // and its Turns then
}

// layerFrame is an encoding as sockets are told of it.
type layerFrame struct {
	Label           string `json:"label"`
	Width           int    `json:"width"`
	Height          int    `json:"height"`
	BitrateBps      int    `json:"bitrateBps"`
	FramesPerSecond int    `json:"framesPerSecond"`
}

// layersFrame is the payload of LAYERS.
type layersFrame struct {
	ParticipantID string       `json:"participantId"`
	Session       string       `json:"session"`
	Layers        []layerFrame `json:"layers"`
	Selected      string       `json:"selected,omitempty"`
	Reason        string       `json:"reason,omitempty"`
}

// Why an encoding goes out: by wish or by what the line has room for, or since the one before does not come any more.
const (
	layerSelected    = "selected"
	layerUnavailable = "unavailable"
)

// look takes what there is now, and says whether there is something to tell of.
func (m *menu) look(s *sfu.Source, now time.Time) (news bool) {
	turns := s.Turns()
	list, ok := s.Layers(now)
	if !ok && s != m.source {
		return false // the list is of the one before
	}
	news = m.version > 0 && (s != m.source || turns != m.turns)
	m.source, m.turns = s, turns
	if ok && m.take(list, now) {
		news = true
	}
	return news
}

// take takes a list of encodings, and says whether sockets are to be told of it.
func (m *menu) take(list []sfu.Layer, now time.Time) (news bool) {
	if len(list) == 0 && m.version == 0 {
		return false
	}
	next := make([]layerFrame, 0, len(list))
	for _, l := range list {
		next = append(next, layerFrame{l.Name, l.Width, l.Height, rounded(l.Bitrate), l.FrameRate})
	}
	others, apart := differ(m.list, next)
	if m.version > 0 && !others && (!apart || now.Sub(m.rated) < ratesEvery) {
		return false
	}
	m.list, m.rated = next, now
	m.version++
	return true
}

// differ compares lists of encodings: whether they are others, or need something else.
func differ(a, b []layerFrame) (others, apart bool) {
	if len(a) != len(b) {
		return true, true
	}
	for i, l := range a {
		o := b[i]
		others = others || l.Label != o.Label || l.Width != o.Width || l.Height != o.Height
		apart = apart || math.Abs(float64(o.BitrateBps-l.BitrateBps)) > rateApart*float64(l.BitrateBps) ||
			max(o.FramesPerSecond-l.FramesPerSecond, l.FramesPerSecond-o.FramesPerSecond) >= frameRateApart
	}
	return others, apart
}

// rounded gives a rate with two digits that count.
func rounded(rate int) int {
	unit := 1
	for rate/unit >= 100 {
		unit *= 10
	}
	return (rate + unit/2) / unit * unit
}

// has says whether an encoding is in the list.
func (m *menu) has(label string) bool {
	for _, l := range m.list {
		if l.Label == label {
			return true
		}
	}
	return false
}

// tellLayers tells those who watch pictures of several encodings what is new of those. It runs every sfu.LoudEvery.
func (st *stage) tellLayers() {
	now := st.m.now()
	for _, f := range st.feeds {
		if f.publisher == nil {
			continue
		}
		s := f.publisher.picture.Load()
		if s != nil && (f.menu.look(s, now) || st.newcomers && f.menu.version > 0 && f.menu.source == s) {
			for w := range f.watchers {
				st.tellOne(w, s)
			}
		}
	}
	st.newcomers = false
}

// layersTold is what a watcher's socket knows.
type layersTold struct {
	socket        *socket
	version       uint64
	label, reason string // of what goes out, and why; empty: the picture has one encoding
}

// tellOne tells a watcher's socket of the encodings, and which of them goes out, if that is news. While none of them does,
// since the one that did has stopped and another is waited for, it is told nothing.
func (st *stage) tellOne(w *watcher, s *sfu.Source) {
	o, socket, m := w.outlets[index(rtc.Video)], w.viewer.socket, &w.feed.menu
	if o == nil || socket == nil || !st.roster.knows(socket) {
		return
	}
	next := layersTold{socket: socket, version: m.version}
	if len(m.list) > 0 {
		next.label, next.reason = o.down.Shows(s), layerSelected
		switch {
		case !m.has(next.label):
			return
		case next.label == w.told.label:
			next.reason = w.told.reason
		case w.told.label != "" && !m.has(w.told.label):
			next.reason = layerUnavailable
		}
	} else if w.told.version == 0 {
		return
	}
	if next != w.told {
		w.told = next
		socket.offer(encode("LAYERS", layersFrame{w.feed.id, w.session, m.list, next.label, next.reason}))
	}
}
