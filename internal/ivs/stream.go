package ivs

import (
	"context"
	"strings"

	"github.com/streamcat/streamcat/internal/api"
	"github.com/streamcat/streamcat/internal/channel"
	"github.com/streamcat/streamcat/internal/store"
)

// GetStream tells of the live stream of a channel.
func (s *Service) GetStream(ctx context.Context, in *GetStreamInput) (*GetStreamOutput, error) {
	if _, err := s.channel(ctx, in.ChannelArn); err != nil {
		return nil, err
	}
	l, err := s.live.Live(ctx, in.ChannelArn)
	if err != nil {
		return nil, err
	}
	return &GetStreamOutput{Stream: &Stream{
		ChannelArn: &l.ARN, Health: new(string(l.Health)), PlaybackUrl: new(s.playbackURL(l.ARN)),
		StartTime: &api.Seconds{Time: l.Started}, State: new(StreamStateLive), StreamId: &l.StreamID, ViewerCount: &l.Viewers,
	}}, nil
}

// ListStreams lists the live streams, newest first.
func (s *Service) ListStreams(ctx context.Context, in *ListStreamsInput) (*ListStreamsOutput, error) {
	health := ""
	if in.FilterBy != nil {
		health = text(in.FilterBy.Health)
	}
	listing := []string{"ListStreams", health}
	after, err := api.Page[store.Cursor](in.NextToken, listing...)
	if err != nil {
		return nil, err
	}
	out := &ListStreamsOutput{Streams: []StreamSummary{}}
	size := limit(in.MaxResults, 100)
	var last store.Cursor
	for _, l := range s.live.LiveAll(ctx) {
		if health != "" && string(l.Health) != health || after != nil && !comesAfter(l, *after) {
			continue
		}
		if len(out.Streams) == size {
			out.NextToken = api.NextToken(&last, listing...)
			break
		}
		out.Streams = append(out.Streams, StreamSummary{
			ChannelArn: &l.ARN, Health: new(string(l.Health)), StartTime: &api.Seconds{Time: l.Started},
			State: new(StreamStateLive), StreamId: &l.StreamID, ViewerCount: &l.Viewers,
		})
		last = store.Cursor{Time: l.Started.UnixNano(), ARN: l.ARN}
	}
	return out, nil
}

// comesAfter tells whether a stream stands behind a place in the order of LiveAll: newest first, then
// by name.
func comesAfter(l channel.Live, c store.Cursor) bool {
	at := l.Started.UnixNano()
	return at < c.Time || at == c.Time && strings.Compare(l.ARN, c.ARN) > 0
}

// StopStream cuts the encoder off a channel. It may come back as long as its key exists.
func (s *Service) StopStream(ctx context.Context, in *StopStreamInput) (*StopStreamOutput, error) {
	if _, err := s.channel(ctx, in.ChannelArn); err != nil {
		return nil, err
	}
	if err := s.live.Stop(ctx, in.ChannelArn); err != nil {
		return nil, err
	}
	return &StopStreamOutput{}, nil
}

// maxMetadata is how many bytes one piece of timed metadata has at most.
const maxMetadata = 1024

// PutMetadata lets the players of a live channel see a text beside the picture of this moment.
func (s *Service) PutMetadata(ctx context.Context, in *PutMetadataInput) (*PutMetadataOutput, error) {
	if len(in.Metadata) > maxMetadata {
		return nil, broken("metadata", "must be at most 1024 bytes of UTF-8")
	}
	if _, err := s.channel(ctx, in.ChannelArn); err != nil {
		return nil, err
	}
	if err := s.live.PutMetadata(ctx, in.ChannelArn, in.Metadata); err != nil {
		return nil, err
	}
	return &PutMetadataOutput{}, nil
}
