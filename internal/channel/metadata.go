package channel

import (
	"context"

	"github.com/streamcat/streamcat/internal/fault"
)

// PutMetadata lets every player of a broadcasting channel see a text beside the picture of this moment;
// NotLive if it is not broadcasting.
func (m *Manager) PutMetadata(ctx context.Context, channelARN, text string) error {
	if _, err := m.Live(ctx, channelARN); err != nil {
		return err
	}
	return fault.Down("metadata of %d bytes cannot be put yet", len(text))
}
