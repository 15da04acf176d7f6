package ivs

import (
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"

	sdk "github.com/aws/aws-sdk-go-v2/service/ivs"
	"github.com/aws/aws-sdk-go-v2/service/ivs/types"

	"github.com/streamcat/streamcat/internal/arn"
)

// tailored names n playback configurations of MediaTailor.
func tailored(n int) []types.MediaTailorPlaybackConfiguration {
	out := []types.MediaTailorPlaybackConfiguration{}
	for i := range n {
		out = append(out, types.MediaTailorPlaybackConfiguration{
			PlaybackConfigurationArn: new(fmt.Sprintf("arn:aws:mediatailor:us-east-1:123456789012:playbackConfiguration/ads-%d", i)),
		})
	}
	return out
}

func TestAnAdConfigurationLivesThroughTheSDK(t *testing.T) {
	w := newWorld(t, time.Now())
	c, ctx := w.client(t), t.Context()
	made, err := c.CreateAdConfiguration(ctx, &sdk.CreateAdConfigurationInput{MediaTailorPlaybackConfigurations: tailored(3), Tags: map[string]string{"a": "1"}})
	if err != nil {
		t.Fatal(err)
	}
	name := made.AdConfiguration.Arn
	got, err := c.GetAdConfiguration(ctx, &sdk.GetAdConfigurationInput{Arn: name})
	if err != nil {
		t.Fatal(err)
	}
	list, err := c.ListAdConfigurations(ctx, &sdk.ListAdConfigurationsInput{})
	if err != nil || len(list.AdConfigurations) != 1 {
		t.Fatal(list, err)
	}
	summary := types.AdConfiguration(list.AdConfigurations[0])
	for what, a := range map[string]*types.AdConfiguration{"made": made.AdConfiguration, "got": got.AdConfiguration, "listed": &summary} {
		if *a.Arn != *name || a.Name == nil || *a.Name != "" || a.Tags["a"] != "1" || len(a.MediaTailorPlaybackConfigurations) != 3 ||
			!strings.HasSuffix(*a.MediaTailorPlaybackConfigurations[0].PlaybackConfigurationArn, "/ads-0") {
			t.Errorf("%s: %+v", what, a)
		}
	}
	if _, err := c.DeleteAdConfiguration(ctx, &sdk.DeleteAdConfigurationInput{Arn: name}); err != nil {
		t.Fatal(err)
	}
	_, err = c.GetAdConfiguration(ctx, &sdk.GetAdConfigurationInput{Arn: name})
	wantException[*types.ResourceNotFoundException](t, err)

	for _, bad := range [][]types.MediaTailorPlaybackConfiguration{{}, tailored(4), {{PlaybackConfigurationArn: new("arn:aws:ivs:us-east-1:1:channel/a")}}} {
		_, err := c.CreateAdConfiguration(ctx, &sdk.CreateAdConfigurationInput{MediaTailorPlaybackConfigurations: bad})
		wantException[*types.ValidationException](t, err)
	}
}

func TestAnAdBreakNeedsAChannelWithAdsOnAir(t *testing.T) {
	w := newWorld(t, time.Now())
	w.furnish(t)
	c, ctx := w.client(t), t.Context()
	insert := func(name string, seconds int32) (*sdk.InsertAdBreakOutput, error) {
		return c.InsertAdBreak(ctx, &sdk.InsertAdBreakInput{ChannelArn: &name, DurationSeconds: &seconds})
	}
	_, err := insert(here.New(arn.Channel), 30)
	wantException[*types.ResourceNotFoundException](t, err)
	for _, seconds := range []int32{0, -1, 301} {
		_, err = insert(channelARN, seconds)
		wantException[*types.ValidationException](t, err)
	}
	_, err = insert(channelARN, 30) // offline, too: but without ads it would be the same on air
	wantException[*types.ValidationException](t, err)

	ads, err := c.CreateAdConfiguration(ctx, &sdk.CreateAdConfigurationInput{MediaTailorPlaybackConfigurations: tailored(1)})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.UpdateChannel(ctx, &sdk.UpdateChannelInput{Arn: new(channelARN), AdConfigurationArn: ads.AdConfiguration.Arn}); err != nil {
		t.Fatal(err)
	}
	_, err = insert(channelARN, 30)
	wantException[*types.ChannelNotBroadcasting](t, err)

	w.goLive()
	made, err := insert(channelARN, 300)
	if err != nil {
		t.Fatal(err)
	}
	if !regexp.MustCompile(`^[a-zA-Z0-9]{12}$`).MatchString(*made.AdBreakId) || w.encoders.breaks[0].Duration != 300*time.Second {
		t.Errorf("ad break %q of %v", *made.AdBreakId, w.encoders.breaks[0].Duration)
	}
	_, err = insert(channelARN, 30)
	wantException[*types.ConflictException](t, err)
}
