package channel

import (
	"context"
	"encoding/binary"
	"fmt"
	"log/slog"
	"math"
	"slices"
	"sync"
	"time"

	"github.com/streamcat/streamcat/internal/media"
	"github.com/streamcat/streamcat/internal/store"
)

const (
	historyStep  = 5 * time.Second
	historyRun   = 120         // points of a run: ten minutes
	historyWrite = time.Minute // between writes: what a crash may lose
	historyRuns  = 300         // that wait for a store that is away: more than the longest stream has
)

// Point is what was measured of a session within five seconds from Time on.
type Point struct {
	Time         time.Time // whole multiples of five seconds since 1970
	Views        int64     // at the end of these seconds
	Video, Audio media.Bitrate
	FrameRate    float64
	Keyframes    time.Duration // between key frames; zero if none is known
	Input        time.Duration // how much media came
}

// history is what was measured of one session: the last runs of points, until the store has them.
type history struct {
	mu     sync.Mutex
	runs   [][]Point // the last one still grows; those before it are not written yet
	dirty  bool      // there are points that the store does not have
	wrote  time.Time // when it was last tried
	saving bool
}

// add puts a point at the end.
func (h *history) add(p Point) {
	h.mu.Lock()
	defer h.mu.Unlock()
	last := len(h.runs) - 1
	switch {
	case last >= 0 && len(h.runs[last]) > 0 && !p.Time.After(h.runs[last][len(h.runs[last])-1].Time):
		return // the clock went back
	case last < 0 || len(h.runs[last]) == historyRun || p.Time.Sub(h.runs[last][0].Time) >= historyRun*historyStep:
		h.runs = append(h.runs, make([]Point, 0, historyRun))
		h.runs = h.runs[max(0, len(h.runs)-historyRuns):]
		last = len(h.runs) - 1
	}
	h.runs[last] = append(h.runs[last], p)
	h.dirty = true
}

// due says whether it is time to write, and takes the turn; done gives it back.
func (h *history) due(now time.Time) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	if !h.dirty || h.saving || now.Sub(h.wrote) < historyWrite {
		return false
	}
	h.saving, h.wrote = true, now
	return true
}

func (h *history) done() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.saving = false
}

// save writes what the store does not have, and forgets the runs that grow no more.
func (h *history) save(ctx context.Context, db *store.DB, streamID string) error {
	for {
		h.mu.Lock()
		if len(h.runs) == 0 || !h.dirty {
			h.mu.Unlock()
			return nil
		}
		run, n := slices.Clone(h.runs[0]), len(h.runs)
		h.mu.Unlock()
		if err := db.PutHistory(ctx, streamID, store.HistoryRun{Started: run[0].Time, Points: packPoints(run)}); err != nil {
			return err
		}
		h.mu.Lock()
		switch {
		case len(h.runs) > 0 && !h.runs[0][0].Time.Equal(run[0].Time): // it was dropped meanwhile
		case n > 1:
			h.runs = h.runs[1:]
		case len(h.runs[0]) == len(run):
			h.dirty = len(h.runs) > 1
		}
		h.mu.Unlock()
	}
}

// newest lists the points that are in memory, from a time on.
func (h *history) newest(from time.Time) (out []Point) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, run := range h.runs {
		for _, p := range run {
			if !p.Time.Before(from) {
				out = append(out, p)
			}
		}
	}
	return out
}

// A packed run is a byte for the form, the time of the first point in units of five seconds since 1970, and the
// points, each with its place after the first. All numbers have their least significant byte first.
const (
	pointsForm  = 1
	packedPoint = 19
)

func packPoints(points []Point) []byte {
	b := append(make([]byte, 0, 9+len(points)*packedPoint), pointsForm)
	first := points[0].Time.Unix() / int64(historyStep/time.Second)
	b = binary.LittleEndian.AppendUint64(b, uint64(first))
	for _, p := range points {
		b = append(b, byte(p.Time.Unix()/int64(historyStep/time.Second)-first))
		b = binary.LittleEndian.AppendUint32(b, capped[uint32](p.Views))
		b = binary.LittleEndian.AppendUint32(b, capped[uint32](int64(p.Video)))
		b = binary.LittleEndian.AppendUint32(b, capped[uint32](int64(p.Audio)))
		b = binary.LittleEndian.AppendUint16(b, capped[uint16](int64(math.Round(p.FrameRate*100))))
		b = binary.LittleEndian.AppendUint16(b, capped[uint16](int64(p.Keyframes/(10*time.Millisecond))))
		b = binary.LittleEndian.AppendUint16(b, capped[uint16](int64(p.Input/time.Millisecond)))
	}
	return b
}

func capped[T uint16 | uint32](v int64) T { return T(min(max(v, 0), int64(^T(0)))) }

func unpackPoints(b []byte) ([]Point, error) {
	if len(b) < 9 || b[0] != pointsForm || (len(b)-9)%packedPoint != 0 {
		return nil, fmt.Errorf("a run of %d bytes of history is not in form %d", len(b), pointsForm)
	}
	first := int64(binary.LittleEndian.Uint64(b[1:]))
	out := make([]Point, 0, (len(b)-9)/packedPoint)
	for b = b[9:]; len(b) > 0; b = b[packedPoint:] {
		out = append(out, Point{
			Time:      time.Unix((first+int64(b[0]))*int64(historyStep/time.Second), 0).UTC(),
			Views:     int64(binary.LittleEndian.Uint32(b[1:])),
			Video:     media.Bitrate(binary.LittleEndian.Uint32(b[5:])),
			Audio:     media.Bitrate(binary.LittleEndian.Uint32(b[9:])),
			FrameRate: float64(binary.LittleEndian.Uint16(b[13:])) / 100,
			Keyframes: time.Duration(binary.LittleEndian.Uint16(b[15:])) * 10 * time.Millisecond,
			Input:     time.Duration(binary.LittleEndian.Uint16(b[17:])) * time.Millisecond,
		})
	}
	return out, nil
}

// History lists what was measured of a session of a channel from one time to before another, oldest first. A
// session that the channel did not have, or whose retention is over, is NotFound.
func (m *Manager) History(ctx context.Context, channelARN, streamID string, from, before time.Time) ([]Point, error) {
	if _, err := m.d.DB.StreamSession(ctx, channelARN, streamID); err != nil {
		return nil, err
	}
	// Memory first: what leaves it is in the store by then.
	var fresh []Point
	if s := m.sessionOf(channelARN); s != nil && s.id == streamID {
		fresh = s.numbers.history.newest(from)
	}
	const run = historyRun * historyStep
	limit := int(max(0, before.Sub(from))/run) + 3
	runs, err := m.d.DB.History(ctx, streamID, from.Add(-run), before, 2*limit)
	if err != nil {
		return nil, err
	}
	var out []Point
	for _, r := range runs {
		points, err := unpackPoints(r.Points)
		if err != nil {
			return nil, fmt.Errorf("stream session %s: %w", streamID, err)
		}
		out = append(out, points...)
	}
	out = append(out, fresh...)
	slices.SortStableFunc(out, func(a, b Point) int { return a.Time.Compare(b.Time) })
	out = slices.CompactFunc(out, func(a, b Point) bool { return a.Time.Equal(b.Time) })
	return slices.DeleteFunc(out, func(p Point) bool { return p.Time.Before(from) || !p.Time.Before(before) }), nil
}

// saveHistory writes what was measured since the last time, if it is time. The caller holds Manager.mu.
func (m *Manager) saveHistory(s *session, now time.Time) {
	h := &s.numbers.history
	if m.closing || !h.due(now) {
		return
	}
	m.done.Go(func() {
		defer h.done()
		m.writeHistory(m.d.Log.With("channel", s.spec.ID, "stream", s.id), s)
	})
}

func (m *Manager) writeHistory(log *slog.Logger, s *session) {
	m.persist(log, "history", func(ctx context.Context) error { return s.numbers.history.save(ctx, m.d.DB, s.id) })
}
