package channel

import (
	"context"

	"github.com/streamcat/streamcat/internal/arn"
	"github.com/streamcat/streamcat/internal/fault"
)

// PutMetadata puts a text beside the picture that comes in now, where every player finds it; NotLive if
// the channel is not broadcasting.
func (m *Manager) PutMetadata(_ context.Context, channelARN, text string) error {
	c, _, err := m.broadcasting(channelARN)
	if err != nil {
		return err
	}
	err = c.pack.PutMetadata(text)
	if fault.Of(err) == fault.NotLive { // it is just ending
		return offline(channelARN)
	}
	return err
}

// broadcasting finds a channel that is live, and its session.
func (m *Manager) broadcasting(channelARN string) (*channel, *session, error) {
	if c := m.find(arn.ID(channelARN)); c != nil {
		if s := c.live(); s != nil && s.spec.ARN == channelARN && !s.startedAt().IsZero() {
			return c, s, nil
		}
	}
	return nil, nil, offline(channelARN)
}

func offline(channelARN string) error {
	return fault.Offline("channel %s is not broadcasting", channelARN)
}
