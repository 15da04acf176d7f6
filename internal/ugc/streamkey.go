package ugc

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ivs"

	"github.com/streamcat/streamcat/internal/fault"
	"github.com/streamcat/streamcat/internal/store"
)

// MaskedKey is what stands where a stream key would: the key itself leaves the service only when its
// owner asks to see it, and the app keeps nothing of it.
const MaskedKey = "sk_••••••••••••••••••••••••"

// StreamKey gives a person's stream key, to be shown to them and nobody else. If the channel has lost
// its key, because a reset was cut off, it gets a new one.
func (a *App) StreamKey(ctx context.Context, userID string) (value string, err error) {
	c, err := a.rows.Channel(ctx, userID)
	if err != nil {
		return "", err
	}
	arn, err := a.findStreamKey(ctx, c)
	if err != nil {
		return "", err
	}
	if arn == "" {
		return a.makeStreamKey(ctx, c)
	}
	out, err := a.Channels.GetStreamKey(ctx, &ivs.GetStreamKeyInput{Arn: &arn})
	if err != nil {
		return "", asked("reading the stream key", err)
	}
	return aws.ToString(out.StreamKey.Value), nil
}

// ResetStreamKey takes a person's stream key out of use and makes another. A running broadcast goes on;
// an encoder that reconnects with the old key is refused.
func (a *App) ResetStreamKey(ctx context.Context, userID string) error {
	ctx = context.WithoutCancel(ctx) // between the two calls the channel has no key
	c, err := a.rows.Channel(ctx, userID)
	if err != nil {
		return err
	}
	arn, err := a.findStreamKey(ctx, c)
	if err != nil {
		return err
	}
	if arn != "" {
		_, err := a.Channels.DeleteStreamKey(ctx, &ivs.DeleteStreamKeyInput{Arn: &arn})
		if err := gone("removing the old stream key", err); err != nil {
			return err
		}
	}
	_, err = a.makeStreamKey(ctx, c)
	if err != nil && fault.Of(err) == fault.Quota {
		return nil // another tab of the same person was quicker: its key is as new as this one's
	}
	return err
}

// findStreamKey gives the ARN of a channel's key, of which a channel has at most one; "" if it has none.
func (a *App) findStreamKey(ctx context.Context, c store.AppChannel) (arn string, err error) {
	out, err := a.Channels.ListStreamKeys(ctx, &ivs.ListStreamKeysInput{ChannelArn: &c.ChannelARN})
	if err != nil {
		return "", asked("looking for the stream key", err)
	}
	if len(out.StreamKeys) == 0 {
		return "", nil
	}
	return aws.ToString(out.StreamKeys[0].Arn), nil
}

func (a *App) makeStreamKey(ctx context.Context, c store.AppChannel) (value string, err error) {
	out, err := a.Channels.CreateStreamKey(ctx, &ivs.CreateStreamKeyInput{
		ChannelArn: &c.ChannelARN, Tags: map[string]string{tagProject: a.Tag, tagUser: c.UserID},
	}, ivsOnce)
	if err != nil {
		return "", asked("making a stream key", err)
	}
	return aws.ToString(out.StreamKey.Value), nil
}
