package engine_test

import (
	"encoding/json"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ivs"
	"github.com/aws/aws-sdk-go-v2/service/ivschat"
	"github.com/aws/aws-sdk-go-v2/service/ivsrealtime"
	rttypes "github.com/aws/aws-sdk-go-v2/service/ivsrealtime/types"

	"github.com/streamcat/streamcat/internal/engine"
	"github.com/streamcat/streamcat/internal/engine/enginetest"
)

// TestWhatMayNotBeTouchedMayNotBeMadeUseOf names a forbidden resource in every member that may be left out.
func TestWhatMayNotBeTouchedMayNotBeMadeUseOf(t *testing.T) {
	e := enginetest.Start(t)
	var key engine.AccessKey
	var secret string
	managed(t, e, "", func(keys engine.Keys) (err error) {
		key, secret, err = keys.Create(t.Context(), "", json.RawMessage(`{"Statement":[
			{"Effect":"Allow","Action":"*","Resource":"*"},
			{"Effect":"Deny","Action":"*","Resource":"arn:*/FORBIDDEN"}]}`))
		return err
	})
	cfg := as(e, key.ID, secret)
	low, real, chat := ivs.NewFromConfig(cfg), ivsrealtime.NewFromConfig(cfg), ivschat.NewFromConfig(cfg)
	name := func(kind, id string) *string {
		return aws.String("arn:aws:ivs:us-east-1:000000000000:" + kind + "/" + id)
	}
	logging := "arn:aws:ivschat:us-east-1:000000000000:logging-configuration/"
	s3 := func(id string) *rttypes.S3DestinationConfiguration {
		return &rttypes.S3DestinationConfiguration{EncoderConfigurationArns: []string{*name("encoder-configuration", id)}, StorageConfigurationArn: name("storage-configuration", "Aa")}
	}
	for _, c := range []struct {
		what string
		call func(id string) error
	}{
		{"a channel's recording configuration", func(id string) error {
			_, err := low.UpdateChannel(t.Context(), &ivs.UpdateChannelInput{Arn: name("channel", "Aa"), RecordingConfigurationArn: name("recording-configuration", id)})
			return err
		}},
		{"a new channel's playback restriction policy", func(id string) error {
			_, err := low.CreateChannel(t.Context(), &ivs.CreateChannelInput{PlaybackRestrictionPolicyArn: name("playback-restriction-policy", id)})
			return err
		}},
		{"the stage that an ingest configuration publishes to", func(id string) error {
			_, err := real.CreateIngestConfiguration(t.Context(), &ivsrealtime.CreateIngestConfigurationInput{StageArn: name("stage", id), IngestProtocol: rttypes.IngestProtocolRtmps})
			return err
		}},
		{"another stage for an ingest configuration", func(id string) error {
			_, err := real.UpdateIngestConfiguration(t.Context(), &ivsrealtime.UpdateIngestConfigurationInput{Arn: name("ingest-configuration", "Aa"), StageArn: name("stage", id)})
			return err
		}},
		{"the storage of participants' recordings", func(id string) error {
			_, err := real.CreateStage(t.Context(), &ivsrealtime.CreateStageInput{AutoParticipantRecordingConfiguration: &rttypes.AutoParticipantRecordingConfiguration{StorageConfigurationArn: name("storage-configuration", id)}})
			return err
		}},
		{"the encoder of a composition's channel", func(id string) error {
			_, err := real.StartComposition(t.Context(), &ivsrealtime.StartCompositionInput{StageArn: name("stage", "Aa"), Destinations: []rttypes.DestinationConfiguration{
				{S3: s3("Aa")}, {Channel: &rttypes.ChannelDestinationConfiguration{ChannelArn: name("channel", "Aa"), EncoderConfigurationArn: name("encoder-configuration", id)}},
			}})
			return err
		}},
		{"the encoder of a composition's recording", func(id string) error {
			_, err := real.StartComposition(t.Context(), &ivsrealtime.StartCompositionInput{StageArn: name("stage", "Aa"), Destinations: []rttypes.DestinationConfiguration{{S3: s3(id)}}})
			return err
		}},
		{"a room's logs", func(id string) error {
			_, err := chat.CreateRoom(t.Context(), &ivschat.CreateRoomInput{LoggingConfigurationIdentifiers: []string{logging + "Aa", logging + id}})
			return err
		}},
	} {
		if got := code(c.call("FORBIDDEN")); got != "AccessDeniedException" {
			t.Errorf("%s: %q", c.what, got)
		}
		if got := code(c.call("AAAAAAAAAAAA")); got == "AccessDeniedException" {
			t.Errorf("%s that nobody forbids is denied", c.what)
		}
	}
	// An empty name takes something off and names nothing.
	channel, err := low.CreateChannel(t.Context(), &ivs.CreateChannelInput{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := low.UpdateChannel(t.Context(), &ivs.UpdateChannelInput{Arn: channel.Channel.Arn, RecordingConfigurationArn: aws.String("")}); err != nil {
		t.Error(err)
	}
}
