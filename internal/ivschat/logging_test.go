package ivschat_test

import (
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/ivschat"
	"github.com/aws/aws-sdk-go-v2/service/ivschat/types"
	"github.com/aws/smithy-go"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/streamcat/streamcat/internal/arn"
	"github.com/streamcat/streamcat/internal/store"
)

var (
	bucket   = &types.DestinationConfigurationMemberS3{Value: types.S3DestinationConfiguration{BucketName: aws.String("logs")}}
	group    = &types.DestinationConfigurationMemberCloudWatchLogs{Value: types.CloudWatchLogsDestinationConfiguration{LogGroupName: aws.String("/aws/chat")}}
	firehose = &types.DestinationConfigurationMemberFirehose{Value: types.FirehoseDestinationConfiguration{DeliveryStreamName: aws.String("hose")}}

	shownLogging = cmp.Options{shown, cmpopts.IgnoreUnexported(
		sdk.CreateLoggingConfigurationOutput{}, sdk.GetLoggingConfigurationOutput{}, sdk.UpdateLoggingConfigurationOutput{}, types.LoggingConfigurationSummary{},
		types.DestinationConfigurationMemberS3{}, types.DestinationConfigurationMemberCloudWatchLogs{}, types.DestinationConfigurationMemberFirehose{},
		types.S3DestinationConfiguration{}, types.CloudWatchLogsDestinationConfiguration{}, types.FirehoseDestinationConfiguration{},
	)}
)

// newLogging makes a logging configuration, to a bucket unless told otherwise, and gives its name.
func (s *server) newLogging(t testing.TB, in *sdk.CreateLoggingConfigurationInput) *string {
	t.Helper()
	if in.DestinationConfiguration == nil {
		in.DestinationConfiguration = bucket
	}
	return must[*sdk.CreateLoggingConfigurationOutput](t)(s.client.CreateLoggingConfiguration(t.Context(), in)).Arn
}

func TestLoggingConfigurationIsShownInFull(t *testing.T) {
	both(t, func(t *testing.T, s *server) {
		before := time.Now().Add(-time.Millisecond)
		for _, destination := range []types.DestinationConfiguration{bucket, group, firehose} {
			made := must[*sdk.CreateLoggingConfigurationOutput](t)(s.client.CreateLoggingConfiguration(t.Context(), &sdk.CreateLoggingConfigurationInput{
				Name: aws.String("all"), DestinationConfiguration: destination, Tags: map[string]string{"a": "b"},
			}))
			a, err := arn.Parse(*made.Arn)
			if err != nil || a.Kind != arn.LoggingConfiguration || a.Service != "ivschat" || len(a.ID) != 12 {
				t.Errorf("arn %q: %v", *made.Arn, err)
			}
			if made.CreateTime.Before(before) || made.CreateTime.After(time.Now()) || !made.CreateTime.Equal(*made.UpdateTime) {
				t.Errorf("times: %v, %v", made.CreateTime, made.UpdateTime)
			}
			want := &sdk.CreateLoggingConfigurationOutput{
				Arn: made.Arn, Id: &a.ID, Name: aws.String("all"), CreateTime: made.CreateTime, UpdateTime: made.UpdateTime,
				State: types.CreateLoggingConfigurationStateActive, DestinationConfiguration: destination, Tags: map[string]string{"a": "b"},
			}
			if d := cmp.Diff(want, made, shownLogging); d != "" {
				t.Errorf("created: %s", d)
			}
			got := must[*sdk.GetLoggingConfigurationOutput](t)(s.client.GetLoggingConfiguration(t.Context(), &sdk.GetLoggingConfigurationInput{Identifier: made.Arn}))
			wantGot := &sdk.GetLoggingConfigurationOutput{
				Arn: want.Arn, Id: want.Id, Name: want.Name, CreateTime: want.CreateTime, UpdateTime: want.UpdateTime,
				State: types.LoggingConfigurationStateActive, DestinationConfiguration: destination, Tags: want.Tags,
			}
			if d := cmp.Diff(wantGot, got, shownLogging); d != "" {
				t.Errorf("got: %s", d)
			}
		}
		bare := must[*sdk.CreateLoggingConfigurationOutput](t)(s.client.CreateLoggingConfiguration(t.Context(), &sdk.CreateLoggingConfigurationInput{DestinationConfiguration: bucket}))
		if bare.Name == nil || *bare.Name != "" || bare.Tags == nil || len(bare.Tags) != 0 {
			t.Errorf("defaults: name %v, tags %v", bare.Name, bare.Tags)
		}
	})
}

func TestUpdateLoggingConfigurationChangesWhatItNames(t *testing.T) {
	s := start(t)
	made := must[*sdk.CreateLoggingConfigurationOutput](t)(s.client.CreateLoggingConfiguration(t.Context(), &sdk.CreateLoggingConfigurationInput{
		Name: aws.String("one"), DestinationConfiguration: bucket, Tags: map[string]string{"a": "b"},
	}))
	s.newRoom(t, &sdk.CreateRoomInput{LoggingConfigurationIdentifiers: []string{*made.Arn}}) // being used is no hindrance
	want := &sdk.UpdateLoggingConfigurationOutput{
		Arn: made.Arn, Id: made.Id, Name: made.Name, CreateTime: made.CreateTime, State: types.UpdateLoggingConfigurationStateActive,
		DestinationConfiguration: bucket, Tags: made.Tags,
	}
	last := *made.UpdateTime
	for _, c := range []struct {
		name   string
		in     sdk.UpdateLoggingConfigurationInput
		change func()
	}{
		{"nothing", sdk.UpdateLoggingConfigurationInput{}, func() {}},
		{"the name", sdk.UpdateLoggingConfigurationInput{Name: aws.String("")}, func() { want.Name = aws.String("") }},
		{"the destination", sdk.UpdateLoggingConfigurationInput{DestinationConfiguration: firehose}, func() { want.DestinationConfiguration = firehose }},
	} {
		c.in.Identifier = made.Arn
		got := must[*sdk.UpdateLoggingConfigurationOutput](t)(s.client.UpdateLoggingConfiguration(t.Context(), &c.in))
		if got.UpdateTime.Before(last) {
			t.Errorf("%s: changed at %v, before %v", c.name, got.UpdateTime, last)
		}
		last, want.UpdateTime = *got.UpdateTime, got.UpdateTime
		c.change()
		if d := cmp.Diff(want, got, shownLogging); d != "" {
			t.Errorf("%s: %s", c.name, d)
		}
	}
}

func TestListLoggingConfigurations(t *testing.T) {
	both(t, func(t *testing.T, s *server) {
		var want []string
		for range 52 {
			want = append([]string{*s.newLogging(t, &sdk.CreateLoggingConfigurationInput{Tags: map[string]string{"k": "v"}})}, want...)
		}
		s.newRoom(t, &sdk.CreateRoomInput{}) // which is none
		for _, limit := range []*int32{nil, aws.Int32(50), aws.Int32(7)} {
			var got []string
			in, most := &sdk.ListLoggingConfigurationsInput{MaxResults: limit}, 50
			if limit != nil {
				most = int(*limit)
			}
			for {
				page := must[*sdk.ListLoggingConfigurationsOutput](t)(s.client.ListLoggingConfigurations(t.Context(), in))
				if len(page.LoggingConfigurations) > most || page.NextToken != nil && len(page.LoggingConfigurations) < most {
					t.Errorf("a page of %d, want %d", len(page.LoggingConfigurations), most)
				}
				for _, l := range page.LoggingConfigurations {
					got = append(got, *l.Arn)
					if *l.Id != arn.ID(*l.Arn) || l.State != types.LoggingConfigurationStateActive || l.Tags["k"] != "v" || l.CreateTime == nil || l.UpdateTime == nil || l.Name == nil {
						t.Errorf("summary %+v", l)
					}
					if d := cmp.Diff(types.DestinationConfiguration(bucket), l.DestinationConfiguration, shownLogging); d != "" {
						t.Error(d)
					}
				}
				if in.NextToken = page.NextToken; in.NextToken == nil {
					break
				}
			}
			if d := cmp.Diff(want, got); d != "" {
				t.Error(d)
			}
		}
	})
}

func TestLoggingConfigurationOfARoomCannotBeDeleted(t *testing.T) {
	both(t, func(t *testing.T, s *server) {
		ctx := t.Context()
		name := s.newLogging(t, &sdk.CreateLoggingConfigurationInput{})
		remove := func() error {
			_, err := s.client.DeleteLoggingConfiguration(ctx, &sdk.DeleteLoggingConfigurationInput{Identifier: name})
			return err
		}
		one := s.newRoom(t, &sdk.CreateRoomInput{LoggingConfigurationIdentifiers: []string{*name, *name}})
		two := s.newRoom(t, &sdk.CreateRoomInput{})
		attached := must[*sdk.UpdateRoomOutput](t)(s.client.UpdateRoom(ctx, &sdk.UpdateRoomInput{Identifier: two, LoggingConfigurationIdentifiers: []string{*name}}))
		if d := cmp.Diff([]string{*name}, attached.LoggingConfigurationIdentifiers); d != "" {
			t.Error(d)
		}
		if e := wants[*types.ConflictException](t, remove()); *e.ResourceId != arn.ID(*name) || e.ResourceType != "LOGGING_CONFIGURATION" || !strings.Contains(*e.Message, *name) {
			t.Errorf("got %+v", e)
		}
		must[*sdk.UpdateRoomOutput](t)(s.client.UpdateRoom(ctx, &sdk.UpdateRoomInput{Identifier: two, LoggingConfigurationIdentifiers: []string{}}))
		got := must[*sdk.GetRoomOutput](t)(s.client.GetRoom(ctx, &sdk.GetRoomInput{Identifier: one}))
		if d := cmp.Diff([]string{*name}, got.LoggingConfigurationIdentifiers); d != "" {
			t.Errorf("named twice: %s", d)
		}
		wants[*types.ConflictException](t, remove())
		must[*sdk.DeleteRoomOutput](t)(s.client.DeleteRoom(ctx, &sdk.DeleteRoomInput{Identifier: one}))
		if err := remove(); err != nil {
			t.Fatal(err)
		}
		wants[*types.ResourceNotFoundException](t, remove())
		_, err := s.client.GetLoggingConfiguration(ctx, &sdk.GetLoggingConfigurationInput{Identifier: name})
		wants[*types.ResourceNotFoundException](t, err)
	})
}

// setLoggingState writes what none of the operations does yet.
func (s *server) setLoggingState(t *testing.T, name, state string) {
	t.Helper()
	type doc struct {
		Name        string `json:"name"`
		Destination any    `json:"destination"`
		State       string `json:"state"`
	}
	_, err := store.NewCollection[doc](s.db, arn.LoggingConfiguration, nil).Update(t.Context(), name, func(d *doc) error { d.State = state; return nil })
	if err != nil {
		t.Fatal(err)
	}
}

func TestRoomTakesOnlyActiveLoggingConfigurations(t *testing.T) {
	s := start(t)
	ctx := t.Context()
	name := s.newLogging(t, &sdk.CreateLoggingConfigurationInput{})
	s.setLoggingState(t, *name, "UPDATE_FAILED")
	got := must[*sdk.GetLoggingConfigurationOutput](t)(s.client.GetLoggingConfiguration(ctx, &sdk.GetLoggingConfigurationInput{Identifier: name}))
	if got.State != types.LoggingConfigurationStateUpdateFailed {
		t.Errorf("state %s", got.State)
	}
	room := s.newRoom(t, &sdk.CreateRoomInput{})
	_, err := s.client.CreateRoom(ctx, &sdk.CreateRoomInput{LoggingConfigurationIdentifiers: []string{*name}})
	if e := wants[*types.ConflictException](t, err); *e.ResourceId != arn.ID(*name) {
		t.Errorf("about %s", *e.ResourceId)
	}
	_, err = s.client.UpdateRoom(ctx, &sdk.UpdateRoomInput{Identifier: room, LoggingConfigurationIdentifiers: []string{*name}})
	var e smithy.APIError // UpdateRoom models no conflict, so its clients see it by code alone
	if !errors.As(err, &e) || e.ErrorCode() != "ConflictException" {
		t.Errorf("got %v", err)
	}
	must[*sdk.UpdateLoggingConfigurationOutput](t)(s.client.UpdateLoggingConfiguration(ctx, &sdk.UpdateLoggingConfigurationInput{Identifier: name, DestinationConfiguration: group}))
	must[*sdk.UpdateRoomOutput](t)(s.client.UpdateRoom(ctx, &sdk.UpdateRoomInput{Identifier: room, LoggingConfigurationIdentifiers: []string{*name}}))
}

// Whoever comes first, a room never names a logging configuration that is gone.
func TestDeleteAndAttachAtOnceLeaveNothingDangling(t *testing.T) {
	both(t, func(t *testing.T, s *server) {
		ctx := t.Context()
		for range 8 {
			first, second := s.newLogging(t, &sdk.CreateLoggingConfigurationInput{}), s.newLogging(t, &sdk.CreateLoggingConfigurationInput{})
			rooms := []*string{s.newRoom(t, &sdk.CreateRoomInput{}), s.newRoom(t, &sdk.CreateRoomInput{})}
			var mu sync.Mutex
			var running sync.WaitGroup
			failed := func(err error) {
				var missing *types.ResourceNotFoundException
				var used *types.ConflictException
				if err != nil && !errors.As(err, &missing) && !errors.As(err, &used) {
					t.Error(err)
				}
			}
			for i, room := range rooms {
				names := []string{*first, *second}
				if i == 1 {
					names = []string{*second, *first} // the other way round must not be a deadlock
				}
				running.Go(func() {
					_, err := s.client.UpdateRoom(ctx, &sdk.UpdateRoomInput{Identifier: room, LoggingConfigurationIdentifiers: names})
					failed(err)
				})
				running.Go(func() {
					made, err := s.client.CreateRoom(ctx, &sdk.CreateRoomInput{LoggingConfigurationIdentifiers: names[:1]})
					failed(err)
					if err == nil {
						mu.Lock()
						rooms = append(rooms, made.Arn)
						mu.Unlock()
					}
				})
			}
			for _, name := range []*string{first, second} {
				running.Go(func() {
					_, err := s.client.DeleteLoggingConfiguration(ctx, &sdk.DeleteLoggingConfigurationInput{Identifier: name})
					failed(err)
				})
			}
			running.Wait()
			for _, room := range rooms {
				got := must[*sdk.GetRoomOutput](t)(s.client.GetRoom(ctx, &sdk.GetRoomInput{Identifier: room}))
				for _, name := range got.LoggingConfigurationIdentifiers {
					must[*sdk.GetLoggingConfigurationOutput](t)(s.client.GetLoggingConfiguration(ctx, &sdk.GetLoggingConfigurationInput{Identifier: &name}))
				}
			}
		}
	})
}

func TestQuotasOfRoomsAndLoggingConfigurations(t *testing.T) {
	s := startOn(t, "sqlite:"+t.TempDir()+"/test.db", map[arn.Kind]int{arn.Room: 2, arn.LoggingConfiguration: 1})
	ctx := t.Context()
	s.newRoom(t, &sdk.CreateRoomInput{})
	s.newRoom(t, &sdk.CreateRoomInput{})
	_, err := s.client.CreateRoom(ctx, &sdk.CreateRoomInput{})
	if e := wants[*types.ServiceQuotaExceededException](t, err); e.Limit != 2 || e.ResourceType != types.ResourceTypeRoom {
		t.Errorf("got %+v", e)
	}
	name := s.newLogging(t, &sdk.CreateLoggingConfigurationInput{})
	_, err = s.client.CreateLoggingConfiguration(ctx, &sdk.CreateLoggingConfigurationInput{DestinationConfiguration: bucket})
	if e := wants[*types.ServiceQuotaExceededException](t, err); e.Limit != 1 || e.ResourceType != "LOGGING_CONFIGURATION" {
		t.Errorf("got %+v", e)
	}
	must[*sdk.DeleteLoggingConfigurationOutput](t)(s.client.DeleteLoggingConfiguration(ctx, &sdk.DeleteLoggingConfigurationInput{Identifier: name}))
	s.newLogging(t, &sdk.CreateLoggingConfigurationInput{})
}

func TestLoggingRequestsThatBreakARule(t *testing.T) {
	s := start(t)
	name := *s.newLogging(t, &sdk.CreateLoggingConfigurationInput{})
	for _, c := range []struct{ name, operation, body, field string }{
		{"no destination", "CreateLoggingConfiguration", `{}`, "destinationConfiguration"},
		{"a destination that is nothing", "CreateLoggingConfiguration", `{"destinationConfiguration":{}}`, "destinationConfiguration"},
		{"an unknown destination", "CreateLoggingConfiguration", `{"destinationConfiguration":{"kafka":{"topic":"x"}}}`, "destinationConfiguration"},
		{"two destinations", "CreateLoggingConfiguration", `{"destinationConfiguration":{"s3":{"bucketName":"abc"},"firehose":{"deliveryStreamName":"x"}}}`, "destinationConfiguration"},
		{"no bucket", "CreateLoggingConfiguration", `{"destinationConfiguration":{"s3":{}}}`, "destinationConfiguration.s3.bucketName"},
		{"a bucket in capitals", "CreateLoggingConfiguration", `{"destinationConfiguration":{"s3":{"bucketName":"ABC"}}}`, "destinationConfiguration.s3.bucketName"},
		{"two destinations later", "UpdateLoggingConfiguration", `{"identifier":"` + name + `","destinationConfiguration":{"s3":{"bucketName":"abc"},"cloudWatchLogs":{"logGroupName":"x"}}}`, "destinationConfiguration"},
		{"a garbage token", "ListLoggingConfigurations", `{"nextToken":"garbage"}`, "nextToken"},
		{"a page of 51", "ListLoggingConfigurations", `{"maxResults":51}`, "maxResults"},
	} {
		t.Run(c.name, func(t *testing.T) {
			body := post(t, s, c.operation, c.body, 400, "ValidationException")
			if !strings.Contains(body, `"reason":"FIELD_VALIDATION_FAILED","fieldList":[{"name":"`+c.field+`"`) {
				t.Errorf("got %s", body)
			}
		})
	}
}
