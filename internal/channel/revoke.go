package channel

import (
	"context"

	"github.com/streamcat/streamcat/internal/fault"
)

// Revoke ends what a viewer watches of a channel with tokens of a session version up to upTo, and
// refuses such tokens from now on.
func (m *Manager) Revoke(_ context.Context, channelARN, viewerID string, upTo int64) error {
	return fault.Down("viewers of %s cannot be revoked yet", channelARN)
}
