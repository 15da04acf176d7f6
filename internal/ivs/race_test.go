package ivs

import (
	"sync"
	"testing"

	sdk "github.com/aws/aws-sdk-go-v2/service/ivs"
	"github.com/aws/aws-sdk-go-v2/service/ivs/types"

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
