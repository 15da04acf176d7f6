package ivsrealtime_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/ivsrealtime"
	"github.com/aws/aws-sdk-go-v2/service/ivsrealtime/types"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/streamcat/streamcat/internal/arn"
	"github.com/streamcat/streamcat/internal/stage"
	"github.com/streamcat/streamcat/internal/store/storetest"
)

var ignoreShapes = cmpopts.IgnoreUnexported(
	types.Composition{}, types.Destination{}, types.DestinationConfiguration{}, types.DestinationDetail{}, types.S3Detail{}, types.S3DestinationConfiguration{},
	types.RecordingConfiguration{}, types.CompositionThumbnailConfiguration{}, types.ChannelDestinationConfiguration{},
	types.LayoutConfiguration{}, types.GridConfiguration{}, types.PipConfiguration{})

func TestACompositionStartsAndFailsAloud(t *testing.T) {
	c := compose(t, "", nil)
	to := c.toS3(c.encoder)
	to.Name = aws.String("film")
	to.S3.ThumbnailConfigurations = []types.CompositionThumbnailConfiguration{{}}
	out := must[*sdk.StartCompositionOutput](t)(c.client.StartComposition(t.Context(), &sdk.StartCompositionInput{
		StageArn: &c.stage, Destinations: []types.DestinationConfiguration{to, c.toChannel()}, Tags: map[string]string{"for": "test"},
	}))
	got := out.Composition
	s3, live := got.Destinations[0].Id, got.Destinations[1].Id
	name := arn.ID(*got.Arn)
	want := &types.Composition{
		Arn: got.Arn, StageArn: &c.stage, State: types.CompositionStateStarting, StartTime: aws.Time(c.now()), Tags: map[string]string{"for": "test"},
		Layout: &types.LayoutConfiguration{Grid: &types.GridConfiguration{
			FeaturedParticipantAttribute: aws.String(""), GridGap: 2, VideoAspectRatio: types.VideoAspectRatioVideo,
		}},
		Destinations: []types.Destination{{
			Id: s3, State: types.DestinationStateStarting,
			Detail: &types.DestinationDetail{S3: &types.S3Detail{RecordingPrefix: aws.String(arn.ID(c.stage) + "/" + name + "/" + *s3 + "/composite")}},
			Configuration: &types.DestinationConfiguration{Name: aws.String("film"), S3: &types.S3DestinationConfiguration{
				EncoderConfigurationArns: []string{c.encoder}, StorageConfigurationArn: &c.s3,
				RecordingConfiguration:  &types.RecordingConfiguration{Format: types.RecordingConfigurationFormatHls},
				ThumbnailConfigurations: []types.CompositionThumbnailConfiguration{{Storage: []types.ThumbnailStorageType{"SEQUENTIAL"}, TargetIntervalSeconds: aws.Int32(60)}},
			}},
		}, {
			Id: live, State: types.DestinationStateStarting,
			Configuration: &types.DestinationConfiguration{Name: aws.String(""), Channel: &types.ChannelDestinationConfiguration{ChannelArn: &c.video}},
		}},
	}
	if diff := cmp.Diff(want, got, ignoreShapes); diff != "" || len(name) != 12 || len(*s3) != 12 {
		t.Errorf("the answer:\n%s", diff)
	}
	want.State, want.EndTime = types.CompositionStateFailed, aws.Time(c.now())
	for i := range want.Destinations {
		want.Destinations[i].State, want.Destinations[i].EndTime = types.DestinationStateFailed, aws.Time(c.now())
	}
	if diff := cmp.Diff(want, c.until(got.Arn, types.CompositionStateFailed), ignoreShapes); diff != "" {
		t.Errorf("in the end:\n%s", diff)
	}
	if told, want := c.told(*got.Arn), []string{"Destination Failure " + *s3, "Destination Failure " + *live, "Session Failure"}; !slices.Equal(told, want) {
		t.Errorf("told %v, want %v", told, want)
	}
	for _, name := range []string{c.stage, c.encoder, c.s3, c.video} {
		if c.uses(name) != 0 {
			t.Errorf("%s is still used", name)
		}
	}
}

func TestAPictureInPictureHasItsDefaults(t *testing.T) {
	c := compose(t, "", nil)
	out := must[*sdk.StartCompositionOutput](t)(c.client.StartComposition(t.Context(), &sdk.StartCompositionInput{
		StageArn: &c.stage, Destinations: []types.DestinationConfiguration{c.toChannel()},
		Layout: &types.LayoutConfiguration{Pip: &types.PipConfiguration{PipWidth: aws.Int32(320), FeaturedParticipantAttribute: aws.String("host")}},
	}))
	want := &types.LayoutConfiguration{Pip: &types.PipConfiguration{
		FeaturedParticipantAttribute: aws.String("host"), PipParticipantAttribute: aws.String(""),
		PipBehavior: types.PipBehaviorStatic, PipPosition: types.PipPositionBottomRight, VideoFillMode: types.VideoFillModeCover, PipWidth: aws.Int32(320), GridGap: 0,
	}}
	if diff := cmp.Diff(want, out.Composition.Layout, ignoreShapes); diff != "" {
		t.Error(diff)
	}
}

// Members that the SDK for Go of this version does not know.
func TestNewerMembersOfCompositionsHaveTheirDefaults(t *testing.T) {
	c := compose(t, "", nil)
	raw := &server{url: c.url}
	layout := func(asked string) string {
		var out struct {
			Composition struct{ Layout json.RawMessage }
		}
		body := post(t, raw, "StartComposition", fmt.Sprintf(`{"stageArn":%q,"destinations":[{"channel":{"channelArn":%q}}]%s}`, c.stage, c.video, asked), 200)
		if err := json.Unmarshal(body, &out); err != nil {
			t.Fatal(err)
		}
		return string(out.Composition.Layout)
	}
	grid := `{"grid":{"featuredParticipantAttribute":"","gridGap":2,"omitStoppedVideo":false,"participantOrderAttribute":"","videoAspectRatio":"VIDEO","videoFillMode":""}}`
	pip := `{"pip":{"featuredParticipantAttribute":"","gridGap":0,"omitStoppedVideo":false,"participantOrderAttribute":"","pipBehavior":"STATIC","pipOffset":0,"pipParticipantAttribute":"","pipPosition":"BOTTOM_RIGHT","videoFillMode":"COVER"}}`
	for asked, want := range map[string]string{"": grid, `,"layout":{}`: grid, `,"layout":{"grid":{}}`: grid, `,"layout":{"pip":{}}`: pip} {
		if got := layout(asked); got != want {
			t.Errorf("%s: got %s, want %s", asked, got, want)
		}
	}
	s3 := `{"stageArn":%q,"destinations":[{"s3":{"encoderConfigurationArns":[%q],"storageConfigurationArn":%q,"recordingConfiguration":{"hlsConfiguration":{%s}}}}]}`
	body := post(t, raw, "StartComposition", fmt.Sprintf(s3, c.stage, c.encoder, c.s3, ""), 200)
	if want := `"recordingConfiguration":{"format":"HLS","hlsConfiguration":{"targetSegmentDurationSeconds":2}}`; !strings.Contains(string(body), want) || strings.Contains(string(body), "thumbnail") {
		t.Errorf("got %s, want %s", body, want)
	}
	post(t, raw, "StartComposition", fmt.Sprintf(s3, c.stage, c.encoder, c.s3, `"targetSegmentDurationSeconds":1`), 400, "ValidationException")
}

func TestACompositionIsStopped(t *testing.T) {
	c := compose(t, "", nil)
	c.waits.Store(true)
	made := c.start(c.stage, c.toChannel(), c.toS3(c.encoder))
	if c.uses(c.encoder) != 1 || c.uses(c.s3) != 1 || c.uses(c.video) != 1 || c.uses(c.stage) != 1 || c.get(made.Arn).State != types.CompositionStateStarting {
		t.Error("it does not hold what it uses")
	}
	c.pass(time.Minute)
	for range 2 { // the second time it has ended
		c.stop(made.Arn)
		c.pass(time.Second)
	}
	c.live.Compose(*made.Arn) // too late
	got := c.get(made.Arn)
	if end := clock.Add(time.Minute); got.State != types.CompositionStateStopped || !got.EndTime.Equal(end) ||
		got.Destinations[1].State != types.DestinationStateStopped || !got.Destinations[1].EndTime.Equal(end) || got.Destinations[1].StartTime != nil {
		t.Errorf("got %+v", got)
	}
	want := []string{"Destination End " + *made.Destinations[0].Id, "Destination End " + *made.Destinations[1].Id, "Session End"}
	if told := c.told(*made.Arn); !slices.Equal(told, want) {
		t.Errorf("told %v, want %v", told, want)
	}
	if c.uses(c.encoder) != 0 || c.uses(c.stage) != 0 {
		t.Error("it still holds what it used")
	}
}

func TestADeletedStageEndsItsCompositions(t *testing.T) {
	c := compose(t, "", nil)
	c.waits.Store(true)
	other := c.newStage()
	made, stays := c.start(c.stage, c.toChannel()), c.start(other, c.toChannel())
	must[*sdk.DeleteStageOutput](t)(c.client.DeleteStage(t.Context(), &sdk.DeleteStageInput{Arn: &c.stage}))
	if c.get(made.Arn).State != types.CompositionStateStopped || c.get(stays.Arn).State != types.CompositionStateStarting {
		t.Error("a deleted stage ends its compositions, and no others")
	}
	if told, want := c.told(*made.Arn), []string{"Destination End " + *made.Destinations[0].Id, "Session End"}; !slices.Equal(told, want) {
		t.Errorf("told %v, want %v", told, want)
	}
}

func TestACrashLeavesNoCompositionStarting(t *testing.T) {
	c := compose(t, "", nil)
	c.waits.Store(true) // as if the process had died before it took it up
	made := c.start(c.stage, c.toChannel())
	next := c.manager()
	for range 2 {
		if err := next.Recover(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if got := c.get(made.Arn); got.State != types.CompositionStateFailed || got.EndTime == nil {
		t.Errorf("got %+v", got)
	}
	if told, want := c.told(*made.Arn), []string{"Destination Failure " + *made.Destinations[0].Id, "Session Failure"}; !slices.Equal(told, want) {
		t.Errorf("told %v, want %v", told, want)
	}
}

func TestAnEndedCompositionVanishes(t *testing.T) {
	c := compose(t, "", nil)
	c.waits.Store(true)
	in := &sdk.StartCompositionInput{StageArn: &c.stage, Destinations: []types.DestinationConfiguration{c.toChannel()}, IdempotencyToken: aws.String("once")}
	made := must[*sdk.StartCompositionOutput](t)(c.client.StartComposition(t.Context(), in)).Composition
	c.stop(made.Arn)
	c.pass(stage.CompositionStays - time.Millisecond)
	c.get(made.Arn)
	c.pass(time.Millisecond)
	_, err := c.client.GetComposition(t.Context(), &sdk.GetCompositionInput{Arn: made.Arn})
	wants[*types.ResourceNotFoundException](t, err)
	_, err = c.client.StopComposition(t.Context(), &sdk.StopCompositionInput{Arn: made.Arn})
	wants[*types.ResourceNotFoundException](t, err)
	if out := must[*sdk.ListCompositionsOutput](t)(c.client.ListCompositions(t.Context(), &sdk.ListCompositionsInput{})); len(out.Compositions) != 0 {
		t.Errorf("listed: %+v", out.Compositions)
	}
	again := must[*sdk.StartCompositionOutput](t)(c.client.StartComposition(t.Context(), in)).Composition
	if *again.Arn == *made.Arn {
		t.Error("the token still means one that is gone")
	}
	if n := must[int](t)(stage.Compositions(c.db).Count(t.Context())); n != 1 {
		t.Errorf("%d are kept", n)
	}
}

func TestCompositionsAreListed(t *testing.T) {
	c := compose(t, "", nil)
	c.waits.Store(true)
	other := c.newStage()
	a := c.start(c.stage, c.toS3(c.encoder))
	b := c.start(c.stage, c.toS3(c.another), c.toChannel())
	d := c.start(other, c.toS3(c.encoder))
	for name, q := range map[string]struct {
		in   sdk.ListCompositionsInput
		want []*types.Composition
	}{
		"all, the newest first": {sdk.ListCompositionsInput{}, []*types.Composition{d, b, a}},
		"of a stage":            {sdk.ListCompositionsInput{FilterByStageArn: &c.stage}, []*types.Composition{b, a}},
		"of an encoder":         {sdk.ListCompositionsInput{FilterByEncoderConfigurationArn: &c.encoder}, []*types.Composition{d, a}},
		"of both":               {sdk.ListCompositionsInput{FilterByStageArn: &c.stage, FilterByEncoderConfigurationArn: &c.encoder}, []*types.Composition{a}},
		"of an unknown stage":   {sdk.ListCompositionsInput{FilterByStageArn: aws.String(minter.New(arn.Stage))}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			var got, want []string
			q.in.MaxResults = aws.Int32(1)
			for pages := sdk.NewListCompositionsPaginator(c.client, &q.in); pages.HasMorePages(); {
				for _, s := range must[*sdk.ListCompositionsOutput](t)(pages.NextPage(t.Context())).Compositions {
					got = append(got, *s.Arn)
					if s.State != types.CompositionStateStarting || s.StageArn == nil || s.StartTime == nil || len(s.Destinations) == 0 || s.Destinations[0].Id == nil {
						t.Errorf("got %+v", s)
					}
				}
			}
			for _, w := range q.want {
				want = append(want, *w.Arn)
			}
			if !slices.Equal(got, want) {
				t.Errorf("got %v, want %v", got, want)
			}
		})
	}
	page := must[*sdk.ListCompositionsOutput](t)(c.client.ListCompositions(t.Context(), &sdk.ListCompositionsInput{MaxResults: aws.Int32(1)}))
	_, err := c.client.ListCompositions(t.Context(), &sdk.ListCompositionsInput{NextToken: page.NextToken, FilterByStageArn: &c.stage})
	wants[*types.ValidationException](t, err)
	_, err = c.client.ListCompositions(t.Context(), &sdk.ListCompositionsInput{MaxResults: aws.Int32(101)})
	wants[*types.ValidationException](t, err)
}

func TestWhatCannotBeComposed(t *testing.T) {
	c := compose(t, "", nil)
	elsewhere := arn.Minter{Region: minter.Region, Account: "999999999999"}
	s3 := func(encoder, storage string) types.DestinationConfiguration {
		d := c.toS3(encoder)
		d.S3.StorageConfigurationArn = &storage
		return d
	}
	channel := func(name, encoder string) types.DestinationConfiguration {
		return types.DestinationConfiguration{Channel: &types.ChannelDestinationConfiguration{ChannelArn: &name, EncoderConfigurationArn: &encoder}}
	}
	both := c.toChannel()
	both.S3 = c.toS3(c.encoder).S3
	invalid := func(t *testing.T, err error) { t.Helper(); wants[*types.ValidationException](t, err) }
	missing := func(t *testing.T, err error) { t.Helper(); wants[*types.ResourceNotFoundException](t, err) }
	for name, q := range map[string]struct {
		stage  string
		to     []types.DestinationConfiguration
		layout *types.LayoutConfiguration
		want   func(*testing.T, error)
	}{
		"no destination":                {c.stage, []types.DestinationConfiguration{}, nil, invalid},
		"three destinations":            {c.stage, []types.DestinationConfiguration{c.toChannel(), c.toS3(c.encoder), c.toChannel()}, nil, invalid},
		"two channels":                  {c.stage, []types.DestinationConfiguration{c.toChannel(), c.toChannel()}, nil, invalid},
		"two of s3":                     {c.stage, []types.DestinationConfiguration{c.toS3(c.encoder), c.toS3(c.another)}, nil, invalid},
		"a destination that is nothing": {c.stage, []types.DestinationConfiguration{{}}, nil, invalid},
		"a destination that is both":    {c.stage, []types.DestinationConfiguration{both}, nil, invalid},
		"both layouts":                  {c.stage, []types.DestinationConfiguration{c.toChannel()}, &types.LayoutConfiguration{Grid: &types.GridConfiguration{}, Pip: &types.PipConfiguration{}}, invalid},
		"a stage in another region":     {"arn:aws:ivs:eu-west-1:000000000000:stage/abcdefgh1234", []types.DestinationConfiguration{c.toChannel()}, nil, invalid},
		"no such stage":                 {minter.New(arn.Stage), []types.DestinationConfiguration{c.toChannel()}, nil, missing},
		"another account's stage":       {elsewhere.New(arn.Stage), []types.DestinationConfiguration{c.toChannel()}, nil, missing},
		"no such channel":               {c.stage, []types.DestinationConfiguration{channel(minter.New(arn.Channel), c.encoder)}, nil, missing},
		"another account's channel":     {c.stage, []types.DestinationConfiguration{channel(elsewhere.New(arn.Channel), c.encoder)}, nil, missing},
		"no such encoder of a channel":  {c.stage, []types.DestinationConfiguration{channel(c.video, minter.New(arn.EncoderConfiguration))}, nil, missing},
		"no such encoder":               {c.stage, []types.DestinationConfiguration{s3(minter.New(arn.EncoderConfiguration), c.s3)}, nil, missing},
		"no such storage":               {c.stage, []types.DestinationConfiguration{s3(c.encoder, minter.New(arn.StorageConfiguration))}, nil, missing},
		"another account's encoder":     {c.stage, []types.DestinationConfiguration{s3(elsewhere.New(arn.EncoderConfiguration), c.s3)}, nil, missing},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := c.client.StartComposition(t.Context(), &sdk.StartCompositionInput{StageArn: &q.stage, Destinations: q.to, Layout: q.layout})
			q.want(t, err)
		})
	}
	if n := must[int](t)(stage.Compositions(c.db).Count(t.Context())); n != 0 {
		t.Errorf("%d were made", n)
	}
	_, err := c.client.GetComposition(t.Context(), &sdk.GetCompositionInput{Arn: aws.String(minter.New(arn.Composition))})
	missing(t, err)
	_, err = c.client.StopComposition(t.Context(), &sdk.StopCompositionInput{Arn: aws.String(elsewhere.New(arn.Composition))})
	missing(t, err)
	_, err = c.client.GetComposition(t.Context(), &sdk.GetCompositionInput{Arn: &c.stage})
	invalid(t, err)
}

func TestCompositionsHaveQuotas(t *testing.T) {
	c := compose(t, "", map[arn.Kind]int{arn.Composition: 6})
	c.waits.Store(true)
	over := func(stageARN string) {
		t.Helper()
		_, err := c.client.StartComposition(t.Context(), &sdk.StartCompositionInput{StageArn: &stageARN, Destinations: []types.DestinationConfiguration{c.toChannel()}})
		wants[*types.ServiceQuotaExceededException](t, err)
	}
	first := c.start(c.stage, c.toChannel())
	for range 4 {
		c.start(c.stage, c.toChannel())
	}
	over(c.stage) // five on a stage
	other := c.newStage()
	c.start(other, c.toChannel())
	over(other) // six altogether
	c.stop(first.Arn)
	c.start(other, c.toChannel()) // one that has ended does not count
}

func TestACompositionIsTagged(t *testing.T) {
	c := compose(t, "", nil)
	made := c.start(c.stage, c.toChannel())
	must[*sdk.TagResourceOutput](t)(c.client.TagResource(t.Context(), &sdk.TagResourceInput{ResourceArn: made.Arn, Tags: map[string]string{"a": "b"}}))
	if got := c.get(made.Arn).Tags; got["a"] != "b" {
		t.Errorf("tags %v", got)
	}
	out := must[*sdk.ListCompositionsOutput](t)(c.client.ListCompositions(t.Context(), &sdk.ListCompositionsInput{}))
	if got := out.Compositions[0].Tags; got["a"] != "b" {
		t.Errorf("listed with tags %v", got)
	}
}

func TestATokenStartsOneComposition(t *testing.T) {
	for name, url := range map[string]func(*testing.T) string{
		"sqlite": func(*testing.T) string { return "" }, "postgres": func(t *testing.T) string { return storetest.PostgresURL(t) },
	} {
		t.Run(name, func(t *testing.T) {
			c := compose(t, url(t), nil)
			in := sdk.StartCompositionInput{StageArn: &c.stage, Destinations: []types.DestinationConfiguration{c.toChannel()}, IdempotencyToken: aws.String("token")}
			var mu sync.Mutex
			made := map[string]int{}
			var all sync.WaitGroup
			for i := range 20 {
				all.Go(func() {
					mine := in
					if i%4 == 3 {
						mine.Tags = map[string]string{"other": fmt.Sprint(i)}
					}
					out, err := c.client.StartComposition(t.Context(), &mine)
					mu.Lock()
					defer mu.Unlock()
					if err != nil {
						var conflict *types.ConflictException
						if !errors.As(err, &conflict) {
							t.Error(err)
						}
						made["conflict"]++
						return
					}
					made[*out.Composition.Arn]++
				})
			}
			all.Wait()
			if len(made) != 2 || made["conflict"] == 0 {
				t.Errorf("made %v, want one", made)
			}
			if n := must[int](t)(stage.Compositions(c.db).Count(t.Context())); n != 1 {
				t.Errorf("%d are kept", n)
			}
		})
	}
}
