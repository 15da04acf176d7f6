package ivs

import (
	"bytes"
	"encoding/json"
	"testing"
	"time"

	sdk "github.com/aws/aws-sdk-go-v2/service/ivs"
	"github.com/aws/aws-sdk-go-v2/service/ivs/types"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/streamcat/streamcat/internal/channel"
	"github.com/streamcat/streamcat/internal/store"
)

// keep leaves a session behind whose channel is as the directory says.
func (w *world) keep(t testing.TB, spec channel.Spec, events ...channel.Happening) store.StreamSession {
	t.Helper()
	doc, err := json.Marshal(channel.Record{Channel: spec, Events: events})
	if err != nil {
		t.Fatal(err)
	}
	session := store.StreamSession{StreamID: streamID, ChannelARN: spec.ARN, Started: time.Now(), Doc: doc, Node: "n1"}
	if err := w.db.InsertStreamSession(t.Context(), session); err != nil {
		t.Fatal(err)
	}
	return session
}

func TestASessionShowsItsChannelAsItWasAtGoLive(t *testing.T) {
	both(t, func(t *testing.T, w *world) {
		w.later()
		c, ctx := w.client(t), t.Context()
		recording, err := c.CreateRecordingConfiguration(ctx, &sdk.CreateRecordingConfigurationInput{Name: new("r"), DestinationConfiguration: toBucket, Tags: map[string]string{"r": "1"}})
		if err != nil {
			t.Fatal(err)
		}
		policy, err := c.CreatePlaybackRestrictionPolicy(ctx, &sdk.CreatePlaybackRestrictionPolicyInput{})
		if err != nil {
			t.Fatal(err)
		}
		ads, err := c.CreateAdConfiguration(ctx, &sdk.CreateAdConfigurationInput{MediaTailorPlaybackConfigurations: tailored(1)})
		if err != nil {
			t.Fatal(err)
		}
		made, err := c.CreateChannel(ctx, &sdk.CreateChannelInput{
			Name: new("then"), Type: types.ChannelTypeAdvancedHDChannelType, Tags: map[string]string{"a": "1"},
			RecordingConfigurationArn: recording.RecordingConfiguration.Arn, PlaybackRestrictionPolicyArn: policy.PlaybackRestrictionPolicy.Arn, AdConfigurationArn: ads.AdConfiguration.Arn,
		})
		if err != nil {
			t.Fatal(err)
		}
		name := made.Channel.Arn

		spec, err := NewDirectory(w.db, w.keyring, here).ByStreamKey(ctx, *made.StreamKey.Value)
		if err != nil {
			t.Fatal(err)
		}
		if spec.RecordingARN != *recording.RecordingConfiguration.Arn || spec.PolicyARN != *policy.PlaybackRestrictionPolicy.Arn || spec.AdARN != *ads.AdConfiguration.Arn {
			t.Errorf("spec: %+v", spec)
		}
		session := w.keep(t, spec,
			channel.Happening{Name: "Session Created", Type: "IVS Stream State Change", Time: time.Now()},
			channel.Happening{Name: "Stream Takeover Failure", Type: "IVS Stream State Change", Time: time.Now(), Code: "StreamTakeoverMediaMismatch"},
		)
		if bytes.Contains(session.Doc, []byte(*made.Channel.Srt.Passphrase)) {
			t.Error("the record holds the passphrase in clear")
		}

		_, err = c.UpdateChannel(ctx, &sdk.UpdateChannelInput{
			Arn: name, Name: new("now"), Type: types.ChannelTypeBasicChannelType, RecordingConfigurationArn: new(""), PlaybackRestrictionPolicyArn: new(""), AdConfigurationArn: new(""),
		})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := c.UntagResource(ctx, &sdk.UntagResourceInput{ResourceArn: name, TagKeys: []string{"a"}}); err != nil {
			t.Fatal(err)
		}
		if _, err := c.DeleteRecordingConfiguration(ctx, &sdk.DeleteRecordingConfigurationInput{Arn: recording.RecordingConfiguration.Arn}); err != nil {
			t.Fatal(err)
		}

		got, err := c.GetStreamSession(ctx, &sdk.GetStreamSessionInput{ChannelArn: name})
		if err != nil {
			t.Fatal(err)
		}
		s := got.StreamSession
		shapes := cmpopts.IgnoreUnexported(types.Channel{}, types.Srt{}, types.MultitrackInputConfiguration{}, types.RecordingConfiguration{}, types.DestinationConfiguration{},
			types.S3DestinationConfiguration{}, types.RenditionConfiguration{}, types.ThumbnailConfiguration{})
		if diff := cmp.Diff(made.Channel, s.Channel, shapes); diff != "" {
			t.Errorf("channel (-as it was made +as its session shows it):\n%s", diff)
		}
		recording.RecordingConfiguration.State = types.RecordingConfigurationStateActive
		if diff := cmp.Diff(recording.RecordingConfiguration, s.RecordingConfiguration, shapes); diff != "" {
			t.Errorf("recording configuration (-as it was made +as its session shows it):\n%s", diff)
		}
		if e := s.TruncatedEvents; len(e) != 2 || e[0].Code == nil || *e[0].Code != "StreamTakeoverMediaMismatch" || e[1].Code != nil {
			t.Errorf("events: %+v", e)
		}
		if s.EndTime != nil {
			t.Error("a session that goes on has an end")
		}
	})
}

func TestASessionOfAnUnrecordedChannelShowsNoRecording(t *testing.T) {
	w := newWorld(t, time.Now())
	w.furnish(t)
	spec, err := NewDirectory(w.db, w.keyring, here).Channel(t.Context(), "AbCdEf123456")
	if err != nil {
		t.Fatal(err)
	}
	w.keep(t, spec)
	got, err := w.GetStreamSession(t.Context(), &GetStreamSessionInput{ChannelArn: channelARN})
	if err != nil || got.StreamSession.RecordingConfiguration != nil || *got.StreamSession.Channel.Name != "fixed" || len(got.StreamSession.Channel.Tags) != 2 {
		t.Errorf("got %+v, %v", got, err)
	}
}
