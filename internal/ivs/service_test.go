package ivs

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/streamcat/streamcat/internal/arn"
	"github.com/streamcat/streamcat/internal/channel"
	"github.com/streamcat/streamcat/internal/fault"
)

func TestOnlyOneOfManyRequestsMakesTheStreamKey(t *testing.T) {
	both(t, func(t *testing.T, w *world) {
		w.furnish(t)
		if _, err := w.DeleteStreamKey(t.Context(), &DeleteStreamKeyInput{Arn: keyARN}); err != nil {
			t.Fatal(err)
		}
		var made, refused atomic.Int32
		var all sync.WaitGroup
		for range 8 {
			all.Go(func() {
				switch _, err := w.CreateStreamKey(t.Context(), &CreateStreamKeyInput{ChannelArn: channelARN}); {
				case err == nil:
					made.Add(1)
				case fault.Of(err) == fault.Quota:
					refused.Add(1)
				default:
					t.Error(err)
				}
			})
		}
		all.Wait()
		if made.Load() != 1 || refused.Load() != 7 {
			t.Errorf("made %d, refused %d", made.Load(), refused.Load())
		}
	})
}

// latecomer is an encoder that connects after the question whether anybody is there.
type latecomer struct{ encoders }

func (l *latecomer) Busy(string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.live = []channel.Live{{Spec: channel.Spec{ARN: channelARN}}}
	return false
}

func TestAnEncoderThatComesDuringDeletionIsCutOff(t *testing.T) {
	w := newWorld(t, time.Now())
	w.furnish(t)
	late := &latecomer{}
	w.live = late
	if _, err := w.DeleteChannel(t.Context(), &DeleteChannelInput{Arn: channelARN}); err != nil {
		t.Fatal(err)
	}
	if n := len(late.LiveAll(context.Background())); n != 0 {
		t.Errorf("%d encoders are still connected", n)
	}
	if _, err := NewDirectory(w.db, w.keyring, here).ByStreamKey(t.Context(), keyValue); fault.Of(err) != fault.NotFound {
		t.Errorf("the key of a deleted channel: %v", err)
	}
}

func TestAnEncoderThatComesDuringAChangeIsCutOff(t *testing.T) {
	w := newWorld(t, time.Now())
	w.furnish(t)
	late := &latecomer{}
	w.live = late
	if err := w.rename(t, "changed"); err != nil {
		t.Fatal(err)
	}
	if n := len(late.LiveAll(context.Background())); n != 0 {
		t.Errorf("%d encoders are still connected by what the channel was", n)
	}
}

func TestAFailedCreationLeavesNothing(t *testing.T) {
	w := newWorld(t, time.Now())
	_, err := w.CreateChannel(t.Context(), &CreateChannelInput{AdConfigurationArn: new("arn:aws:ivs:us-east-1:000000000000:ad-configuration/zzzzzzzzzzzz")})
	if fault.Of(err) != fault.NotFound {
		t.Fatal(err)
	}
	if n, err := w.channels.Count(t.Context()); n != 0 || err != nil {
		t.Errorf("%d channels, %v", n, err)
	}
}

func TestAFailedUpdateChangesNothing(t *testing.T) {
	w := newWorld(t, time.Now())
	w.furnish(t)
	for _, in := range []UpdateChannelInput{
		{Arn: channelARN, Name: new("x"), Preset: new(TranscodePresetHigherBandwidthDelivery)},
		{Arn: channelARN, Name: new("x"), RecordingConfigurationArn: new("arn:aws:ivs:us-east-1:000000000000:recording-configuration/zzzzzzzzzzzz")},
	} {
		if _, err := w.UpdateChannel(t.Context(), &in); err == nil {
			t.Error("no error")
		}
	}
	got, err := w.GetChannel(t.Context(), &GetChannelInput{Arn: channelARN})
	if err != nil || *got.Channel.Name != "fixed" {
		t.Errorf("got %+v, %v", got, err)
	}
}

// Of several reasons to refuse a request the first in this order is told: a rule that the request breaks,
// what does not exist, the state of what does, the quota.
func TestReasonsComeInOrder(t *testing.T) {
	w := newWorld(t, time.Now())
	w.furnish(t)
	w.goLive()
	w.quotas = map[arn.Kind]int{arn.Channel: 1}
	absent := func(k arn.Kind) *string { return new(here.Of(k, "zzzzzzzzzzzz")) }
	made, err := w.CreateRecordingConfiguration(t.Context(), &CreateRecordingConfigurationInput{
		DestinationConfiguration: &DestinationConfiguration{S3: &S3DestinationConfiguration{BucketName: "bucket"}},
	})
	if err != nil {
		t.Fatal(err)
	}
	creating := made.RecordingConfiguration.Arn
	for _, c := range []struct {
		name   string
		create *CreateChannelInput
		update *UpdateChannelInput
		want   fault.Kind
	}{
		{"a rule before existence", &CreateChannelInput{Preset: new(TranscodePresetHigherBandwidthDelivery), PlaybackRestrictionPolicyArn: absent(arn.PlaybackRestrictionPolicy)}, nil, fault.Invalid},
		{"existence before the quota", &CreateChannelInput{PlaybackRestrictionPolicyArn: absent(arn.PlaybackRestrictionPolicy)}, nil, fault.NotFound},
		{"existence before a state", &CreateChannelInput{RecordingConfigurationArn: &creating, AdConfigurationArn: absent(arn.AdConfiguration)}, nil, fault.NotFound},
		{"a state before the quota", &CreateChannelInput{RecordingConfigurationArn: &creating}, nil, fault.Invalid},
		{"the quota last", &CreateChannelInput{}, nil, fault.Quota},
		{"a rule before the stream", nil, &UpdateChannelInput{Arn: channelARN, Preset: new(TranscodePresetHigherBandwidthDelivery)}, fault.Invalid},
		{"existence before the stream", nil, &UpdateChannelInput{Arn: channelARN, AdConfigurationArn: absent(arn.AdConfiguration)}, fault.NotFound},
		{"the stream last", nil, &UpdateChannelInput{Arn: channelARN}, fault.Conflict},
	} {
		t.Run(c.name, func(t *testing.T) {
			var err error
			if c.create != nil {
				_, err = w.CreateChannel(t.Context(), c.create)
			} else {
				_, err = w.UpdateChannel(t.Context(), c.update)
			}
			if fault.Of(err) != c.want {
				t.Errorf("got %v, want %v", err, c.want)
			}
		})
	}
}
