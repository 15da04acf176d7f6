package ivs

import (
	"context"

	"github.com/streamcat/streamcat/internal/arn"
	"github.com/streamcat/streamcat/internal/fault"
)

// StartViewerSessionRevocation stops a viewer of a channel: what was begun with a token of a session version
// up to the given one, 0 unless given, is cut, and such a token begins nothing any more.
func (s *Service) StartViewerSessionRevocation(ctx context.Context, in *StartViewerSessionRevocationInput) (*StartViewerSessionRevocationOutput, error) {
	if _, err := s.channel(ctx, in.ChannelArn); err != nil {
		return nil, err
	}
	if err := s.live.Revoke(ctx, in.ChannelArn, in.ViewerId, version(in.ViewerSessionVersionsLessThanOrEqualTo)); err != nil {
		return nil, err
	}
	return &StartViewerSessionRevocationOutput{}, nil
}

func version(given *int) int64 {
	if given == nil {
		return 0
	}
	return int64(*given)
}

// BatchStartViewerSessionRevocation does the same for several pairs of viewer and channel, of which some may
// fail.
func (s *Service) BatchStartViewerSessionRevocation(ctx context.Context, in *BatchStartViewerSessionRevocationInput) (*BatchStartViewerSessionRevocationOutput, error) {
	names := make([]string, len(in.ViewerSessions))
	for i, v := range in.ViewerSessions {
		names[i] = v.ChannelArn
	}
	rows, err := s.channels.GetMany(ctx, names)
	if err != nil {
		return nil, err
	}
	out := &BatchStartViewerSessionRevocationOutput{Errors: []BatchStartViewerSessionRevocationError{}}
	for _, v := range in.ViewerSessions {
		_, err := s.minter.Own(arn.Channel, v.ChannelArn)
		switch {
		case err != nil:
		case rows[v.ChannelArn] == nil:
			err = fault.Missing("channel %s does not exist", v.ChannelArn)
		default:
			err = s.live.Revoke(ctx, v.ChannelArn, v.ViewerId, version(v.ViewerSessionVersionsLessThanOrEqualTo))
		}
		if err == nil {
			continue
		}
		code := itemCode(err)
		if code == "" {
			return nil, err
		}
		out.Errors = append(out.Errors, BatchStartViewerSessionRevocationError{
			ChannelArn: v.ChannelArn, ViewerId: v.ViewerId, Code: &code, Message: new(fault.Message(err)),
		})
	}
	return out, nil
}
