package hls

import "encoding/json"

// timeOwner describes the text that tells players where in its stream a segment stands.
const timeOwner = "streamcat.session-time"

// Broadcast is what the Runs to come belong to.
type Broadcast struct {
	// StreamID is the stream's id in the API. Each segment then begins with timed metadata that names it,
	// so that whoever replays the stream's chat knows the moment; empty: there is none.
	StreamID string

	// Plain leaves out of the playlist what low latency needs: parts, hints, and the promise of blocking
	// reload. Players then stay three target durations behind.
	Plain bool
}

// Announce tells of the broadcast that the next Run belongs to. Runs of the same StreamID are one
// stream, whose time goes on from one to the next. While a Run is adding media it must not be called.
func (w *Window) Announce(b Broadcast) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if b.StreamID != w.broadcast.StreamID {
		w.streamStart, w.streamBegun = 0, false
	}
	w.broadcast = b
}

// sessionTime is the text of a segment that begins at t: the stream's id, the seconds since its first
// picture, and the date, which is that of EXT-X-PROGRAM-DATE-TIME. The caller holds mu.
func (w *Window) sessionTime(t ticks) message {
	if !w.streamBegun {
		w.streamStart, w.streamBegun = t, true
	}
	text, err := json.Marshal(struct {
		StreamID string  `json:"streamId"`
		Time     float64 `json:"time"`
		UTC      string  `json:"utc"`
	}{
		w.broadcast.StreamID, float64((t - w.streamStart).duration().Milliseconds()) / 1000,
		t.date().UTC().Format("2006-01-02T15:04:05.000Z"),
	})
	if err != nil {
		panic(err) // there is nothing in it that has no JSON
	}
	m := message{w.nextMessage, newID3(timeOwner, string(text))}
	w.nextMessage++
	return m
}
