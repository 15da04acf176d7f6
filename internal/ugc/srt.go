package ugc

import (
	"context"
	"net"
	"net/url"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ivs"

	"github.com/streamcat/streamcat/internal/fault"
)

// SRT is how an encoder publishes to a channel over SRT. Its JSON is the app's.
type SRT struct {
	// Address is all in one, as ffmpeg and OBS take it: srt://host:port?streamid=…&passphrase=….
	Address    string `json:"address"`
	Passphrase string `json:"passphrase"` // 10 to 79 characters (SRT, section 3.2.2)
}

const (
	maskedPassphrase = "••••••••••••••••••••••••"
	srtPort          = "9000" // where an endpoint names no port, as Amazon's never does
)

// MaskedSRT is what stands where a channel's SRT address and passphrase would, neither of which leaves the service
// before its owner asks to see them.
func MaskedSRT(server string) SRT {
	return SRT{server + "?streamid=" + MaskedKey + "&passphrase=" + maskedPassphrase, maskedPassphrase}
}

// SRT gives the way to publish to a person's channel over SRT, to be shown to them and nobody else. The fault is
// NotFound where the service takes no SRT.
func (a *App) SRT(ctx context.Context, userID string) (SRT, error) {
	c, err := a.rows.Channel(ctx, userID)
	if err != nil {
		return SRT{}, err
	}
	out, err := a.Channels.GetChannel(ctx, &ivs.GetChannelInput{Arn: &c.ChannelARN})
	if err != nil {
		return SRT{}, asked("finding the channel", err)
	}
	server := srtServer(out)
	if server == "" {
		return SRT{}, fault.Missing("the streaming service takes no SRT")
	}
	key, err := a.StreamKey(ctx, userID)
	if err != nil {
		return SRT{}, err
	}
	passphrase := aws.ToString(out.Channel.Srt.Passphrase)
	return SRT{server + "?streamid=" + url.QueryEscape(key) + "&passphrase=" + url.QueryEscape(passphrase), passphrase}, nil
}

// srtServer gives "srt://host:port" of a channel; "" where it has no endpoint or no passphrase.
func srtServer(out *ivs.GetChannelOutput) string {
	if out.Channel.Srt == nil || aws.ToString(out.Channel.Srt.Passphrase) == "" {
		return ""
	}
	switch host := aws.ToString(out.Channel.Srt.Endpoint); {
	case host == "":
		return ""
	case strings.Contains(host, ":"): // with its port: ours names it unless it is the usual one
		return "srt://" + host
	default:
		return "srt://" + net.JoinHostPort(host, srtPort)
	}
}
