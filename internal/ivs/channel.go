package ivs

import (
	"context"

	"github.com/streamcat/streamcat/internal/arn"
	"github.com/streamcat/streamcat/internal/fault"
	"github.com/streamcat/streamcat/internal/store"
)

// passphraseLength is that of Amazon's SRT passphrases; the protocol takes 10 to 79.
const passphraseLength = 69

// CreateChannel makes a channel and its stream key. The tags are the channel's only.
func (s *Service) CreateChannel(ctx context.Context, in *CreateChannelInput) (*CreateChannelOutput, error) {
	settings := &UpdateChannelInput{
		Name: in.Name, Type: in.Type, LatencyMode: in.LatencyMode, Preset: in.Preset, ContainerFormat: in.ContainerFormat,
		Authorized: in.Authorized, InsecureIngest: in.InsecureIngest, MultitrackInputConfiguration: in.MultitrackInputConfiguration,
		RecordingConfigurationArn: in.RecordingConfigurationArn, PlaybackRestrictionPolicyArn: in.PlaybackRestrictionPolicyArn,
		AdConfigurationArn: in.AdConfigurationArn,
	}
	doc := newChannel()
	err := doc.change(settings)
	if err != nil {
		return nil, err
	}
	name := s.minter.New(arn.Channel)
	if doc.Passphrase, err = s.seal(arn.NewID(passphraseLength), "passphrase", name); err != nil {
		return nil, err
	}
	var key *StreamKey
	err = s.db.Tx(ctx, func(ctx context.Context) error {
		switch state, err := s.lockReferences(ctx, settings); {
		case err != nil:
			return err
		case state != RecordingConfigurationStateActive:
			return broken("recordingConfigurationArn", "is not active yet")
		}
		if _, err := s.channels.InsertWithin(ctx, s.quotas[arn.Channel], name, &doc, in.Tags); err != nil {
			return err
		}
		key, err = s.newStreamKey(ctx, name, nil)
		return err
	})
	if err != nil {
		return nil, err
	}
	c, err := s.show(name, &doc, orEmpty(in.Tags))
	if err != nil {
		return nil, err
	}
	return &CreateChannelOutput{Channel: c, StreamKey: key}, nil
}

// lockReferences wants everything that a request gives to a channel to exist here, and keeps it from being
// deleted until the transaction of ctx ends. It gives the state of the recording configuration: ACTIVE if
// there is none.
func (s *Service) lockReferences(ctx context.Context, in *UpdateChannelInput) (state string, err error) {
	state = RecordingConfigurationStateActive
	if name := text(in.RecordingConfigurationArn); name != "" {
		row, err := lockOwn(ctx, s, s.recordings, arn.RecordingConfiguration, name)
		if err != nil {
			return "", err
		}
		state = recordingState(row.Created, s.now())
	}
	if name := text(in.PlaybackRestrictionPolicyArn); name != "" {
		if _, err := lockOwn(ctx, s, s.policies, arn.PlaybackRestrictionPolicy, name); err != nil {
			return "", err
		}
	}
	if name := text(in.AdConfigurationArn); name != "" {
		if _, err := lockOwn(ctx, s, s.ads, arn.AdConfiguration, name); err != nil {
			return "", err
		}
	}
	return state, nil
}

// channel reads one of our own channels.
func (s *Service) channel(ctx context.Context, name string) (*store.Row[channelDoc], error) {
	if _, err := s.minter.Own(arn.Channel, name); err != nil {
		return nil, err
	}
	return s.channels.Get(ctx, name)
}

// GetChannel tells of one channel.
func (s *Service) GetChannel(ctx context.Context, in *GetChannelInput) (*GetChannelOutput, error) {
	row, err := s.channel(ctx, in.Arn)
	if err != nil {
		return nil, err
	}
	c, err := s.withTags(ctx, row)
	if err != nil {
		return nil, err
	}
	return &GetChannelOutput{Channel: c}, nil
}

func (s *Service) withTags(ctx context.Context, row *store.Row[channelDoc]) (*Channel, error) {
	tags, err := s.db.Tags(ctx, row.ARN)
	if err != nil {
		return nil, err
	}
	return s.show(row.ARN, &row.Doc, tags[row.ARN])
}

// BatchGetChannel tells of several channels, in the order asked, each once.
func (s *Service) BatchGetChannel(ctx context.Context, in *BatchGetChannelInput) (*BatchGetChannelOutput, error) {
	rows, err := s.channels.GetMany(ctx, in.Arns)
	if err != nil {
		return nil, err
	}
	tags, err := s.db.Tags(ctx, in.Arns...)
	if err != nil {
		return nil, err
	}
	out := &BatchGetChannelOutput{Channels: []Channel{}}
	out.Errors, err = batch(in.Arns, func(name string) error {
		if _, err := s.minter.Own(arn.Channel, name); err != nil {
			return err
		}
		row := rows[name]
		if row == nil {
			return fault.Missing("channel %s does not exist", name)
		}
		c, err := s.show(name, &row.Doc, tags[name])
		if err == nil {
			out.Channels = append(out.Channels, *c)
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

// ListChannels lists channels, newest first. At most one filter is allowed; as at AWS, two are a conflict
// and not an invalid request.
func (s *Service) ListChannels(ctx context.Context, in *ListChannelsInput) (*ListChannelsOutput, error) {
	var filters []store.Ref
	for _, f := range []store.Ref{
		{Name: refName, Value: text(in.FilterByName)},
		{Name: refRecording, Value: text(in.FilterByRecordingConfigurationArn)},
		{Name: refRestriction, Value: text(in.FilterByPlaybackRestrictionPolicyArn)},
		{Name: refAds, Value: text(in.FilterByAdConfigurationArn)},
	} {
		if f.Value != "" {
			filters = append(filters, f)
		}
	}
	if len(filters) > 1 {
		return nil, fault.InConflict("only one filter can be used at a time")
	}
	p, err := list(ctx, s, s.channels, "ListChannels", limit(in.MaxResults, 100), in.NextToken, filters...)
	if err != nil {
		return nil, err
	}
	out := &ListChannelsOutput{Channels: []ChannelSummary{}, NextToken: p.next}
	for i := range p.rows {
		out.Channels = append(out.Channels, summarize(&p.rows[i], p.tags[p.rows[i].ARN]))
	}
	return out, nil
}

// UpdateChannel changes a channel that nobody publishes to.
func (s *Service) UpdateChannel(ctx context.Context, in *UpdateChannelInput) (*UpdateChannelOutput, error) {
	if _, err := s.minter.Own(arn.Channel, in.Arn); err != nil {
		return nil, err
	}
	var row *store.Row[channelDoc]
	err := s.db.Tx(ctx, func(ctx context.Context) (err error) {
		if row, err = s.channels.Update(ctx, in.Arn, func(d *channelDoc) error { return d.change(in) }); err != nil {
			return err
		}
		state, err := s.lockReferences(ctx, in)
		if err != nil {
			return err
		}
		if state != RecordingConfigurationStateActive {
			return fault.InConflict("recording configuration %s is not active yet", text(in.RecordingConfigurationArn))
		}
		return s.idle(in.Arn)
	})
	if err != nil {
		return nil, err
	}
	if err := s.cut(ctx, in.Arn); err != nil {
		return nil, err
	}
	c, err := s.withTags(ctx, row)
	if err != nil {
		return nil, err
	}
	return &UpdateChannelOutput{Channel: c}, nil
}

// DeleteChannel removes a channel that nobody publishes to, with its stream key.
func (s *Service) DeleteChannel(ctx context.Context, in *DeleteChannelInput) (*DeleteChannelOutput, error) {
	if _, err := s.minter.Own(arn.Channel, in.Arn); err != nil {
		return nil, err
	}
	err := s.db.Tx(ctx, func(ctx context.Context) error {
		if err := s.channels.Delete(ctx, in.Arn); err != nil {
			return err
		}
		if err := s.idle(in.Arn); err != nil {
			return err
		}
		key, err := s.keyOf(ctx, in.Arn)
		if err != nil || key == nil {
			return err
		}
		return s.keys.Delete(ctx, key.ARN)
	})
	if err != nil {
		return nil, err
	}
	if err := s.cut(ctx, in.Arn); err != nil {
		return nil, err
	}
	return &DeleteChannelOutput{}, nil
}

// idle wants nobody to publish to a channel.
func (s *Service) idle(name string) error {
	if s.live.Busy(name) {
		return fault.InConflict("channel %s is live: stop its stream first", name)
	}
	return nil
}

// cut ends a stream that began while its channel was being changed or deleted: its encoder was let in by
// what the channel was before. One that comes back is judged by what it is now.
func (s *Service) cut(ctx context.Context, name string) error {
	if err := s.live.Stop(ctx, name); err != nil && fault.Of(err) != fault.NotLive {
		return err
	}
	return nil
}
