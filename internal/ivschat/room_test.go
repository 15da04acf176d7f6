package ivschat_test

import (
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/ivschat"
	"github.com/aws/aws-sdk-go-v2/service/ivschat/types"
	"github.com/aws/smithy-go/middleware"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/streamcat/streamcat/internal/arn"
	"github.com/streamcat/streamcat/internal/fault"
	"github.com/streamcat/streamcat/internal/ivschat"
	"github.com/streamcat/streamcat/internal/room"
)

const lambda = "arn:aws:lambda:us-east-1:000000000000:function:review"

var shown = cmp.Options{
	cmpopts.IgnoreUnexported(sdk.CreateRoomOutput{}, sdk.GetRoomOutput{}, sdk.UpdateRoomOutput{}, types.MessageReviewHandler{}),
	cmpopts.IgnoreTypes(middleware.Metadata{}),
}

func TestRoomIsShownInFull(t *testing.T) {
	s := start(t)
	before := time.Now().Add(-time.Millisecond)
	made := must[*sdk.CreateRoomOutput](t)(s.client.CreateRoom(t.Context(), &sdk.CreateRoomInput{
		Name: aws.String("lobby"), MaximumMessageLength: aws.Int32(100), MaximumMessageRatePerSecond: aws.Int32(5),
		MessageReviewHandler: &types.MessageReviewHandler{Uri: aws.String(lambda)}, Tags: map[string]string{"project": "x"},
	}))
	a, err := arn.Parse(*made.Arn)
	if err != nil || a.Kind != arn.Room || a.Service != "ivschat" || len(a.ID) != 12 || a.ID != *made.Id {
		t.Errorf("arn %q, id %q: %v", *made.Arn, *made.Id, err)
	}
	if made.CreateTime.Before(before) || made.CreateTime.After(time.Now()) || !made.CreateTime.Equal(*made.UpdateTime) {
		t.Errorf("times: %v, %v", made.CreateTime, made.UpdateTime)
	}
	want := &sdk.CreateRoomOutput{
		Arn: made.Arn, Id: made.Id, CreateTime: made.CreateTime, UpdateTime: made.UpdateTime,
		Name: aws.String("lobby"), MaximumMessageLength: aws.Int32(100), MaximumMessageRatePerSecond: aws.Int32(5),
		MessageReviewHandler: &types.MessageReviewHandler{Uri: aws.String(lambda), FallbackResult: types.FallbackResultAllow},
		Tags:                 map[string]string{"project": "x"},
	}
	if d := cmp.Diff(want, made, shown); d != "" {
		t.Errorf("created: %s", d)
	}
	got := must[*sdk.GetRoomOutput](t)(s.client.GetRoom(t.Context(), &sdk.GetRoomInput{Identifier: made.Arn}))
	if d := cmp.Diff((*sdk.GetRoomOutput)(want), got, shown); d != "" {
		t.Errorf("got: %s", d)
	}
}

func TestRoomOfAnEmptyRequestHasDefaults(t *testing.T) {
	s := start(t)
	made := must[*sdk.CreateRoomOutput](t)(s.client.CreateRoom(t.Context(), &sdk.CreateRoomInput{
		MessageReviewHandler: &types.MessageReviewHandler{FallbackResult: types.FallbackResultDeny}, // nobody reviews, so nothing falls back
	}))
	want := &sdk.CreateRoomOutput{
		Arn: made.Arn, Id: made.Id, CreateTime: made.CreateTime, UpdateTime: made.UpdateTime,
		Name: aws.String(""), MaximumMessageLength: aws.Int32(500), MaximumMessageRatePerSecond: aws.Int32(10), Tags: map[string]string{},
	}
	if d := cmp.Diff(want, made, shown); d != "" {
		t.Error(d)
	}
}

func TestUpdateRoomChangesWhatItNames(t *testing.T) {
	s := start(t)
	logging := *s.newLogging(t, &sdk.CreateLoggingConfigurationInput{})
	made := must[*sdk.CreateRoomOutput](t)(s.client.CreateRoom(t.Context(), &sdk.CreateRoomInput{
		Name: aws.String("one"), Tags: map[string]string{"a": "b"}, LoggingConfigurationIdentifiers: []string{logging},
		MessageReviewHandler: &types.MessageReviewHandler{Uri: aws.String(lambda), FallbackResult: types.FallbackResultDeny},
	}))
	want := sdk.UpdateRoomOutput(*made)
	for _, c := range []struct {
		name   string
		in     sdk.UpdateRoomInput
		change func()
	}{
		{"nothing", sdk.UpdateRoomInput{}, func() {}},
		{"the name", sdk.UpdateRoomInput{Name: aws.String("two")}, func() { want.Name = aws.String("two") }},
		{"the limits", sdk.UpdateRoomInput{MaximumMessageLength: aws.Int32(1), MaximumMessageRatePerSecond: aws.Int32(100)}, func() {
			want.MaximumMessageLength, want.MaximumMessageRatePerSecond = aws.Int32(1), aws.Int32(100)
		}},
		{"the fallback", sdk.UpdateRoomInput{MessageReviewHandler: &types.MessageReviewHandler{FallbackResult: types.FallbackResultAllow}}, func() {
			want.MessageReviewHandler = &types.MessageReviewHandler{Uri: aws.String(lambda), FallbackResult: types.FallbackResultAllow}
		}},
		{"no handler", sdk.UpdateRoomInput{MessageReviewHandler: &types.MessageReviewHandler{Uri: aws.String("")}}, func() { want.MessageReviewHandler = nil }},
		{"no logging", sdk.UpdateRoomInput{LoggingConfigurationIdentifiers: []string{}}, func() { want.LoggingConfigurationIdentifiers = nil }},
	} {
		c.in.Identifier = made.Arn
		got := must[*sdk.UpdateRoomOutput](t)(s.client.UpdateRoom(t.Context(), &c.in))
		if got.UpdateTime.Before(*want.UpdateTime) || !got.CreateTime.Equal(*made.CreateTime) {
			t.Errorf("%s: times %v, %v", c.name, got.CreateTime, got.UpdateTime)
		}
		want.UpdateTime = got.UpdateTime
		c.change()
		// An empty list may be shown or left out.
		if d := cmp.Diff(&want, got, shown, cmpopts.EquateEmpty()); d != "" {
			t.Errorf("%s: %s", c.name, d)
		}
	}
}

func TestListRooms(t *testing.T) {
	s := start(t)
	ctx := t.Context()
	logging := *s.newLogging(t, &sdk.CreateLoggingConfigurationInput{})
	handler := &types.MessageReviewHandler{Uri: aws.String(lambda)}
	a := s.newRoom(t, &sdk.CreateRoomInput{Name: aws.String("x"), MessageReviewHandler: handler})
	b := s.newRoom(t, &sdk.CreateRoomInput{Name: aws.String("x"), LoggingConfigurationIdentifiers: []string{logging}})
	c := s.newRoom(t, &sdk.CreateRoomInput{Name: aws.String("xx"), MessageReviewHandler: handler, Tags: map[string]string{"k": "v"}})
	must[*sdk.UpdateRoomOutput](t)(s.client.UpdateRoom(ctx, &sdk.UpdateRoomInput{Identifier: a})) // a was changed last
	for _, q := range []struct {
		name string
		in   sdk.ListRoomsInput
		want []string
	}{
		{"all, the last changed first", sdk.ListRoomsInput{}, []string{*a, *c, *b}},
		{"in pages", sdk.ListRoomsInput{MaxResults: aws.Int32(1)}, []string{*a, *c, *b}},
		{"by name", sdk.ListRoomsInput{Name: aws.String("x"), MaxResults: aws.Int32(1)}, []string{*a, *b}},
		{"by handler", sdk.ListRoomsInput{MessageReviewHandlerUri: aws.String(lambda)}, []string{*a, *c}},
		{"by logging", sdk.ListRoomsInput{LoggingConfigurationIdentifier: &logging}, []string{*b}},
		{"by name and handler", sdk.ListRoomsInput{Name: aws.String("x"), MessageReviewHandlerUri: aws.String(lambda)}, []string{*a}},
		{"by name and logging", sdk.ListRoomsInput{Name: aws.String("xx"), LoggingConfigurationIdentifier: &logging}, []string{}},
		{"by all three", sdk.ListRoomsInput{Name: aws.String("x"), MessageReviewHandlerUri: aws.String(lambda), LoggingConfigurationIdentifier: &logging}, []string{}},
		{"by a name that none has", sdk.ListRoomsInput{Name: aws.String("y")}, []string{}},
		{"empty filters are none", sdk.ListRoomsInput{Name: aws.String(""), NextToken: aws.String("")}, []string{*a, *c, *b}},
	} {
		got := []string{}
		for {
			page := must[*sdk.ListRoomsOutput](t)(s.client.ListRooms(ctx, &q.in))
			for _, r := range page.Rooms {
				got = append(got, *r.Arn)
				if *r.Arn == *c && (*r.Name != "xx" || r.Tags["k"] != "v" || *r.MessageReviewHandler.Uri != lambda || *r.Id != arn.ID(*c) || r.CreateTime == nil) {
					t.Errorf("%s: summary %+v", q.name, r)
				}
			}
			if q.in.NextToken = page.NextToken; q.in.NextToken == nil {
				break
			}
		}
		if d := cmp.Diff(q.want, got); d != "" {
			t.Errorf("%s: %s", q.name, d)
		}
	}

	first := must[*sdk.ListRoomsOutput](t)(s.client.ListRooms(ctx, &sdk.ListRoomsInput{Name: aws.String("x"), MaxResults: aws.Int32(1)}))
	for _, name := range []*string{nil, aws.String("xx")} { // the token belongs to another filter
		_, err := s.client.ListRooms(ctx, &sdk.ListRoomsInput{Name: name, NextToken: first.NextToken})
		wants[*types.ValidationException](t, err)
	}
	_, err := s.client.ListRooms(ctx, &sdk.ListRoomsInput{LoggingConfigurationIdentifier: aws.String(minter.New(arn.LoggingConfiguration))})
	if e := wants[*types.ResourceNotFoundException](t, err); e.ResourceType != "LOGGING_CONFIGURATION" {
		t.Errorf("resource type %q", e.ResourceType)
	}
}

func TestRoomRequestsThatBreakARule(t *testing.T) {
	s := start(t)
	ctx := t.Context()
	name := s.newRoom(t, &sdk.CreateRoomInput{})
	abroad := strings.Replace(*name, "us-east-1", "eu-west-1", 1)
	create := func(in sdk.CreateRoomInput) func() error {
		return func() error { _, err := s.client.CreateRoom(ctx, &in); return err }
	}
	for _, c := range []struct {
		name, field string
		call        func() error
	}{
		{"name too long", "name", create(sdk.CreateRoomInput{Name: aws.String(strings.Repeat("x", 129))})},
		{"no messages at all", "maximumMessageRatePerSecond", create(sdk.CreateRoomInput{MaximumMessageRatePerSecond: aws.Int32(0)})},
		{"too many messages", "maximumMessageRatePerSecond", create(sdk.CreateRoomInput{MaximumMessageRatePerSecond: aws.Int32(101)})},
		{"messages too long", "maximumMessageLength", create(sdk.CreateRoomInput{MaximumMessageLength: aws.Int32(501)})},
		{"handler that is no function", "messageReviewHandler.uri", create(sdk.CreateRoomInput{MessageReviewHandler: &types.MessageReviewHandler{Uri: aws.String("http://x")}})},
		{"unknown fallback", "messageReviewHandler.fallbackResult", create(sdk.CreateRoomInput{MessageReviewHandler: &types.MessageReviewHandler{FallbackResult: "MAYBE"}})},
		{"four logging configurations", "loggingConfigurationIdentifiers", create(sdk.CreateRoomInput{LoggingConfigurationIdentifiers: []string{"a", "b", "c", "d"}})},
		{"another region", "", func() error { _, err := s.client.GetRoom(ctx, &sdk.GetRoomInput{Identifier: &abroad}); return err }},
		{"a bare id", "identifier", func() error {
			_, err := s.client.GetRoom(ctx, &sdk.GetRoomInput{Identifier: aws.String(arn.ID(*name))})
			return err
		}},
		{"page too large", "maxResults", func() error {
			_, err := s.client.ListRooms(ctx, &sdk.ListRoomsInput{MaxResults: aws.Int32(51)})
			return err
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			e := wants[*types.ValidationException](t, c.call())
			if e.Message == nil || *e.Message == "" {
				t.Error("no message")
			}
			if c.field == "" {
				return
			}
			if e.Reason != types.ValidationExceptionReasonFieldValidationFailed || len(e.FieldList) == 0 || !strings.HasPrefix(*e.FieldList[0].Name, c.field) {
				t.Errorf("reason %s, fields %+v", e.Reason, e.FieldList)
			}
		})
	}
	missing := minter.New(arn.Room)
	for _, c := range []struct {
		name, kind, id string
		call           func() error
	}{
		{"get", "ROOM", arn.ID(missing), func() error { _, err := s.client.GetRoom(ctx, &sdk.GetRoomInput{Identifier: &missing}); return err }},
		{"get in another account", "ROOM", arn.ID(*name), func() error {
			_, err := s.client.GetRoom(ctx, &sdk.GetRoomInput{Identifier: aws.String(strings.Replace(*name, "000000000000", "000000000001", 1))})
			return err
		}},
		{"update", "ROOM", arn.ID(missing), func() error {
			_, err := s.client.UpdateRoom(ctx, &sdk.UpdateRoomInput{Identifier: &missing})
			return err
		}},
		{"delete", "ROOM", arn.ID(missing), func() error {
			_, err := s.client.DeleteRoom(ctx, &sdk.DeleteRoomInput{Identifier: &missing})
			return err
		}},
		{"create with unknown logging", "LOGGING_CONFIGURATION", "AbCdEfGh1234", create(sdk.CreateRoomInput{
			LoggingConfigurationIdentifiers: []string{minter.Of(arn.LoggingConfiguration, "AbCdEfGh1234")},
		})},
	} {
		t.Run(c.name+" of what is not there", func(t *testing.T) {
			e := wants[*types.ResourceNotFoundException](t, c.call())
			if string(e.ResourceType) != c.kind || *e.ResourceId != c.id || *e.Message == "" {
				t.Errorf("got %s %s: %s", e.ResourceType, *e.ResourceId, *e.Message)
			}
		})
	}
}

func TestDirectoryFollowsTheRooms(t *testing.T) {
	s := start(t)
	ctx := t.Context()
	d := ivschat.NewDirectory(s.db, minter)
	name := s.newRoom(t, &sdk.CreateRoomInput{Name: aws.String("lobby"), MaximumMessageRatePerSecond: aws.Int32(7)})
	want := room.Spec{ARN: *name, ID: arn.ID(*name), Name: "lobby", MaxRate: 7, MaxLength: 500}
	if got, err := d.Room(ctx, *name); err != nil || !cmp.Equal(got, want) {
		t.Errorf("got %+v, %v", got, err)
	}
	must[*sdk.UpdateRoomOutput](t)(s.client.UpdateRoom(ctx, &sdk.UpdateRoomInput{Identifier: name, MaximumMessageLength: aws.Int32(9)}))
	want.MaxLength = 9
	log := must[*sdk.CreateLoggingConfigurationOutput](t)(s.client.CreateLoggingConfiguration(ctx, &sdk.CreateLoggingConfigurationInput{
		DestinationConfiguration: &types.DestinationConfigurationMemberS3{Value: types.S3DestinationConfiguration{BucketName: aws.String("chat-logs")}},
	}))
	must[*sdk.UpdateRoomOutput](t)(s.client.UpdateRoom(ctx, &sdk.UpdateRoomInput{Identifier: name, LoggingConfigurationIdentifiers: []string{*log.Arn}}))
	want.Logging = []string{*log.Arn}
	for _, fallback := range []types.FallbackResult{types.FallbackResultAllow, types.FallbackResultDeny} {
		must[*sdk.UpdateRoomOutput](t)(s.client.UpdateRoom(ctx, &sdk.UpdateRoomInput{
			Identifier: name, MessageReviewHandler: &types.MessageReviewHandler{Uri: aws.String(lambda), FallbackResult: fallback},
		}))
		want.ReviewHandler, want.DenyUnreviewed = lambda, fallback == types.FallbackResultDeny
		if got, err := d.Room(ctx, *name); err != nil || !cmp.Equal(got, want) {
			t.Errorf("got %+v, %v", got, err)
		}
	}
	if got, err := d.Room(ctx, *name); err != nil || !cmp.Equal(got, want) {
		t.Errorf("got %+v, %v", got, err)
	}
	must[*sdk.DeleteRoomOutput](t)(s.client.DeleteRoom(ctx, &sdk.DeleteRoomInput{Identifier: name}))
	if _, err := d.Room(ctx, *name); fault.Of(err) != fault.NotFound {
		t.Errorf("got %v", err)
	}
}
