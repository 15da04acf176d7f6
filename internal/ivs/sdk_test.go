package ivs

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	sdk "github.com/aws/aws-sdk-go-v2/service/ivs"
	"github.com/aws/aws-sdk-go-v2/service/ivs/types"
	"github.com/aws/smithy-go"

	"github.com/streamcat/streamcat/internal/fault"
	"github.com/streamcat/streamcat/internal/store"
)

func TestAChannelLivesThroughTheSDK(t *testing.T) {
	w := newWorld(t, time.Now())
	c, ctx := w.client(t), t.Context()

	made, err := c.CreateChannel(ctx, &sdk.CreateChannelInput{
		Name: new("one"), Type: types.ChannelTypeAdvancedSDChannelType, LatencyMode: types.ChannelLatencyModeNormalLatency,
		Authorized: true, Tags: map[string]string{"a": "1"},
	})
	if err != nil {
		t.Fatal(err)
	}
	if got := made.Channel.Preset; got != types.TranscodePresetHigherBandwidthTranscodePreset {
		t.Errorf("preset of an ADVANCED_SD channel: got %q", got)
	}
	if !strings.HasPrefix(*made.StreamKey.Value, "sk_us-east-1_"+(*made.Channel.Arn)[len(*made.Channel.Arn)-12:]+"_") {
		t.Error("the stream key does not hold the channel's id")
	}
	if len(made.StreamKey.Tags) != 0 {
		t.Error("the channel's tags went to its stream key")
	}

	got, err := c.GetChannel(ctx, &sdk.GetChannelInput{Arn: made.Channel.Arn})
	if err != nil {
		t.Fatal(err)
	}
	if *got.Channel.Srt.Passphrase != *made.Channel.Srt.Passphrase || *got.Channel.Name != "one" || !got.Channel.Authorized || got.Channel.Tags["a"] != "1" {
		t.Errorf("got %+v, made %+v", got.Channel, made.Channel)
	}

	updated, err := c.UpdateChannel(ctx, &sdk.UpdateChannelInput{Arn: made.Channel.Arn, Type: types.ChannelTypeBasicChannelType})
	if err != nil {
		t.Fatal(err)
	}
	if u := updated.Channel; u.Preset != "" || *u.Name != "one" || u.LatencyMode != types.ChannelLatencyModeNormalLatency || !u.Authorized {
		t.Errorf("after a change of the type alone: %+v", u)
	}

	list, err := c.ListChannels(ctx, &sdk.ListChannelsInput{FilterByName: new("one")})
	if err != nil || len(list.Channels) != 1 || *list.Channels[0].Arn != *made.Channel.Arn || list.NextToken != nil {
		t.Errorf("list: %+v, %v", list, err)
	}
	if _, err := c.DeleteChannel(ctx, &sdk.DeleteChannelInput{Arn: made.Channel.Arn}); err != nil {
		t.Fatal(err)
	}
	_, err = c.GetStreamKey(ctx, &sdk.GetStreamKeyInput{Arn: made.StreamKey.Arn})
	wantException[*types.ResourceNotFoundException](t, err)
}

// wantException wants the SDK to know the failure by its type, and gives its message.
func wantException[E interface {
	error
	smithy.APIError
}](t *testing.T, err error) string {
	t.Helper()
	var want E
	if !errors.As(err, &want) {
		t.Errorf("got %v, want a %T", err, want)
		return ""
	}
	var message *string
	switch e := any(want).(type) {
	case *types.ResourceNotFoundException:
		message = e.ExceptionMessage
	case *types.ConflictException:
		message = e.ExceptionMessage
	case *types.ValidationException:
		message = e.ExceptionMessage
	case *types.ServiceQuotaExceededException:
		message = e.ExceptionMessage
	case *types.ChannelNotBroadcasting:
		message = e.ExceptionMessage
	}
	if text(message) == "" {
		t.Error("the exception has no message")
	}
	return text(message)
}

func TestFailuresAreTypedExceptionsInTheSDK(t *testing.T) {
	w := newWorld(t, time.Now())
	w.furnish(t)
	c, ctx := w.client(t), t.Context()
	missing := new("arn:aws:ivs:us-east-1:000000000000:channel/zzzzzzzzzzzz")

	_, err := c.GetChannel(ctx, &sdk.GetChannelInput{Arn: missing})
	wantException[*types.ResourceNotFoundException](t, err)
	_, err = c.UpdateChannel(ctx, &sdk.UpdateChannelInput{Arn: missing})
	wantException[*types.ResourceNotFoundException](t, err)
	_, err = c.GetStream(ctx, &sdk.GetStreamInput{ChannelArn: missing})
	wantException[*types.ResourceNotFoundException](t, err)
	_, err = c.CreateStreamKey(ctx, &sdk.CreateStreamKeyInput{ChannelArn: missing})
	wantException[*types.ResourceNotFoundException](t, err)
	_, err = c.CreateChannel(ctx, &sdk.CreateChannelInput{RecordingConfigurationArn: new("arn:aws:ivs:us-east-1:000000000000:recording-configuration/zzzzzzzzzzzz")})
	wantException[*types.ResourceNotFoundException](t, err)
	_, err = c.UpdateChannel(ctx, &sdk.UpdateChannelInput{Arn: new(channelARN), PlaybackRestrictionPolicyArn: new("arn:aws:ivs:us-east-1:000000000000:playback-restriction-policy/zzzzzzzzzzzz")})
	wantException[*types.ResourceNotFoundException](t, err)
	_, err = c.CreateStreamKey(ctx, &sdk.CreateStreamKeyInput{ChannelArn: new(channelARN)})
	wantException[*types.ServiceQuotaExceededException](t, err)
	_, err = c.ListChannels(ctx, &sdk.ListChannelsInput{FilterByName: new("a"), FilterByPlaybackRestrictionPolicyArn: new("arn:aws:ivs:us-east-1:000000000000:playback-restriction-policy/a")})
	wantException[*types.ConflictException](t, err)
	_, err = c.StopStream(ctx, &sdk.StopStreamInput{ChannelArn: new(channelARN)})
	wantException[*types.ChannelNotBroadcasting](t, err)
	_, err = c.ListTagsForResource(ctx, &sdk.ListTagsForResourceInput{ResourceArn: missing})
	wantException[*types.ResourceNotFoundException](t, err)
	_, err = c.ListTagsForResource(ctx, &sdk.ListTagsForResourceInput{ResourceArn: new("arn:aws:ivschat:us-east-1:000000000000:room/AbCdEf123456")})
	wantException[*types.ValidationException](t, err)
	_, err = c.TagResource(ctx, &sdk.TagResourceInput{ResourceArn: new(channelARN), Tags: map[string]string{"AWS:own": "x"}})
	wantException[*types.ValidationException](t, err)

	w.goLive()
	_, err = c.DeleteChannel(ctx, &sdk.DeleteChannelInput{Arn: new(channelARN)})
	wantException[*types.ConflictException](t, err)
	_, err = c.UpdateChannel(ctx, &sdk.UpdateChannelInput{Arn: new(channelARN), Name: new("x")})
	wantException[*types.ConflictException](t, err)
}

func TestANewStreamKeyNeedsTheOldOneToBeDeleted(t *testing.T) {
	w := newWorld(t, time.Now())
	w.furnish(t)
	c, ctx := w.client(t), t.Context()
	dir := NewDirectory(w.db, w.keyring, here)
	if spec, err := dir.ByStreamKey(ctx, keyValue); err != nil || spec.ARN != channelARN || spec.Name != "fixed" {
		t.Fatalf("the first key: %+v, %v", spec, err)
	}
	if _, err := c.DeleteStreamKey(ctx, &sdk.DeleteStreamKeyInput{Arn: new(keyARN)}); err != nil {
		t.Fatal(err)
	}
	made, err := c.CreateStreamKey(ctx, &sdk.CreateStreamKeyInput{ChannelArn: new(channelARN), Tags: map[string]string{"b": "2"}})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := dir.ByStreamKey(ctx, keyValue); fault.Of(err) != fault.NotFound || strings.Contains(fmt.Sprint(err), keyValue) {
		t.Errorf("the deleted key: %v", err)
	}
	if spec, err := dir.ByStreamKey(ctx, *made.StreamKey.Value); err != nil || spec.ARN != channelARN {
		t.Errorf("the new key: %+v, %v", spec, err)
	}
	got, err := c.BatchGetStreamKey(ctx, &sdk.BatchGetStreamKeyInput{Arns: []string{*made.StreamKey.Arn, keyARN, *made.StreamKey.Arn}})
	if err != nil {
		t.Fatal(err)
	}
	if len(got.StreamKeys) != 1 || *got.StreamKeys[0].Value != *made.StreamKey.Value || got.StreamKeys[0].Tags["b"] != "2" {
		t.Errorf("batch: %+v", got.StreamKeys)
	}
	if len(got.Errors) != 1 || *got.Errors[0].Arn != keyARN || *got.Errors[0].Code != "404" {
		t.Errorf("errors of the batch: %+v", got.Errors)
	}
}

func TestDirectoryFindsChannelsById(t *testing.T) {
	w := newWorld(t, time.Now())
	w.furnish(t)
	dir := NewDirectory(w.db, w.keyring, here)
	if spec, err := dir.Channel(t.Context(), "AbCdEf123456"); err != nil || spec.ARN != channelARN || !spec.Authorized {
		t.Errorf("got %+v, %v", spec, err)
	}
	for _, id := range []string{"", "zzzzzzzzzzzz", "../x", strings.Repeat("a", 300)} {
		if _, err := dir.Channel(t.Context(), id); fault.Of(err) != fault.NotFound {
			t.Errorf("id %q: %v", id, err)
		}
	}
}

func TestListsGoPageByPage(t *testing.T) {
	w := newWorld(t, time.Now())
	c, ctx := w.client(t), t.Context()
	var made []string
	for i := range 7 {
		out, err := c.CreateChannel(ctx, &sdk.CreateChannelInput{Name: new(fmt.Sprintf("c%d", i%2))})
		if err != nil {
			t.Fatal(err)
		}
		made = append([]string{*out.Channel.Arn}, made...)
	}
	var seen []string
	for p := sdk.NewListChannelsPaginator(c, &sdk.ListChannelsInput{MaxResults: new(int32(3))}); p.HasMorePages(); {
		page, err := p.NextPage(ctx)
		if err != nil {
			t.Fatal(err)
		}
		for _, ch := range page.Channels {
			seen = append(seen, *ch.Arn)
		}
	}
	if !slices.Equal(seen, made) {
		t.Errorf("pages hold %v, want the newest first: %v", seen, made)
	}

	first, err := c.ListChannels(ctx, &sdk.ListChannelsInput{FilterByName: new("c0"), MaxResults: new(int32(1))})
	if err != nil || first.NextToken == nil {
		t.Fatalf("first page: %+v, %v", first, err)
	}
	for _, in := range []sdk.ListChannelsInput{
		{NextToken: first.NextToken}, {NextToken: first.NextToken, FilterByName: new("c1")}, {NextToken: new("bm90IG91cnM")},
	} {
		_, err := c.ListChannels(ctx, &in)
		wantException[*types.ValidationException](t, err)
	}
	second, err := c.ListChannels(ctx, &sdk.ListChannelsInput{FilterByName: new("c0"), MaxResults: new(int32(2)), NextToken: first.NextToken})
	if err != nil || len(second.Channels) != 2 || *second.Channels[0].Name != "c0" {
		t.Errorf("second page: %+v, %v", second, err)
	}
	if all, err := c.ListChannels(ctx, &sdk.ListChannelsInput{NextToken: new("")}); err != nil || len(all.Channels) != 7 {
		t.Errorf("an empty token begins at the start: %v", err)
	}
}

func TestListStreamsFiltersAndPages(t *testing.T) {
	w := newWorld(t, time.Now())
	for i := range 5 {
		w.goLive()
		l := &w.encoders.live[i]
		l.ARN = fmt.Sprintf("arn:aws:ivs:us-east-1:000000000000:channel/%012d", i)
		if i == 2 {
			l.Health = "STARVING"
		}
	}
	c, ctx := w.client(t), t.Context()
	var seen []string
	for p := sdk.NewListStreamsPaginator(c, &sdk.ListStreamsInput{MaxResults: new(int32(2)), FilterBy: &types.StreamFilters{Health: types.StreamHealthStreamHealthy}}); p.HasMorePages(); {
		page, err := p.NextPage(ctx)
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range page.Streams {
			seen = append(seen, (*s.ChannelArn)[len(*s.ChannelArn)-1:])
		}
	}
	if got := strings.Join(seen, ""); got != "0134" {
		t.Errorf("healthy streams: got %s, want 0134", got)
	}
}

func TestPagesOfStreamsBelongToTheirFilter(t *testing.T) {
	w := newWorld(t, time.Now())
	w.furnish(t)
	for i := range 3 {
		w.goLive()
		w.encoders.live[i].ARN = fmt.Sprintf("arn:aws:ivs:us-east-1:000000000000:channel/%012d", i)
	}
	c, ctx := w.client(t), t.Context()
	first, err := c.ListStreams(ctx, &sdk.ListStreamsInput{MaxResults: new(int32(1))})
	if err != nil || first.NextToken == nil {
		t.Fatalf("first page: %+v, %v", first, err)
	}
	for _, in := range []sdk.ListStreamsInput{
		{NextToken: first.NextToken, FilterBy: &types.StreamFilters{Health: types.StreamHealthStreamHealthy}},
		{NextToken: new("bm90IG91cnM")},
		{MaxResults: new(int32(0))},
		{MaxResults: new(int32(101))},
		{FilterBy: &types.StreamFilters{Health: "ILL"}},
	} {
		_, err := c.ListStreams(ctx, &in)
		wantException[*types.ValidationException](t, err)
	}

	for i := range 3 {
		err := w.db.InsertStreamSession(ctx, store.StreamSession{
			StreamID: fmt.Sprintf("st-%023d", i), ChannelARN: channelARN, Started: time.Unix(int64(i), 0), Ended: time.Unix(10, 0), Doc: []byte(`{}`), Node: "n1",
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	var seen []string
	var token *string
	for p := sdk.NewListStreamSessionsPaginator(c, &sdk.ListStreamSessionsInput{ChannelArn: new(channelARN), MaxResults: new(int32(1))}); p.HasMorePages(); {
		page, err := p.NextPage(ctx)
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range page.StreamSessions {
			seen = append(seen, (*s.StreamId)[len(*s.StreamId)-1:])
		}
		if page.NextToken != nil {
			token = page.NextToken
		}
	}
	if got := strings.Join(seen, ""); got != "210" {
		t.Errorf("sessions: %s, want the newest first: 210", got)
	}
	other, err := c.CreateChannel(ctx, &sdk.CreateChannelInput{})
	if err != nil {
		t.Fatal(err)
	}
	for _, in := range []sdk.ListStreamSessionsInput{
		{ChannelArn: other.Channel.Arn, NextToken: token}, {ChannelArn: new(channelARN), NextToken: first.NextToken}, {ChannelArn: new(channelARN), MaxResults: new(int32(101))},
	} {
		_, err := c.ListStreamSessions(ctx, &in)
		wantException[*types.ValidationException](t, err)
	}
}

func TestTagsAreMergedAndBounded(t *testing.T) {
	w := newWorld(t, time.Now())
	w.furnish(t)
	c, ctx := w.client(t), t.Context()
	tag := func(tags map[string]string) error {
		_, err := c.TagResource(ctx, &sdk.TagResourceInput{ResourceArn: new(channelARN), Tags: tags})
		return err
	}
	if err := tag(map[string]string{"owner": "Bob", "größe/µ": "ö =+-@"}); err != nil {
		t.Fatal(err)
	}
	many := map[string]string{}
	for i := range 48 {
		many[fmt.Sprint("k", i)] = ""
	}
	wantException[*types.ValidationException](t, tag(many)) // 3 are there already
	if _, err := c.UntagResource(ctx, &sdk.UntagResourceInput{ResourceArn: new(channelARN), TagKeys: []string{"größe/µ", "never there"}}); err != nil {
		t.Fatal(err)
	}
	if _, err := c.UntagResource(ctx, &sdk.UntagResourceInput{ResourceArn: new(channelARN), TagKeys: []string{}}); err != nil {
		t.Errorf("no keys: %v", err)
	}
	if err := tag(many); err != nil {
		t.Errorf("50 tags: %v", err)
	}
	got, err := c.ListTagsForResource(ctx, &sdk.ListTagsForResourceInput{ResourceArn: new(channelARN)})
	if err != nil || len(got.Tags) != 50 || got.Tags["owner"] != "Bob" {
		t.Errorf("tags: %v, %v", got, err)
	}
	if got, err := c.ListTagsForResource(ctx, &sdk.ListTagsForResourceInput{ResourceArn: new(keyARN)}); err != nil || got.Tags == nil || len(got.Tags) != 0 {
		t.Errorf("a resource without tags: %+v, %v", got, err)
	}
}

func TestSecretsAreNeitherStoredNorLoggedPlain(t *testing.T) {
	w := newWorld(t, time.Now())
	c, ctx := w.client(t), t.Context()
	made, err := c.CreateChannel(ctx, &sdk.CreateChannelInput{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.GetStreamKey(ctx, &sdk.GetStreamKeyInput{Arn: made.StreamKey.Arn}); err != nil {
		t.Fatal(err)
	}
	if err := w.db.Close(); err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob(filepath.Join(w.dir, "streamcat.db*"))
	if err != nil || len(files) == 0 {
		t.Fatal("no database file", err)
	}
	stored := w.log.Bytes()
	for _, path := range files {
		b, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		stored = append(stored, b...)
	}
	for what, secret := range map[string]string{"stream key": *made.StreamKey.Value, "passphrase": *made.Channel.Srt.Passphrase} {
		if bytes.Contains(stored, []byte(secret)) {
			t.Errorf("the %s is in the database file or the log", what)
		}
	}
}
