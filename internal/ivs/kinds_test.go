package ivs

import (
	"context"
	"crypto/elliptic"
	"fmt"
	"slices"
	"testing"
	"time"

	sdk "github.com/aws/aws-sdk-go-v2/service/ivs"
	"github.com/aws/aws-sdk-go-v2/service/ivs/types"

	"github.com/streamcat/streamcat/internal/arn"
)

// listed is one resource of a list, whatever its kind.
type listed struct {
	arn  string
	tags map[string]string
}

// kind is what the tests of all kinds of configurations need to know of one.
type kind struct {
	kind   arn.Kind
	usual  int // size of a page
	make   func(t testing.TB, c *sdk.Client, name string, tags map[string]string) (string, error)
	list   func(ctx context.Context, c *sdk.Client, size *int32, token *string) ([]listed, *string, error)
	delete func(ctx context.Context, c *sdk.Client, name string) error

	ref    string                                        // by what channels that have it are found; "" if none can
	attach func(in *sdk.UpdateChannelInput, name string) // gives it to a channel; "" takes it off
	filter func(in *sdk.ListChannelsInput, name string)
}

var kinds = []kind{
	{
		kind: arn.PlaybackKey, usual: 100,
		make: func(t testing.TB, c *sdk.Client, name string, tags map[string]string) (string, error) {
			out, err := c.ImportPlaybackKeyPair(t.Context(), &sdk.ImportPlaybackKeyPairInput{Name: &name, Tags: tags, PublicKeyMaterial: new(publicPEM(t, &newKey(t, elliptic.P384()).PublicKey))})
			if err != nil {
				return "", err
			}
			return *out.KeyPair.Arn, nil
		},
		list: func(ctx context.Context, c *sdk.Client, size *int32, token *string) (out []listed, next *string, err error) {
			page, err := c.ListPlaybackKeyPairs(ctx, &sdk.ListPlaybackKeyPairsInput{MaxResults: size, NextToken: token})
			if err != nil {
				return nil, nil, err
			}
			for _, s := range page.KeyPairs {
				out = append(out, listed{*s.Arn, s.Tags})
			}
			return out, page.NextToken, nil
		},
		delete: func(ctx context.Context, c *sdk.Client, name string) error {
			_, err := c.DeletePlaybackKeyPair(ctx, &sdk.DeletePlaybackKeyPairInput{Arn: &name})
			return err
		},
	},
	{
		kind: arn.PlaybackRestrictionPolicy, usual: 1, ref: refRestriction,
		make: func(t testing.TB, c *sdk.Client, name string, tags map[string]string) (string, error) {
			out, err := c.CreatePlaybackRestrictionPolicy(t.Context(), &sdk.CreatePlaybackRestrictionPolicyInput{Name: &name, Tags: tags})
			if err != nil {
				return "", err
			}
			return *out.PlaybackRestrictionPolicy.Arn, nil
		},
		list: func(ctx context.Context, c *sdk.Client, size *int32, token *string) (out []listed, next *string, err error) {
			page, err := c.ListPlaybackRestrictionPolicies(ctx, &sdk.ListPlaybackRestrictionPoliciesInput{MaxResults: size, NextToken: token})
			if err != nil {
				return nil, nil, err
			}
			for _, s := range page.PlaybackRestrictionPolicies {
				out = append(out, listed{*s.Arn, s.Tags})
			}
			return out, page.NextToken, nil
		},
		delete: func(ctx context.Context, c *sdk.Client, name string) error {
			_, err := c.DeletePlaybackRestrictionPolicy(ctx, &sdk.DeletePlaybackRestrictionPolicyInput{Arn: &name})
			return err
		},
		attach: func(in *sdk.UpdateChannelInput, name string) { in.PlaybackRestrictionPolicyArn = &name },
		filter: func(in *sdk.ListChannelsInput, name string) { in.FilterByPlaybackRestrictionPolicyArn = &name },
	},
	{
		kind: arn.RecordingConfiguration, usual: 100, ref: refRecording,
		make: func(t testing.TB, c *sdk.Client, name string, tags map[string]string) (string, error) {
			out, err := c.CreateRecordingConfiguration(t.Context(), &sdk.CreateRecordingConfigurationInput{Name: &name, Tags: tags, DestinationConfiguration: toBucket})
			if err != nil {
				return "", err
			}
			return *out.RecordingConfiguration.Arn, nil
		},
		list: func(ctx context.Context, c *sdk.Client, size *int32, token *string) (out []listed, next *string, err error) {
			page, err := c.ListRecordingConfigurations(ctx, &sdk.ListRecordingConfigurationsInput{MaxResults: size, NextToken: token})
			if err != nil {
				return nil, nil, err
			}
			for _, s := range page.RecordingConfigurations {
				out = append(out, listed{*s.Arn, s.Tags})
			}
			return out, page.NextToken, nil
		},
		delete: func(ctx context.Context, c *sdk.Client, name string) error {
			_, err := c.DeleteRecordingConfiguration(ctx, &sdk.DeleteRecordingConfigurationInput{Arn: &name})
			return err
		},
		attach: func(in *sdk.UpdateChannelInput, name string) { in.RecordingConfigurationArn = &name },
		filter: func(in *sdk.ListChannelsInput, name string) { in.FilterByRecordingConfigurationArn = &name },
	},
	{
		kind: arn.AdConfiguration, usual: 100, ref: refAds,
		make: func(t testing.TB, c *sdk.Client, name string, tags map[string]string) (string, error) {
			out, err := c.CreateAdConfiguration(t.Context(), &sdk.CreateAdConfigurationInput{Name: &name, Tags: tags, MediaTailorPlaybackConfigurations: tailored(1)})
			if err != nil {
				return "", err
			}
			return *out.AdConfiguration.Arn, nil
		},
		list: func(ctx context.Context, c *sdk.Client, size *int32, token *string) (out []listed, next *string, err error) {
			page, err := c.ListAdConfigurations(ctx, &sdk.ListAdConfigurationsInput{MaxResults: size, NextToken: token})
			if err != nil {
				return nil, nil, err
			}
			for _, s := range page.AdConfigurations {
				out = append(out, listed{*s.Arn, s.Tags})
			}
			return out, page.NextToken, nil
		},
		delete: func(ctx context.Context, c *sdk.Client, name string) error {
			_, err := c.DeleteAdConfiguration(ctx, &sdk.DeleteAdConfigurationInput{Arn: &name})
			return err
		},
		attach: func(in *sdk.UpdateChannelInput, name string) { in.AdConfigurationArn = &name },
		filter: func(in *sdk.ListChannelsInput, name string) { in.FilterByAdConfigurationArn = &name },
	},
}

func eachKind(t *testing.T, test func(t *testing.T, k kind)) {
	t.Helper()
	for _, k := range kinds {
		t.Run(string(k.kind), func(t *testing.T) { test(t, k) })
	}
}

func (k *kind) must(t testing.TB, c *sdk.Client, name string) string {
	t.Helper()
	made, err := k.make(t, c, name, nil)
	if err != nil {
		t.Fatal(err)
	}
	return made
}

func TestEachKindIsListedPageByPage(t *testing.T) {
	eachKind(t, func(t *testing.T, k kind) {
		w := newWorld(t, time.Now())
		c, ctx := w.client(t), t.Context()
		var made []string
		for i := range 7 {
			made = append(made, k.must(t, c, fmt.Sprint("n", i)))
		}
		slices.Reverse(made)
		first, next, err := k.list(ctx, c, nil, nil)
		if err != nil || len(first) != min(k.usual, 7) || (next == nil) != (k.usual > 7) {
			t.Fatalf("a plain list: %v, %v, %v", first, next, err)
		}
		var seen []string
		for token := new(""); token != nil; {
			page, next, err := k.list(ctx, c, new(int32(3)), token)
			if err != nil {
				t.Fatal(err)
			}
			for _, r := range page {
				seen = append(seen, r.arn)
				if r.tags == nil {
					t.Error("a summary without tags has no empty map")
				}
			}
			token = next
		}
		if !slices.Equal(seen, made) {
			t.Errorf("pages hold %v, want the newest first: %v", seen, made)
		}
		foreign, err := c.ListChannels(ctx, &sdk.ListChannelsInput{MaxResults: new(int32(1))})
		if err != nil || foreign.NextToken != nil {
			t.Fatal(foreign, err)
		}
		for _, bad := range []struct {
			size  *int32
			token *string
		}{{new(int32(0)), nil}, {new(int32(101)), nil}, {new(int32(-1)), nil}, {nil, new("bm90IG91cnM")}, {nil, new("not/a token!")}} {
			_, _, err := k.list(ctx, c, bad.size, bad.token)
			wantException[*types.ValidationException](t, err)
		}
		for _, other := range kinds {
			if other.kind == k.kind {
				continue
			}
			_, token, err := k.list(ctx, c, new(int32(1)), nil)
			if err != nil {
				t.Fatal(err)
			}
			_, _, err = other.list(ctx, c, nil, token)
			wantException[*types.ValidationException](t, err)
		}
	})
}

func TestEachKindHasTags(t *testing.T) {
	eachKind(t, func(t *testing.T, k kind) {
		w := newWorld(t, time.Now())
		c, ctx := w.client(t), t.Context()
		name, err := k.make(t, c, "n", map[string]string{"a": "1", "b": "2"})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := c.TagResource(ctx, &sdk.TagResourceInput{ResourceArn: &name, Tags: map[string]string{"b": "3", "c": "4"}}); err != nil {
			t.Fatal(err)
		}
		if _, err := c.UntagResource(ctx, &sdk.UntagResourceInput{ResourceArn: &name, TagKeys: []string{"a"}}); err != nil {
			t.Fatal(err)
		}
		rows, _, err := k.list(ctx, c, nil, nil)
		if err != nil || len(rows) != 1 || fmt.Sprint(rows[0].tags) != "map[b:3 c:4]" {
			t.Errorf("listed: %+v, %v", rows, err)
		}
		if err := k.delete(ctx, c, name); err != nil {
			t.Fatal(err)
		}
		_, err = c.ListTagsForResource(ctx, &sdk.ListTagsForResourceInput{ResourceArn: &name})
		wantException[*types.ResourceNotFoundException](t, err)
		many := map[string]string{}
		for i := range 51 {
			many[fmt.Sprint("k", i)] = ""
		}
		_, err = k.make(t, c, "n", many)
		wantException[*types.ValidationException](t, err)
		_, err = k.make(t, c, "n", map[string]string{"aws:x": ""})
		wantException[*types.ValidationException](t, err)
	})
}

func TestEachKindHasAQuota(t *testing.T) {
	eachKind(t, func(t *testing.T, k kind) {
		w := newWorld(t, time.Now())
		w.quotas = map[arn.Kind]int{k.kind: 2}
		c, ctx := w.client(t), t.Context()
		k.must(t, c, "one")
		two := k.must(t, c, "two")
		_, err := k.make(t, c, "three", nil)
		wantException[*types.ServiceQuotaExceededException](t, err)
		if err := k.delete(ctx, c, two); err != nil {
			t.Fatal(err)
		}
		if _, err := k.make(t, c, "three", nil); err != nil {
			t.Errorf("one less: %v", err)
		}
		// As many as there can be are a page, where a page is not one.
		w.quotas[k.kind] = 1
		if rows, next, err := k.list(ctx, c, nil, nil); err != nil || len(rows) != 1 || next == nil {
			t.Errorf("listed under a quota of one: %v, %v, %v", rows, next, err)
		}
	})
}

func TestNothingOfAnotherAccountRegionOrKindIsDeleted(t *testing.T) {
	eachKind(t, func(t *testing.T, k kind) {
		w := newWorld(t, time.Now())
		w.furnish(t)
		c, ctx := w.client(t), t.Context()
		own := k.must(t, c, "n")
		there := arn.Minter{Region: "eu-west-1", Account: here.Account}
		wantException[*types.ValidationException](t, k.delete(ctx, c, there.Of(k.kind, arn.ID(own))))
		them := arn.Minter{Region: here.Region, Account: "999999999999"}
		wantException[*types.ResourceNotFoundException](t, k.delete(ctx, c, them.Of(k.kind, arn.ID(own))))
		wantException[*types.ResourceNotFoundException](t, k.delete(ctx, c, here.New(k.kind)))
		wantException[*types.ValidationException](t, k.delete(ctx, c, channelARN))
		if rows, _, err := k.list(ctx, c, nil, nil); err != nil || len(rows) != 1 {
			t.Errorf("left: %v, %v", rows, err)
		}
	})
}

func TestAConfigurationInUseIsNotDeleted(t *testing.T) {
	eachKind(t, func(t *testing.T, k kind) {
		if k.ref == "" {
			return // a key is in no channel
		}
		w := newWorld(t, time.Now())
		w.furnish(t)
		w.later()
		c, ctx := w.client(t), t.Context()
		name := k.must(t, c, "n")
		attach := func(name string) {
			t.Helper()
			in := &sdk.UpdateChannelInput{Arn: new(channelARN)}
			k.attach(in, name)
			if _, err := c.UpdateChannel(ctx, in); err != nil {
				t.Fatal(err)
			}
		}
		found := func() int {
			t.Helper()
			in := &sdk.ListChannelsInput{}
			k.filter(in, name)
			out, err := c.ListChannels(ctx, in)
			if err != nil {
				t.Fatal(err)
			}
			return len(out.Channels)
		}
		attach(name)
		wantException[*types.ConflictException](t, k.delete(ctx, c, name))
		if found() != 1 {
			t.Error("the channel is not found by what it has")
		}
		attach("")
		if found() != 0 {
			t.Error("the channel is found by what it had")
		}
		if err := k.delete(ctx, c, name); err != nil {
			t.Errorf("once it is taken off: %v", err)
		}
	})
}
