package ivs

import (
	"context"
	"crypto/ecdsa"
	"fmt"

	"github.com/streamcat/streamcat/internal/arn"
	"github.com/streamcat/streamcat/internal/auth"
	"github.com/streamcat/streamcat/internal/channel"
	"github.com/streamcat/streamcat/internal/fault"
	"github.com/streamcat/streamcat/internal/store"
)

// Directory finds channels for the live side. It is a channel.Directory, and stands apart from Service so
// that the live side can be made before the service that asks it.
type Directory struct {
	db           *store.DB
	keyring      *auth.Keyring
	minter       arn.Minter
	channels     *store.Collection[channelDoc]
	keys         *store.Collection[keyDoc]
	playbackKeys *store.Collection[playbackKeyDoc]
	policies     *store.Collection[policyDoc]
	recordings   *store.Collection[recordingDoc]
}

// NewDirectory makes a directory of the channels in db.
func NewDirectory(db *store.DB, keyring *auth.Keyring, minter arn.Minter) *Directory {
	return &Directory{
		db: db, keyring: keyring, minter: minter,
		channels: channels(db), keys: streamKeys(db), playbackKeys: playbackKeys(db), policies: policies(db), recordings: recordings(db),
	}
}

// ByStreamKey finds the channel that a stream key belongs to. The fault for an unknown key does not
// repeat it.
func (d *Directory) ByStreamKey(ctx context.Context, key string) (channel.Spec, error) {
	row, err := d.keys.Find(ctx, store.Ref{Name: refDigest, Value: digest(d.keyring, key)})
	if fault.Of(err) == fault.NotFound {
		return channel.Spec{}, fault.Missing("no channel has this stream key")
	}
	if err != nil {
		return channel.Spec{}, err
	}
	return d.read(ctx, row.Doc.ChannelArn)
}

// Channel finds a channel by the last part of its name.
func (d *Directory) Channel(ctx context.Context, id string) (channel.Spec, error) {
	name := d.minter.Of(arn.Channel, id)
	if _, err := d.minter.Own(arn.Channel, name); err != nil {
		return channel.Spec{}, fault.Missing("no channel has this id")
	}
	return d.read(ctx, name)
}

// PlaybackKeys gives the keys that may have signed a playback token: all there are.
func (d *Directory) PlaybackKeys(ctx context.Context) ([]*ecdsa.PublicKey, error) {
	var keys []*ecdsa.PublicKey
	for after := (*store.Cursor)(nil); ; {
		rows, next, err := d.playbackKeys.List(ctx, store.Query{Limit: 100, After: after})
		if err != nil {
			return nil, err
		}
		for i := range rows {
			key, err := parsePlaybackKey(rows[i].Doc.PEM)
			if err != nil {
				return nil, fmt.Errorf("playback key %s: %w", rows[i].ARN, err)
			}
			keys = append(keys, key)
		}
		if after = next; next == nil {
			return keys, nil
		}
	}
}

// Policy gives a playback restriction policy as it stands now.
func (d *Directory) Policy(ctx context.Context, name string) (channel.Policy, error) {
	row, err := d.policies.Get(ctx, name)
	if err != nil {
		return channel.Policy{}, err
	}
	p := &row.Doc
	return channel.Policy{AllowedCountries: p.AllowedCountries, AllowedOrigins: p.AllowedOrigins, StrictOrigin: p.Strict}, nil
}

func (d *Directory) read(ctx context.Context, name string) (channel.Spec, error) {
	row, err := d.channels.Get(ctx, name)
	if err != nil {
		return channel.Spec{}, err
	}
	spec := row.Doc.spec(name)
	spec.Snapshot, err = d.snapshot(ctx, row)
	return spec, err
}
