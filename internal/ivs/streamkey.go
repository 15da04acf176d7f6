package ivs

import (
	"context"

	"github.com/streamcat/streamcat/internal/api"
	"github.com/streamcat/streamcat/internal/arn"
	"github.com/streamcat/streamcat/internal/auth"
	"github.com/streamcat/streamcat/internal/fault"
	"github.com/streamcat/streamcat/internal/store"
)

// keyDoc is a stream key as the database keeps it: sealed, and found by a digest.
type keyDoc struct {
	ChannelArn string
	Sealed     []byte
	Digest     string
}

const (
	refChannel = "channel"
	refDigest  = "digest"

	// secretLength is that of the part of a stream key that cannot be guessed: 190 bits.
	secretLength = 32
)

// streamKeys is where keys are kept. A channel has at most one, which the database holds by making the
// channel a unique property.
func streamKeys(db *store.DB) *store.Collection[keyDoc] {
	return store.NewCollection(db, arn.StreamKey, func(d *keyDoc) []store.Ref {
		return []store.Ref{{Name: refChannel, Value: d.ChannelArn}, {Name: refDigest, Value: d.Digest}}
	}, refChannel, refDigest)
}

// digest gives what a stream key is found by.
func digest(k *auth.Keyring, key string) string { return k.Digest("stream-key", key) }

// newStreamKey makes and stores a key, within the transaction of ctx.
func (s *Service) newStreamKey(ctx context.Context, channelARN string, tags map[string]string) (*StreamKey, error) {
	name := s.minter.New(arn.StreamKey)
	value := "sk_" + s.minter.Region + "_" + arn.ID(channelARN) + "_" + arn.NewID(secretLength)
	sealed, err := s.seal(value, "stream-key", name)
	if err != nil {
		return nil, err
	}
	if _, err := s.keys.Insert(ctx, name, &keyDoc{channelARN, sealed, digest(s.keyring, value)}, tags); err != nil {
		return nil, err
	}
	return &StreamKey{Arn: &name, ChannelArn: &channelARN, Tags: orEmpty(tags), Value: new(api.Secret(value))}, nil
}

// keyOf gives the key of a channel, or nil.
func (s *Service) keyOf(ctx context.Context, channelARN string) (*store.Row[keyDoc], error) {
	row, err := s.keys.Find(ctx, store.Ref{Name: refChannel, Value: channelARN})
	if fault.Of(err) == fault.NotFound {
		return nil, nil
	}
	return row, err
}

// CreateStreamKey makes the key of a channel that has none: a channel has at most one.
func (s *Service) CreateStreamKey(ctx context.Context, in *CreateStreamKeyInput) (*CreateStreamKeyOutput, error) {
	var key *StreamKey
	err := s.db.Tx(ctx, func(ctx context.Context) (err error) {
		if _, err := lockOwn(ctx, s, s.channels, arn.Channel, in.ChannelArn); err != nil {
			return err
		}
		old, err := s.keyOf(ctx, in.ChannelArn)
		if err != nil {
			return err
		}
		if old != nil {
			return fault.OverQuota(1, "channel %s has a stream key already", in.ChannelArn)
		}
		key, err = s.newStreamKey(ctx, in.ChannelArn, in.Tags)
		return err
	})
	if err != nil {
		return nil, err
	}
	return &CreateStreamKeyOutput{StreamKey: key}, nil
}

func (s *Service) showKey(row *store.Row[keyDoc], tags map[string]string) (*StreamKey, error) {
	value, err := s.unseal(row.Doc.Sealed, "stream-key", row.ARN)
	if err != nil {
		return nil, err
	}
	return &StreamKey{Arn: &row.ARN, ChannelArn: &row.Doc.ChannelArn, Tags: tags, Value: value}, nil
}

// GetStreamKey tells a key's value.
func (s *Service) GetStreamKey(ctx context.Context, in *GetStreamKeyInput) (*GetStreamKeyOutput, error) {
	row, tags, err := read(ctx, s, s.keys, arn.StreamKey, in.Arn)
	if err != nil {
		return nil, err
	}
	key, err := s.showKey(row, tags)
	if err != nil {
		return nil, err
	}
	return &GetStreamKeyOutput{StreamKey: key}, nil
}

// BatchGetStreamKey tells the values of several keys, in the order asked, each once.
func (s *Service) BatchGetStreamKey(ctx context.Context, in *BatchGetStreamKeyInput) (*BatchGetStreamKeyOutput, error) {
	rows, err := s.keys.GetMany(ctx, in.Arns)
	if err != nil {
		return nil, err
	}
	tags, err := s.db.Tags(ctx, in.Arns...)
	if err != nil {
		return nil, err
	}
	out := &BatchGetStreamKeyOutput{StreamKeys: []StreamKey{}}
	out.Errors, err = batch(in.Arns, func(name string) error {
		if _, err := s.minter.Own(arn.StreamKey, name); err != nil {
			return err
		}
		row := rows[name]
		if row == nil {
			return fault.Missing("stream-key %s does not exist", name)
		}
		key, err := s.showKey(row, tags[name])
		if err == nil {
			out.StreamKeys = append(out.StreamKeys, *key)
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

// ListStreamKeys lists the keys of a channel without their values. As at AWS, a page holds one unless
// more are asked for.
func (s *Service) ListStreamKeys(ctx context.Context, in *ListStreamKeysInput) (*ListStreamKeysOutput, error) {
	if _, err := s.channel(ctx, in.ChannelArn); err != nil {
		return nil, err
	}
	p, err := list(ctx, s, s.keys, "ListStreamKeys", limit(in.MaxResults, 1), in.NextToken, store.Ref{Name: refChannel, Value: in.ChannelArn})
	if err != nil {
		return nil, err
	}
	out := &ListStreamKeysOutput{StreamKeys: []StreamKeySummary{}, NextToken: p.next}
	for i := range p.rows {
		row := &p.rows[i]
		out.StreamKeys = append(out.StreamKeys, StreamKeySummary{Arn: &row.ARN, ChannelArn: &row.Doc.ChannelArn, Tags: p.tags[row.ARN]})
	}
	return out, nil
}

// DeleteStreamKey removes a key. A running stream goes on; the next one with this key is refused.
func (s *Service) DeleteStreamKey(ctx context.Context, in *DeleteStreamKeyInput) (*DeleteStreamKeyOutput, error) {
	if _, err := s.minter.Own(arn.StreamKey, in.Arn); err != nil {
		return nil, err
	}
	if err := s.keys.Delete(ctx, in.Arn); err != nil {
		return nil, err
	}
	return &DeleteStreamKeyOutput{}, nil
}
