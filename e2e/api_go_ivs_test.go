package e2e

import (
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ivs"
	"github.com/aws/aws-sdk-go-v2/service/ivs/types"
)

var tagged = map[string]string{"a": "b"}

func (g *gopher) channels() {
	c := ivs.NewFromConfig(g.aws)
	ads := works(g, c.CreateAdConfiguration, &ivs.CreateAdConfigurationInput{
		MediaTailorPlaybackConfigurations: []types.MediaTailorPlaybackConfiguration{{PlaybackConfigurationArn: aws.String(g.tailor())}},
	}).AdConfiguration.Arn
	works(g, c.GetAdConfiguration, &ivs.GetAdConfigurationInput{Arn: ads})
	works(g, c.ListAdConfigurations, &ivs.ListAdConfigurationsInput{})

	policy := works(g, c.CreatePlaybackRestrictionPolicy, &ivs.CreatePlaybackRestrictionPolicyInput{}).PlaybackRestrictionPolicy.Arn
	works(g, c.GetPlaybackRestrictionPolicy, &ivs.GetPlaybackRestrictionPolicyInput{Arn: policy})
	works(g, c.ListPlaybackRestrictionPolicies, &ivs.ListPlaybackRestrictionPoliciesInput{})
	works(g, c.UpdatePlaybackRestrictionPolicy, &ivs.UpdatePlaybackRestrictionPolicyInput{Arn: policy, AllowedCountries: []string{"DE"}})

	thumbnails := &types.ThumbnailConfiguration{Resolution: types.ThumbnailConfigurationResolutionHd}
	chosen := &types.RenditionConfiguration{
		RenditionSelection: types.RenditionConfigurationRenditionSelectionCustom,
		Renditions:         []types.RenditionConfigurationRendition{types.RenditionConfigurationRenditionHd},
	}
	recording := works(g, c.CreateRecordingConfiguration, &ivs.CreateRecordingConfigurationInput{
		DestinationConfiguration: bucket, ThumbnailConfiguration: thumbnails, RenditionConfiguration: chosen,
	}).RecordingConfiguration.Arn
	works(g, c.GetRecordingConfiguration, &ivs.GetRecordingConfigurationInput{Arn: recording})
	works(g, c.ListRecordingConfigurations, &ivs.ListRecordingConfigurationsInput{})
	works(g, c.DeleteRecordingConfiguration, &ivs.DeleteRecordingConfigurationInput{Arn: recording})

	pair := works(g, c.ImportPlaybackKeyPair, &ivs.ImportPlaybackKeyPairInput{PublicKeyMaterial: g.publicKey()}).KeyPair.Arn
	works(g, c.GetPlaybackKeyPair, &ivs.GetPlaybackKeyPairInput{Arn: pair})
	works(g, c.ListPlaybackKeyPairs, &ivs.ListPlaybackKeyPairsInput{})
	works(g, c.DeletePlaybackKeyPair, &ivs.DeletePlaybackKeyPairInput{Arn: pair})

	made := works(g, c.CreateChannel, &ivs.CreateChannelInput{
		Name: aws.String("gopher"), Type: types.ChannelTypeAdvancedHDChannelType, AdConfigurationArn: ads, PlaybackRestrictionPolicyArn: policy,
	})
	channel := made.Channel.Arn
	works(g, c.GetChannel, &ivs.GetChannelInput{Arn: channel})
	works(g, c.ListChannels, &ivs.ListChannelsInput{FilterByName: aws.String("gopher")})
	works(g, c.UpdateChannel, &ivs.UpdateChannelInput{Arn: channel, AdConfigurationArn: aws.String(""), PlaybackRestrictionPolicyArn: aws.String("")})
	absent := missing(*channel)
	works(g, c.BatchGetChannel, &ivs.BatchGetChannelInput{Arns: []string{*channel, absent}})
	works(g, c.DeleteAdConfiguration, &ivs.DeleteAdConfigurationInput{Arn: ads})
	works(g, c.DeletePlaybackRestrictionPolicy, &ivs.DeletePlaybackRestrictionPolicyInput{Arn: policy})

	works(g, c.TagResource, &ivs.TagResourceInput{ResourceArn: channel, Tags: tagged})
	works(g, c.ListTagsForResource, &ivs.ListTagsForResourceInput{ResourceArn: channel})
	works(g, c.UntagResource, &ivs.UntagResourceInput{ResourceArn: channel, TagKeys: []string{"a"}})

	works(g, c.ListStreamKeys, &ivs.ListStreamKeysInput{ChannelArn: channel})
	works(g, c.DeleteStreamKey, &ivs.DeleteStreamKeyInput{Arn: made.StreamKey.Arn})
	key := works(g, c.CreateStreamKey, &ivs.CreateStreamKeyInput{ChannelArn: channel}).StreamKey.Arn
	works(g, c.GetStreamKey, &ivs.GetStreamKeyInput{Arn: key})
	works(g, c.BatchGetStreamKey, &ivs.BatchGetStreamKeyInput{Arns: []string{*key, *made.StreamKey.Arn}})

	works(g, c.StartViewerSessionRevocation, &ivs.StartViewerSessionRevocationInput{ChannelArn: channel, ViewerId: aws.String("ann")})
	works(g, c.BatchStartViewerSessionRevocation, &ivs.BatchStartViewerSessionRevocationInput{
		ViewerSessions: []types.BatchStartViewerSessionRevocationViewerSession{{ChannelArn: &absent, ViewerId: aws.String("ann")}},
	})
	works(g, c.DeleteChannel, &ivs.DeleteChannelInput{Arn: channel})
}

var bucket = &types.DestinationConfiguration{S3: &types.S3DestinationConfiguration{BucketName: aws.String("recordings")}}

func (g *gopher) liveChannel() {
	c := ivs.NewFromConfig(g.aws)
	ctx := g.t.Context()
	must := func(err error) {
		g.t.Helper()
		if err != nil {
			g.t.Fatal(err)
		}
	}
	ads, err := c.CreateAdConfiguration(ctx, &ivs.CreateAdConfigurationInput{
		MediaTailorPlaybackConfigurations: []types.MediaTailorPlaybackConfiguration{{PlaybackConfigurationArn: aws.String(g.tailor())}},
	})
	must(err)
	recording, err := c.CreateRecordingConfiguration(ctx, &ivs.CreateRecordingConfigurationInput{DestinationConfiguration: bucket})
	must(err)
	made, err := c.CreateChannel(ctx, &ivs.CreateChannelInput{AdConfigurationArn: ads.AdConfiguration.Arn})
	must(err)
	channel := made.Channel.Arn
	g.eventually("the recording configuration is active", func() bool {
		_, err := c.UpdateChannel(ctx, &ivs.UpdateChannelInput{Arn: channel, RecordingConfigurationArn: recording.RecordingConfiguration.Arn})
		return err == nil
	})
	ffmpeg(g.t, g.e.RTMP+*made.StreamKey.Value, picture{size: "320x180", rate: "15", gop: "15"})
	g.eventually("the stream and its tracks are seen", func() bool {
		got, err := c.GetStreamSession(ctx, &ivs.GetStreamSessionInput{ChannelArn: channel})
		i := func() *types.IngestConfiguration { return got.StreamSession.IngestConfiguration }
		return err == nil && i() != nil && i().Audio != nil && i().Video != nil
	})
	works(g, c.GetStream, &ivs.GetStreamInput{ChannelArn: channel})
	works(g, c.ListStreams, &ivs.ListStreamsInput{})
	works(g, c.ListStreamSessions, &ivs.ListStreamSessionsInput{ChannelArn: channel}, "StreamSessions.EndTime")
	works(g, c.PutMetadata, &ivs.PutMetadataInput{ChannelArn: channel, Metadata: aws.String("goal")})
	works(g, c.InsertAdBreak, &ivs.InsertAdBreakInput{ChannelArn: channel, DurationSeconds: aws.Int32(30)})
	works(g, c.StopStream, &ivs.StopStreamInput{ChannelArn: channel})
	g.eventually("the session has ended", func() bool {
		got, err := c.GetStreamSession(ctx, &ivs.GetStreamSessionInput{ChannelArn: channel})
		return err == nil && got.StreamSession.EndTime != nil
	})
	works(g, c.GetStreamSession, &ivs.GetStreamSessionInput{ChannelArn: channel},
		"StreamSession.Channel.Preset", "StreamSession.RecordingConfiguration.RenditionConfiguration.Renditions",
		"StreamSession.RecordingConfiguration.ThumbnailConfiguration.Resolution", "StreamSession.TruncatedEvents.Code")
}
