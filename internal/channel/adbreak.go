package channel

import (
	"context"
	"time"

	"github.com/streamcat/streamcat/internal/fault"
)

// AdBreak is a stretch of a live stream that its owner set aside for advertisements.
type AdBreak struct {
	ID       string // 12 letters or digits
	Start    time.Time
	Duration time.Duration
}

// InsertAdBreak begins an ad break in a broadcasting channel: NotLive if it is not, Conflict while one
// runs.
func (m *Manager) InsertAdBreak(ctx context.Context, channelARN string, d time.Duration) (AdBreak, error) {
	if _, err := m.Live(ctx, channelARN); err != nil {
		return AdBreak{}, err
	}
	return AdBreak{}, fault.Down("ad breaks cannot be inserted yet")
}
