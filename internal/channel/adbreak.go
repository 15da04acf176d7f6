package channel

import (
	"context"
	"time"

	"github.com/streamcat/streamcat/internal/arn"
	"github.com/streamcat/streamcat/internal/fault"
	"github.com/streamcat/streamcat/internal/hls"
	"github.com/streamcat/streamcat/internal/store"
)

// AdBreak is a stretch of a live stream that its owner set aside for advertisements.
type AdBreak struct {
	ID       string    // 12 letters or digits
	Start    time.Time // on the dates of the playlists
	Duration time.Duration
}

// Nothing is stitched into the stream, so the class of the mark is not Amazon's.
const (
	adBreakClass = "streamcat-ad-break"
	adBreakID    = "X-NET-LIVE-VIDEO-AD-AD-BREAK-ID" // the attribute in which Amazon's marks carry the id
)

// InsertAdBreak begins an ad break in a broadcasting channel and marks it in the playlists: NotLive if it
// is not broadcasting, Conflict while an earlier break runs.
func (m *Manager) InsertAdBreak(ctx context.Context, channelARN string, d time.Duration) (AdBreak, error) {
	c, s, err := m.broadcasting(channelARN)
	if err != nil {
		return AdBreak{}, err
	}
	now := m.d.Now()
	b := AdBreak{ID: arn.NewID(12), Start: now, Duration: d}
	if edge := c.pack.Edge(); !edge.IsZero() { // the encoder's clock may go other than ours
		b.Start = edge
	}
	b.Start = b.Start.UTC().Truncate(time.Millisecond)
	if !s.takeBreak(b, now) {
		return AdBreak{}, fault.InConflict("an ad break of channel %s is running", channelARN)
	}
	live, err := m.record(ctx, s, func(*store.StreamSession, *Record) []tale {
		return []tale{happened("Ad Break Inserted", adBreakChange, b.Start).
			with("ad_break_id", b.ID).
			with("duration_seconds", int64(d/time.Second)).
			with("target_start_time", b.Start.Format(time.RFC3339Nano))}
	})
	if err == nil && !live {
		err = offline(channelARN)
	}
	if err != nil {
		s.giveBack(b)
		return AdBreak{}, err
	}
	m.wake()
	c.pack.AddRange(hls.DateRange{
		ID: b.ID, Class: adBreakClass, Start: b.Start, Planned: d, Client: [][2]string{{adBreakID, b.ID}},
	})
	return b, nil
}

// takeBreak begins an ad break, unless one runs.
func (s *session) takeBreak(b AdBreak, now time.Time) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if now.Before(s.breakEnd) {
		return false
	}
	s.adBreak, s.breakEnd = b, now.Add(b.Duration)
	return true
}

// giveBack undoes takeBreak.
func (s *session) giveBack(b AdBreak) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.adBreak == b {
		s.adBreak, s.breakEnd = AdBreak{}, time.Time{}
	}
}
