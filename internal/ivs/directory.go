package ivs

import (
	"context"

	"github.com/streamcat/streamcat/internal/arn"
	"github.com/streamcat/streamcat/internal/auth"
	"github.com/streamcat/streamcat/internal/channel"
	"github.com/streamcat/streamcat/internal/fault"
	"github.com/streamcat/streamcat/internal/store"
)

// Directory finds channels for the live side. It is a channel.Directory, and stands apart from Service so
// that the live side can be made before the service that asks it.
type Directory struct {
	keyring  *auth.Keyring
	minter   arn.Minter
	channels *store.Collection[channelDoc]
	keys     *store.Collection[keyDoc]
}

// NewDirectory makes a directory of the channels in db.
func NewDirectory(db *store.DB, keyring *auth.Keyring, minter arn.Minter) *Directory {
	return &Directory{keyring: keyring, minter: minter, channels: channels(db), keys: streamKeys(db)}
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

func (d *Directory) read(ctx context.Context, name string) (channel.Spec, error) {
	row, err := d.channels.Get(ctx, name)
	if err != nil {
		return channel.Spec{}, err
	}
	return row.Doc.spec(name), nil
}
