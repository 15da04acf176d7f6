package ivs

import (
	"context"
	"fmt"

	"github.com/streamcat/streamcat/internal/fault"
	"github.com/streamcat/streamcat/internal/store"
)

// Passphrase gives the SRT passphrase of the channel that a stream key belongs to. It is one for all keys
// of a channel, and is asked for before anybody is admitted. The fault for an unknown key does not repeat it.
func (d *Directory) Passphrase(ctx context.Context, key string) (string, error) {
	row, err := d.keys.Find(ctx, store.Ref{Name: refDigest, Value: digest(d.keyring, key)})
	if fault.Of(err) == fault.NotFound {
		return "", fault.Missing("no channel has this stream key")
	}
	if err != nil {
		return "", err
	}
	name := row.Doc.ChannelArn
	channel, err := d.channels.Get(ctx, name)
	if err != nil {
		return "", err
	}
	b, err := d.keyring.Open(channel.Doc.Passphrase, "passphrase "+name)
	if err != nil {
		return "", fmt.Errorf("open passphrase of %s: %w", name, err)
	}
	return string(b), nil
}
