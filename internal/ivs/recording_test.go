package ivs

import (
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/ivs"
	"github.com/aws/aws-sdk-go-v2/service/ivs/types"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

var toBucket = &types.DestinationConfiguration{S3: &types.S3DestinationConfiguration{BucketName: aws.String("my-bucket.1")}}

// later lets time pass until what was made is active.
func (w *world) later() { w.now = func() time.Time { return time.Now().Add(activation) } }

func TestARecordingConfigurationIsShownWithItsDefaults(t *testing.T) {
	inThree := types.RenditionConfigurationRenditionSelectionCustom
	for name, c := range map[string]struct {
		in   sdk.CreateRecordingConfigurationInput
		want types.RecordingConfiguration
	}{
		"nothing is given": {
			sdk.CreateRecordingConfigurationInput{},
			types.RecordingConfiguration{
				Name:                   new(""),
				RenditionConfiguration: &types.RenditionConfiguration{RenditionSelection: types.RenditionConfigurationRenditionSelectionAll},
				ThumbnailConfiguration: &types.ThumbnailConfiguration{
					RecordingMode: types.RecordingModeInterval, TargetIntervalSeconds: new(int64(60)), Storage: []types.ThumbnailConfigurationStorage{types.ThumbnailConfigurationStorageSequential},
				},
			},
		},
		"everything is given": {
			sdk.CreateRecordingConfigurationInput{
				Name: new("all"), RecordingReconnectWindowSeconds: 300,
				RenditionConfiguration: &types.RenditionConfiguration{RenditionSelection: inThree, Renditions: []types.RenditionConfigurationRendition{"HD", "SD"}},
				ThumbnailConfiguration: &types.ThumbnailConfiguration{
					RecordingMode: types.RecordingModeInterval, TargetIntervalSeconds: new(int64(1)), Resolution: "LOWEST_RESOLUTION", Storage: []types.ThumbnailConfigurationStorage{"LATEST", "SEQUENTIAL"},
				},
			},
			types.RecordingConfiguration{
				Name: new("all"), RecordingReconnectWindowSeconds: 300,
				RenditionConfiguration: &types.RenditionConfiguration{RenditionSelection: inThree, Renditions: []types.RenditionConfigurationRendition{"HD", "SD"}},
				ThumbnailConfiguration: &types.ThumbnailConfiguration{
					RecordingMode: types.RecordingModeInterval, TargetIntervalSeconds: new(int64(1)), Resolution: "LOWEST_RESOLUTION", Storage: []types.ThumbnailConfigurationStorage{"LATEST", "SEQUENTIAL"},
				},
			},
		},
		"what has no effect is ignored": {
			sdk.CreateRecordingConfigurationInput{
				RenditionConfiguration: &types.RenditionConfiguration{RenditionSelection: "NONE", Renditions: []types.RenditionConfigurationRendition{"HD"}},
				ThumbnailConfiguration: &types.ThumbnailConfiguration{RecordingMode: types.RecordingModeDisabled, TargetIntervalSeconds: new(int64(5))},
			},
			types.RecordingConfiguration{
				Name:                   new(""),
				RenditionConfiguration: &types.RenditionConfiguration{RenditionSelection: "NONE"},
				ThumbnailConfiguration: &types.ThumbnailConfiguration{RecordingMode: types.RecordingModeDisabled, Storage: []types.ThumbnailConfigurationStorage{"SEQUENTIAL"}},
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, time.Now())
			client, ctx := w.client(t), t.Context()
			c.in.DestinationConfiguration, c.in.Tags = toBucket, map[string]string{"a": "1"}
			made, err := client.CreateRecordingConfiguration(ctx, &c.in)
			if err != nil {
				t.Fatal(err)
			}
			c.want.Arn, c.want.DestinationConfiguration, c.want.Tags = made.RecordingConfiguration.Arn, toBucket, c.in.Tags
			same := cmpopts.IgnoreUnexported(types.RecordingConfiguration{}, types.DestinationConfiguration{}, types.S3DestinationConfiguration{},
				types.RenditionConfiguration{}, types.ThumbnailConfiguration{})
			c.want.State = types.RecordingConfigurationStateCreating
			if diff := cmp.Diff(&c.want, made.RecordingConfiguration, same); diff != "" {
				t.Errorf("made (-want +got):\n%s", diff)
			}
			w.later()
			got, err := client.GetRecordingConfiguration(ctx, &sdk.GetRecordingConfigurationInput{Arn: made.RecordingConfiguration.Arn})
			if err != nil {
				t.Fatal(err)
			}
			c.want.State = types.RecordingConfigurationStateActive
			if diff := cmp.Diff(&c.want, got.RecordingConfiguration, same); diff != "" {
				t.Errorf("later (-want +got):\n%s", diff)
			}
			list, err := client.ListRecordingConfigurations(ctx, &sdk.ListRecordingConfigurationsInput{})
			if err != nil || len(list.RecordingConfigurations) != 1 {
				t.Fatalf("list: %+v, %v", list, err)
			}
			summary := types.RecordingConfigurationSummary{Arn: c.want.Arn, Name: c.want.Name, State: "ACTIVE", Tags: c.want.Tags, DestinationConfiguration: toBucket}
			if diff := cmp.Diff(summary, list.RecordingConfigurations[0], same, cmpopts.IgnoreUnexported(summary)); diff != "" {
				t.Errorf("summary (-want +got):\n%s", diff)
			}
		})
	}
}

func TestBrokenRecordingConfigurationsAreRefused(t *testing.T) {
	w := newWorld(t, time.Now())
	c, ctx := w.client(t), t.Context()
	for name, in := range map[string]sdk.CreateRecordingConfigurationInput{
		"no destination":             {DestinationConfiguration: &types.DestinationConfiguration{}},
		"a bucket that cannot be":    {DestinationConfiguration: &types.DestinationConfiguration{S3: &types.S3DestinationConfiguration{BucketName: new("My_Bucket")}}},
		"CUSTOM without renditions":  {DestinationConfiguration: toBucket, RenditionConfiguration: &types.RenditionConfiguration{RenditionSelection: "CUSTOM"}},
		"CUSTOM with an empty list":  {DestinationConfiguration: toBucket, RenditionConfiguration: &types.RenditionConfiguration{RenditionSelection: "CUSTOM", Renditions: []types.RenditionConfigurationRendition{}}},
		"an unknown rendition":       {DestinationConfiguration: toBucket, RenditionConfiguration: &types.RenditionConfiguration{Renditions: []types.RenditionConfigurationRendition{"4K"}}},
		"a window of 301 s":          {DestinationConfiguration: toBucket, RecordingReconnectWindowSeconds: 301},
		"thumbnails every 61 s":      {DestinationConfiguration: toBucket, ThumbnailConfiguration: &types.ThumbnailConfiguration{TargetIntervalSeconds: new(int64(61))}},
		"thumbnails stored nohow":    {DestinationConfiguration: toBucket, ThumbnailConfiguration: &types.ThumbnailConfiguration{Storage: []types.ThumbnailConfigurationStorage{"NOHOW"}}},
		"thumbnails every 0 seconds": {DestinationConfiguration: toBucket, ThumbnailConfiguration: &types.ThumbnailConfiguration{TargetIntervalSeconds: new(int64(0))}},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := c.CreateRecordingConfiguration(ctx, &in)
			wantException[*types.ValidationException](t, err)
		})
	}
	if list, err := c.ListRecordingConfigurations(ctx, &sdk.ListRecordingConfigurationsInput{}); err != nil || len(list.RecordingConfigurations) != 0 {
		t.Errorf("made: %+v, %v", list, err)
	}
}

func TestOnlyAnActiveRecordingConfigurationIsGivenToAChannel(t *testing.T) {
	w := newWorld(t, time.Now())
	w.furnish(t)
	w.now = func() time.Time { return time.Now().Add(-time.Minute) } // it stays as it was made
	c, ctx := w.client(t), t.Context()
	made, err := c.CreateRecordingConfiguration(ctx, &sdk.CreateRecordingConfigurationInput{DestinationConfiguration: toBucket})
	if err != nil {
		t.Fatal(err)
	}
	name := made.RecordingConfiguration.Arn
	_, err = c.CreateChannel(ctx, &sdk.CreateChannelInput{RecordingConfigurationArn: name})
	wantException[*types.ValidationException](t, err)
	_, err = c.UpdateChannel(ctx, &sdk.UpdateChannelInput{Arn: new(channelARN), Name: new("x"), RecordingConfigurationArn: name})
	wantException[*types.ConflictException](t, err)
	if got, err := c.GetChannel(ctx, &sdk.GetChannelInput{Arn: new(channelARN)}); err != nil || *got.Channel.Name != "fixed" || *got.Channel.RecordingConfigurationArn != "" {
		t.Errorf("after the refusal: %+v, %v", got, err)
	}

	w.later()
	if _, err := c.CreateChannel(ctx, &sdk.CreateChannelInput{RecordingConfigurationArn: name}); err != nil {
		t.Error(err)
	}
	if _, err := c.UpdateChannel(ctx, &sdk.UpdateChannelInput{Arn: new(channelARN), RecordingConfigurationArn: name}); err != nil {
		t.Error(err)
	}
}

// What a state is follows from the row alone: a server that was started since knows it as well.
func TestARecordingConfigurationBecomesActiveWhileNoServerRuns(t *testing.T) {
	w := newWorld(t, time.Now())
	made, err := w.CreateRecordingConfiguration(t.Context(), &CreateRecordingConfigurationInput{
		DestinationConfiguration: &DestinationConfiguration{S3: &S3DestinationConfiguration{BucketName: "abc"}},
	})
	if err != nil {
		t.Fatal(err)
	}
	row, err := w.recordings.Get(t.Context(), made.RecordingConfiguration.Arn)
	if err != nil {
		t.Fatal(err)
	}
	for after, want := range map[time.Duration]string{0: "CREATING", activation - 1: "CREATING", activation: "ACTIVE", time.Hour: "ACTIVE"} {
		next := NewService(Deps{DB: w.db, Minter: here, Keyring: w.keyring, Live: w.encoders, Now: func() time.Time { return row.Created.Add(after) }})
		got, err := next.GetRecordingConfiguration(t.Context(), &GetRecordingConfigurationInput{Arn: row.ARN})
		if err != nil || got.RecordingConfiguration.State != want {
			t.Errorf("after %v: %+v, %v", after, got, err)
		}
	}
}
