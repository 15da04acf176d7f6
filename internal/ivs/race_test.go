package ivs

import (
	"errors"
	"slices"
	"sync"
	"testing"

	sdk "github.com/aws/aws-sdk-go-v2/service/ivs"
	"github.com/aws/aws-sdk-go-v2/service/ivs/types"
	"github.com/aws/smithy-go"

	"github.com/streamcat/streamcat/internal/arn"
	"github.com/streamcat/streamcat/internal/fault"
	"github.com/streamcat/streamcat/internal/store"
)

// Whichever comes first wins: in no order does a channel name what is gone.
func TestDeletionAgainstAttachmentLeavesNoDanglingReference(t *testing.T) {
	both(t, func(t *testing.T, w *world) {
		w.furnish(t)
		w.later()
		c, ctx := w.client(t), t.Context()
		eachKind(t, func(t *testing.T, k kind) {
			if k.ref == "" {
				return
			}
			for range 12 {
				name := k.must(t, c, "n")
				in := &sdk.UpdateChannelInput{Arn: new(channelARN)}
				k.attach(in, name)
				var updated, created, deleted error
				var all sync.WaitGroup
				all.Go(func() { _, updated = c.UpdateChannel(ctx, in) })
				all.Go(func() {
					_, created = c.CreateChannel(ctx, &sdk.CreateChannelInput{
						RecordingConfigurationArn: in.RecordingConfigurationArn, PlaybackRestrictionPolicyArn: in.PlaybackRestrictionPolicyArn, AdConfigurationArn: in.AdConfigurationArn,
					})
				})
				all.Go(func() { deleted = k.delete(ctx, c, name) })
				all.Wait()

				users, err := w.channels.Count(ctx, store.Ref{Name: k.ref, Value: name})
				if err != nil {
					t.Fatal(err)
				}
				exists, err := w.db.ResourceExists(ctx, name)
				if err != nil {
					t.Fatal(err)
				}
				if exists != (deleted != nil) || exists != (users > 0) {
					t.Fatalf("it exists: %v, %d channels have it, its deletion gave %v", exists, users, deleted)
				}
				if deleted != nil {
					wantException[*types.ConflictException](t, deleted)
				}
				for _, err := range []error{updated, created} {
					if err != nil {
						wantException[*types.ResourceNotFoundException](t, err)
					}
				}
			}
		})
	})
}

func TestFiftyWritersOfOneChannelLoseNothing(t *testing.T) {
	both(t, func(t *testing.T, w *world) {
		w.furnish(t)
		w.later()
		c, ctx := w.client(t), t.Context()
		inputs := []sdk.UpdateChannelInput{
			{Name: new("written")}, {LatencyMode: types.ChannelLatencyModeNormalLatency}, {InsecureIngest: true}, {Type: types.ChannelTypeBasicChannelType},
		}
		for _, k := range kinds {
			if k.ref != "" {
				in := sdk.UpdateChannelInput{}
				k.attach(&in, k.must(t, c, "n"))
				inputs = append(inputs, in)
			}
		}
		var all sync.WaitGroup
		for i := range 50 {
			in := inputs[i%len(inputs)]
			in.Arn = new(channelARN)
			all.Go(func() {
				if _, err := c.UpdateChannel(ctx, &in); err != nil {
					t.Error(err)
				}
			})
		}
		all.Wait()
		row, err := w.channels.Get(ctx, channelARN)
		if err != nil {
			t.Fatal(err)
		}
		d := &row.Doc
		if d.Name != "written" || d.LatencyMode != "NORMAL" || !d.InsecureIngest || d.Type != "BASIC" ||
			d.RecordingConfigurationArn == "" || d.PlaybackRestrictionPolicyArn == "" || d.AdConfigurationArn == "" || row.Version != 51 {
			t.Errorf("version %d after 50 updates: %+v", row.Version, d)
		}
	})
}

func TestChannelsAreCountedAgainstTheirQuota(t *testing.T) {
	both(t, func(t *testing.T, w *world) {
		w.quotas = map[arn.Kind]int{arn.Channel: 3}
		var refused int
		var mu sync.Mutex
		var all sync.WaitGroup
		for range 8 {
			all.Go(func() {
				_, err := w.CreateChannel(t.Context(), &CreateChannelInput{})
				if err != nil && fault.Of(err) != fault.Quota {
					t.Error(err)
				}
				if err != nil {
					mu.Lock()
					refused++
					mu.Unlock()
				}
			})
		}
		all.Wait()
		if n, err := w.channels.Count(t.Context()); n != 3 || refused != 5 || err != nil {
			t.Errorf("%d channels, %d refused, %v", n, refused, err)
		}
		if n, err := w.keys.Count(t.Context()); n != 3 || err != nil {
			t.Errorf("%d stream keys, %v", n, err)
		}
	})
}

// Operations that hold several resources at once must neither wait for each other for ever nor give up.
func TestOperationsOnTheSameResourcesFailOnlyForAReason(t *testing.T) {
	both(t, func(t *testing.T, w *world) {
		w.furnish(t)
		w.later()
		w.quotas = map[arn.Kind]int{arn.Channel: 40, arn.RecordingConfiguration: 20, arn.PlaybackRestrictionPolicy: 20, arn.AdConfiguration: 20}
		c, ctx := w.client(t), t.Context()
		other, err := c.CreateChannel(ctx, &sdk.CreateChannelInput{})
		if err != nil {
			t.Fatal(err)
		}
		var names []string
		all := &sdk.UpdateChannelInput{}
		for _, k := range kinds {
			if k.ref != "" {
				name := k.must(t, c, "n")
				k.attach(all, name)
				names = append(names, name)
			}
		}
		channels := []string{channelARN, *other.Channel.Arn}
		tags := map[string]string{"a": "1", "b": "2"}
		work := []func(i int) error{
			func(i int) error {
				in := *all
				in.Arn = &channels[i%2]
				_, err := c.UpdateChannel(ctx, &in)
				return err
			},
			func(i int) error {
				_, err := c.UpdateChannel(ctx, &sdk.UpdateChannelInput{Arn: &channels[i%2], RecordingConfigurationArn: new(""), PlaybackRestrictionPolicyArn: new(""), AdConfigurationArn: new("")})
				return err
			},
			func(int) error {
				_, err := c.CreateChannel(ctx, &sdk.CreateChannelInput{
					RecordingConfigurationArn: all.RecordingConfigurationArn, PlaybackRestrictionPolicyArn: all.PlaybackRestrictionPolicyArn, AdConfigurationArn: all.AdConfigurationArn, Tags: tags,
				})
				return err
			},
			func(i int) error {
				for j := range names {
					if _, err := c.TagResource(ctx, &sdk.TagResourceInput{ResourceArn: &names[(i+j)%len(names)], Tags: tags}); err != nil {
						return err
					}
				}
				_, err := c.UntagResource(ctx, &sdk.UntagResourceInput{ResourceArn: &channels[i%2], TagKeys: []string{"a"}})
				return err
			},
			func(i int) error {
				made, err := c.CreateStreamKey(ctx, &sdk.CreateStreamKeyInput{ChannelArn: &channels[i%2], Tags: tags})
				if err != nil {
					return err
				}
				_, err = c.DeleteStreamKey(ctx, &sdk.DeleteStreamKeyInput{Arn: made.StreamKey.Arn})
				return err
			},
			func(i int) error {
				if i < 40 { // near the end the channel goes, in the middle of all that is done to it
					_, err := c.DeleteStreamKey(ctx, &sdk.DeleteStreamKeyInput{Arn: other.StreamKey.Arn})
					return err
				}
				_, err := c.DeleteChannel(ctx, &sdk.DeleteChannelInput{Arn: &channels[1]})
				return err
			},
			func(i int) error {
				k := kinds[i%len(kinds)]
				name, err := k.make(t, c, "n", tags)
				if err != nil {
					return err
				}
				return k.delete(ctx, c, name)
			},
			func(i int) error {
				_, err := c.UpdatePlaybackRestrictionPolicy(ctx, &sdk.UpdatePlaybackRestrictionPolicyInput{Arn: all.PlaybackRestrictionPolicyArn, AllowedCountries: []string{"SE"}})
				if err == nil {
					err = kinds[1].delete(ctx, c, *all.PlaybackRestrictionPolicyArn)
				}
				return err
			},
		}
		var running sync.WaitGroup
		for i := range 8 * len(work) {
			running.Go(func() {
				err := work[i%len(work)](i)
				var known smithy.APIError
				if err == nil || errors.As(err, &known) && slices.Contains([]string{"ConflictException", "ResourceNotFoundException", "ServiceQuotaExceededException"}, known.ErrorCode()) {
					return
				}
				t.Errorf("operation %d: %v", i%len(work), err)
			})
		}
		running.Wait()
		rows, _, err := w.channels.List(ctx, store.Query{Limit: 100})
		if err != nil {
			t.Fatal(err)
		}
		for _, row := range rows {
			for _, name := range []string{row.Doc.RecordingConfigurationArn, row.Doc.PlaybackRestrictionPolicyArn, row.Doc.AdConfigurationArn} {
				if exists, err := w.db.ResourceExists(ctx, name); name != "" && (!exists || err != nil) {
					t.Errorf("channel %s has %s, which is gone, %v", row.ARN, name, err)
				}
			}
		}
	})
}
