package channel

import (
	"context"
	"time"

	"github.com/streamcat/streamcat/internal/fault"
	"github.com/streamcat/streamcat/internal/media"
	"github.com/streamcat/streamcat/internal/store"
)

// What AWS takes of an encoder.
const (
	maxPixels      = 1920 * 1080
	maxEdge        = 1920
	maxBitrate     = 8_500_000
	maxBasic       = 3_500_000 // of a BASIC channel, whose viewers get what comes in
	maxBasicSmall  = 1_500_000 // of a BASIC channel, up to smallHeight
	smallHeight    = 480
	bitrateMeasure = 10 * time.Second // one key frame must not count as a bitrate
	maxStream      = 48 * time.Hour   // of one stream, which may begin again
)

// excess is a limit of ingest that a stream passes.
type excess struct {
	name, unit string
	limit, by  int64
}

// measure is how much had come of a stream at a time.
type measure struct {
	at    time.Time
	bytes int64
}

// tooLarge tells which limit the largest of the pictures passes; not ok if none.
func tooLarge(videos []*media.Track) (e excess, ok bool) {
	pixels, edge := int64(0), int64(0)
	for _, v := range videos {
		pixels, edge = max(pixels, int64(v.Width)*int64(v.Height)), max(edge, int64(max(v.Width, v.Height)))
	}
	switch {
	case pixels > maxPixels:
		return excess{"Ingest Resolution", "total pixels", maxPixels, pixels - maxPixels}, true
	case edge > maxEdge:
		return excess{"Ingest Resolution", "pixels per edge", maxEdge, edge - maxEdge}, true
	}
	return e, false
}

// bitrateLimit is what may come of a stream of a channel type, all tracks together. On a BASIC channel the
// shorter edge of the largest picture counts.
func bitrateLimit(channelType string, videos []*media.Track) int64 {
	if channelType != "BASIC" {
		return maxBitrate
	}
	lines := 0
	for _, v := range videos {
		lines = max(lines, min(v.Width, v.Height))
	}
	if 0 < lines && lines <= smallHeight {
		return maxBasicSmall
	}
	return maxBasic
}

// passes tells which limit of ingest a session passes, and measures its bitrate meanwhile.
func (s *session) passes(now time.Time) (e excess, ok bool) {
	videos, _ := s.renditions()
	if e, ok := tooLarge(videos); ok {
		return e, true
	}
	bytes := s.written()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.measured.at.IsZero() {
		s.measured = measure{now, bytes}
		return e, false
	}
	took := now.Sub(s.measured.at)
	if took < bitrateMeasure {
		return e, false
	}
	rate := int64(float64(bytes-s.measured.bytes) * 8 / took.Seconds())
	s.measured = measure{now, bytes}
	if limit := bitrateLimit(s.spec.Type, videos); rate > limit {
		return excess{"Ingest Bitrate", "bits per second", limit, rate - limit}, true
	}
	return e, false
}

// watchIngest cuts a live stream that passes a limit, and tells which. The caller holds Manager.mu and comes
// often.
func (m *Manager) watchIngest(s *session, now time.Time) {
	if !m.d.LimitIngest || m.closing || s.startedAt().IsZero() || s.ending() {
		return
	}
	if now.Sub(s.startedAt()) > maxStream { // AWS has no event for this
		s.stop(fault.OverQuota(int(maxStream.Hours()), "a stream lasts at most %d hours", int(maxStream.Hours())))
		return
	}
	e, ok := s.passes(now)
	if !ok || !s.excessive.CompareAndSwap(false, true) {
		return
	}
	m.done.Go(func() {
		log := m.d.Log.With("channel", s.spec.ID, "stream", s.id)
		log.Warn("a stream passes a limit and is cut", "limit_name", e.name, "limit_value", e.limit, "exceeded_by", e.by)
		m.persist(log, "limit breach", func(ctx context.Context) error { return m.tellExcess(ctx, s, e, now) })
		s.stop(fault.OverQuota(int(e.limit), "%s is limited to %d %s", e.name, e.limit, e.unit))
		m.wake()
	})
}

// tellExcess writes that a stream passed a limit, after its Stream Start.
func (m *Manager) tellExcess(ctx context.Context, s *session, e excess, at time.Time) error {
	if err := m.start(ctx, s); err != nil {
		return err
	}
	_, err := m.record(ctx, s, func(*store.StreamSession, *Record) []tale {
		return []tale{happened(e.name, limitBreach, at).
			with("limit_value", e.limit).with("exceeded_by", e.by).with("limit_unit", e.unit)}
	})
	return err
}
