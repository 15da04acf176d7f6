package ivsrealtime_test

import (
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/ivsrealtime"
	"github.com/aws/aws-sdk-go-v2/service/ivsrealtime/types"

	"github.com/streamcat/streamcat/internal/arn"
	"github.com/streamcat/streamcat/internal/fault"
	"github.com/streamcat/streamcat/internal/ivsrealtime"
	"github.com/streamcat/streamcat/internal/store"
)

func createIngest(t *testing.T, s *server, in sdk.CreateIngestConfigurationInput) *types.IngestConfiguration {
	t.Helper()
	if in.IngestProtocol == "" {
		in.IngestProtocol = types.IngestProtocolRtmps
	}
	return must[*sdk.CreateIngestConfigurationOutput](t)(s.client.CreateIngestConfiguration(t.Context(), &in)).IngestConfiguration
}

func getIngest(t *testing.T, s *server, arn *string) *types.IngestConfiguration {
	t.Helper()
	return must[*sdk.GetIngestConfigurationOutput](t)(s.client.GetIngestConfiguration(t.Context(), &sdk.GetIngestConfigurationInput{Arn: arn})).IngestConfiguration
}

// onAir writes down that a participant publishes to a stage, or does not any more.
func onAir(t *testing.T, s *server, stage, participant string, now bool) {
	t.Helper()
	err := s.db.PutStageParticipant(t.Context(), store.StageParticipant{
		SessionID: "st-ABCDEFGHIJKLM", StageARN: stage, ParticipantID: participant, State: store.Connected, Publishing: now, Joined: clock, Doc: json.RawMessage(`{}`),
	})
	if err != nil {
		t.Fatal(err)
	}
}

// raw is an ingest configuration with what the SDK for Go does not know yet.
type raw struct {
	IngestConfiguration struct {
		Arn, ParticipantId, StreamKey, StageArn, State string
		RedundantIngest                                bool
		RedundantIngestCredentials                     []struct{ ParticipantId, StreamKey string }
	}
}

func postIngest(t *testing.T, s *server, operation, body string) (out raw) {
	t.Helper()
	if err := json.Unmarshal(post(t, s, operation, body, 200), &out); err != nil {
		t.Fatal(err)
	}
	return out
}

var streamKey = regexp.MustCompile(`^rt_[0-9]+_[a-z0-9-]+_[a-zA-Z0-9-]+_.+$`)

func TestIngestConfigurationIsShownInFull(t *testing.T) {
	s := start(t)
	stage := createStage(t, s)
	made := createIngest(t, s, sdk.CreateIngestConfigurationInput{
		Name: aws.String("cam"), StageArn: &stage, UserId: aws.String("ann"), Attributes: map[string]string{"a": "b"},
		IngestProtocol: types.IngestProtocolRtmp, InsecureIngest: true,
	})
	if !streamKey.MatchString(*made.StreamKey) || !strings.HasPrefix(*made.StreamKey, "rt_000000000000_us-east-1_"+arn.ID(*made.Arn)+"_") || len(*made.ParticipantId) != 12 ||
		*made.StageArn != stage || *made.UserId != "ann" || made.Attributes["a"] != "b" || made.IngestProtocol != "RTMP" || made.State != "INACTIVE" || made.Tags == nil {
		t.Errorf("made %+v", made)
	}
	got := getIngest(t, s, made.Arn)
	if *got.StreamKey != *made.StreamKey || *got.ParticipantId != *made.ParticipantId || *got.StageArn != stage || *got.Name != "cam" {
		t.Errorf("got %+v", got)
	}
	bare := createIngest(t, s, sdk.CreateIngestConfigurationInput{})
	if *bare.StageArn != "" || *bare.Name != "" || *bare.UserId != "" || bare.Attributes == nil {
		t.Errorf("bare %+v", bare)
	}
	for _, operation := range []string{"GetIngestConfiguration", "ListIngestConfigurations"} {
		body := string(post(t, s, operation, `{"arn":"`+*bare.Arn+`"}`, 200))
		for _, want := range []string{`"stageArn":""`, `"userId":""`, `"name":""`, `"redundantIngest":false`} {
			if !strings.Contains(body, want) {
				t.Errorf("%s: %s lacks %s", operation, body, want)
			}
		}
		if strings.Contains(body, "insecureIngest") || strings.Contains(body, "streamKey") == (operation == "ListIngestConfigurations") {
			t.Errorf("%s: %s", operation, body)
		}
	}
}

func TestIngestConfigurationsThatBreakARule(t *testing.T) {
	s := start(t)
	missing := minter.New(arn.Stage)
	for what, in := range map[string]sdk.CreateIngestConfigurationInput{
		"RTMP that is not insecure":   {IngestProtocol: types.IngestProtocolRtmp},
		"an unknown protocol":         {IngestProtocol: "SRT"},
		"a stage that does not exist": {IngestProtocol: types.IngestProtocolRtmps, StageArn: &missing},
		"a stage of another region":   {IngestProtocol: types.IngestProtocolRtmps, StageArn: aws.String(strings.Replace(missing, "us-east-1", "eu-west-1", 1))},
		"too much in attributes":      {IngestProtocol: types.IngestProtocolRtmps, Attributes: map[string]string{"k": strings.Repeat("x", 1024)}},
		"too long a user id":          {IngestProtocol: types.IngestProtocolRtmps, UserId: aws.String(strings.Repeat("x", 129))},
	} {
		if _, err := s.client.CreateIngestConfiguration(t.Context(), &in); wants[*types.ValidationException](t, err) == nil {
			t.Error(what)
		}
	}
	made := createIngest(t, s, sdk.CreateIngestConfigurationInput{})
	_, err := s.client.UpdateIngestConfiguration(t.Context(), &sdk.UpdateIngestConfigurationInput{Arn: made.Arn, StageArn: &missing})
	wants[*types.ResourceNotFoundException](t, err)
	_, err = s.client.UpdateIngestConfiguration(t.Context(), &sdk.UpdateIngestConfigurationInput{Arn: aws.String(minter.New(arn.IngestConfiguration))})
	wants[*types.ResourceNotFoundException](t, err)
	_, err = s.client.UpdateIngestConfiguration(t.Context(), &sdk.UpdateIngestConfigurationInput{Arn: &missing})
	wants[*types.ValidationException](t, err)
	_, err = s.client.ListIngestConfigurations(t.Context(), &sdk.ListIngestConfigurationsInput{
		FilterByStageArn: &missing, FilterByState: types.IngestConfigurationStateActive,
	})
	wants[*types.ValidationException](t, err)
}

func TestIngestConfigurationStaysAsItIsWhileActive(t *testing.T) {
	s := start(t)
	ctx, stage, other := t.Context(), createStage(t, s), createStage(t, s)
	in := createIngest(t, s, sdk.CreateIngestConfigurationInput{StageArn: &stage})
	onAir(t, s, stage, *in.ParticipantId, true)
	if got := getIngest(t, s, in.Arn); got.State != types.IngestConfigurationStateActive {
		t.Errorf("state %s", got.State)
	}
	_, err := s.client.UpdateIngestConfiguration(ctx, &sdk.UpdateIngestConfigurationInput{Arn: in.Arn, StageArn: &other})
	wants[*types.ConflictException](t, err)
	_, err = s.client.DeleteIngestConfiguration(ctx, &sdk.DeleteIngestConfigurationInput{Arn: in.Arn})
	wants[*types.ConflictException](t, err)
	if len(s.live.cut) > 0 {
		t.Errorf("cut %v", s.live.cut)
	}

	onAir(t, s, stage, *in.ParticipantId, false)
	moved := must[*sdk.UpdateIngestConfigurationOutput](t)(s.client.UpdateIngestConfiguration(ctx, &sdk.UpdateIngestConfigurationInput{Arn: in.Arn, StageArn: &other})).IngestConfiguration
	if *moved.StageArn != other || *moved.StreamKey != *in.StreamKey || *moved.ParticipantId != *in.ParticipantId || moved.State != types.IngestConfigurationStateInactive {
		t.Errorf("moved %+v", moved)
	}
	if want := []string{stage + " " + *in.ParticipantId}; !slices.Equal(s.live.cut, want) {
		t.Errorf("cut %v, want %v", s.live.cut, want)
	}
	onAir(t, s, other, *in.ParticipantId, true)
	must[*sdk.DeleteIngestConfigurationOutput](t)(s.client.DeleteIngestConfiguration(ctx, &sdk.DeleteIngestConfigurationInput{Arn: in.Arn, Force: true}))
	if want := other + " " + *in.ParticipantId; len(s.live.cut) != 2 || s.live.cut[1] != want {
		t.Errorf("cut %v, want %v", s.live.cut, want)
	}
	_, err = s.client.GetIngestConfiguration(ctx, &sdk.GetIngestConfigurationInput{Arn: in.Arn})
	wants[*types.ResourceNotFoundException](t, err)
}

func TestIngestConfigurationsAreFilteredPageByPage(t *testing.T) {
	s := start(t)
	stage, other := createStage(t, s), createStage(t, s)
	var all []*types.IngestConfiguration
	for i := range 12 {
		in := sdk.CreateIngestConfigurationInput{StageArn: &stage, Name: aws.String(fmt.Sprint(i))}
		if i%4 == 3 {
			in.StageArn = &other
		}
		all = append(all, createIngest(t, s, in))
	}
	for _, i := range []int{1, 2, 3, 4, 5, 9} {
		onAir(t, s, *all[i].StageArn, *all[i].ParticipantId, true)
	}
	onAir(t, s, other, *all[0].ParticipantId, true) // not the stage that it is attached to
	onAir(t, s, stage, "by-token", true)
	for name, c := range map[string]struct {
		in   sdk.ListIngestConfigurationsInput
		want string
	}{
		"all":              {sdk.ListIngestConfigurationsInput{}, "11 10 9! 8 7 6 5! 4! 3! 2! 1! 0"},
		"of a stage":       {sdk.ListIngestConfigurationsInput{FilterByStageArn: &other}, "11 7 3!"},
		"active":           {sdk.ListIngestConfigurationsInput{FilterByState: types.IngestConfigurationStateActive}, "9! 5! 4! 3! 2! 1!"},
		"inactive":         {sdk.ListIngestConfigurationsInput{FilterByState: types.IngestConfigurationStateInactive}, "11 10 8 7 6 0"},
		"of no such stage": {sdk.ListIngestConfigurationsInput{FilterByStageArn: aws.String(minter.New(arn.Stage))}, ""},
	} {
		for _, size := range []int32{1, 2, 3, 100} {
			t.Run(fmt.Sprint(name, " by ", size), func(t *testing.T) {
				c.in.MaxResults, c.in.NextToken = &size, nil
				var got []string
				for pages := sdk.NewListIngestConfigurationsPaginator(s.client, &c.in); pages.HasMorePages(); {
					page, err := pages.NextPage(t.Context())
					if err != nil {
						t.Fatal(err)
					}
					if int32(len(page.IngestConfigurations)) > size || page.NextToken != nil && len(page.IngestConfigurations) == 0 {
						t.Errorf("a page of %d", len(page.IngestConfigurations))
					}
					for _, in := range page.IngestConfigurations {
						got = append(got, *in.Name+map[types.IngestConfigurationState]string{types.IngestConfigurationStateActive: "!"}[in.State])
					}
				}
				if strings.Join(got, " ") != c.want {
					t.Errorf("got %v, want %s", got, c.want)
				}
			})
		}
	}
	active := sdk.ListIngestConfigurationsInput{FilterByState: types.IngestConfigurationStateActive, MaxResults: aws.Int32(1)}
	page := must[*sdk.ListIngestConfigurationsOutput](t)(s.client.ListIngestConfigurations(t.Context(), &active))
	_, err := s.client.ListIngestConfigurations(t.Context(), &sdk.ListIngestConfigurationsInput{NextToken: page.NextToken})
	wants[*types.ValidationException](t, err)
}

func TestRedundantIngestHasTwoCredentials(t *testing.T) {
	s := start(t)
	made := postIngest(t, s, "CreateIngestConfiguration", `{"ingestProtocol":"RTMPS","redundantIngest":true,"stageArn":"`+createStage(t, s)+`"}`).IngestConfiguration
	two := made.RedundantIngestCredentials
	if !made.RedundantIngest || len(two) != 2 || two[0].StreamKey == two[1].StreamKey || two[0].StreamKey != made.StreamKey || !streamKey.MatchString(two[1].StreamKey) {
		t.Fatalf("made %+v", made)
	}
	if ids := []string{made.ParticipantId, two[0].ParticipantId, two[1].ParticipantId}; ids[0] == ids[1] || ids[1] == ids[2] || ids[0] == ids[2] {
		t.Errorf("participants %v", ids)
	}
	directory := ivsrealtime.NewDirectory(s.db, s.ring, minter)
	for _, c := range two {
		in, err := directory.ByIngestKey(t.Context(), c.StreamKey)
		if err != nil || in.ParticipantID != c.ParticipantId || in.SeenAs != made.ParticipantId || !in.Redundant || in.StageARN != made.StageArn || in.ARN != made.Arn {
			t.Errorf("%+v, %v", in, err)
		}
	}
	onAir(t, s, made.StageArn, two[1].ParticipantId, true)
	if got := postIngest(t, s, "GetIngestConfiguration", `{"arn":"`+made.Arn+`"}`).IngestConfiguration; got.State != "ACTIVE" || len(got.RedundantIngestCredentials) != 2 || got.RedundantIngestCredentials[1] != two[1] {
		t.Errorf("got %+v", got)
	}
	onAir(t, s, made.StageArn, two[1].ParticipantId, false)
	single := postIngest(t, s, "UpdateIngestConfiguration", `{"arn":"`+made.Arn+`","redundantIngest":false}`).IngestConfiguration
	if single.RedundantIngest || single.RedundantIngestCredentials != nil || single.StreamKey != made.StreamKey || single.ParticipantId != made.ParticipantId || single.StageArn != made.StageArn {
		t.Errorf("single %+v", single)
	}
	if want := strings.Join([]string{made.StageArn, made.ParticipantId, two[0].ParticipantId, two[1].ParticipantId}, " "); !slices.Equal(s.live.cut, []string{want}) {
		t.Errorf("cut %v, want %s", s.live.cut, want)
	}
	if in, err := directory.ByIngestKey(t.Context(), made.StreamKey); err != nil || in.ParticipantID != made.ParticipantId || in.Redundant {
		t.Errorf("%+v, %v", in, err)
	}
	if _, err := directory.ByIngestKey(t.Context(), two[1].StreamKey); fault.Of(err) != fault.NotFound || strings.Contains(err.Error(), two[1].StreamKey) {
		t.Errorf("the second key: %v", err)
	}
	again := postIngest(t, s, "UpdateIngestConfiguration", `{"arn":"`+made.Arn+`","redundantIngest":true}`).IngestConfiguration
	if len(again.RedundantIngestCredentials) != 2 || again.StreamKey != made.StreamKey || again.RedundantIngestCredentials[1].StreamKey == two[1].StreamKey {
		t.Errorf("again %+v", again)
	}
}

func TestDisconnectedIngestLosesItsStage(t *testing.T) {
	s := start(t)
	stage := createStage(t, s)
	in, other := createIngest(t, s, sdk.CreateIngestConfigurationInput{StageArn: &stage}), createIngest(t, s, sdk.CreateIngestConfigurationInput{StageArn: &stage})
	onAir(t, s, stage, *in.ParticipantId, true)
	must[*sdk.DisconnectParticipantOutput](t)(s.client.DisconnectParticipant(t.Context(), &sdk.DisconnectParticipantInput{StageArn: &stage, ParticipantId: in.ParticipantId}))
	if got := getIngest(t, s, in.Arn); *got.StageArn != "" || got.State != types.IngestConfigurationStateInactive {
		t.Errorf("got %+v", got)
	}
	if !slices.Equal(s.live.cut, []string{stage + " " + *in.ParticipantId}) || len(s.live.disconnected) > 0 {
		t.Errorf("cut %v, disconnected %v", s.live.cut, s.live.disconnected)
	}
	if got := getIngest(t, s, other.Arn); *got.StageArn != stage {
		t.Errorf("the other one: %+v", got)
	}
	must[*sdk.UpdateIngestConfigurationOutput](t)(s.client.UpdateIngestConfiguration(t.Context(), &sdk.UpdateIngestConfigurationInput{Arn: in.Arn, StageArn: &stage}))
}

func TestDeletedStageLetsGoOfItsIngestConfigurations(t *testing.T) {
	both(t, func(t *testing.T, s *server) {
		stage, other := createStage(t, s), createStage(t, s)
		here, there := createIngest(t, s, sdk.CreateIngestConfigurationInput{StageArn: &stage}), createIngest(t, s, sdk.CreateIngestConfigurationInput{StageArn: &other})
		must[*sdk.DeleteStageOutput](t)(s.client.DeleteStage(t.Context(), &sdk.DeleteStageInput{Arn: &stage}))
		if got := getIngest(t, s, here.Arn); *got.StageArn != "" {
			t.Errorf("got %+v", got)
		}
		if got := getIngest(t, s, there.Arn); *got.StageArn != other {
			t.Errorf("got %+v", got)
		}
	})
}

// Whoever comes first, nothing is attached to a stage that does not exist.
func TestStageIsDeletedWhileIngestIsAttached(t *testing.T) {
	both(t, func(t *testing.T, s *server) {
		ctx := t.Context()
		in := createIngest(t, s, sdk.CreateIngestConfigurationInput{})
		for range 15 {
			from, to := createStage(t, s), createStage(t, s)
			must[*sdk.UpdateIngestConfigurationOutput](t)(s.client.UpdateIngestConfiguration(ctx, &sdk.UpdateIngestConfigurationInput{Arn: in.Arn, StageArn: &from}))
			var moved, made error
			var all sync.WaitGroup
			for _, gone := range []string{from, to} {
				all.Go(func() {
					if _, err := s.client.DeleteStage(ctx, &sdk.DeleteStageInput{Arn: &gone}); err != nil {
						t.Error(err)
					}
				})
			}
			all.Go(func() {
				_, moved = s.client.UpdateIngestConfiguration(ctx, &sdk.UpdateIngestConfigurationInput{Arn: in.Arn, StageArn: &to})
			})
			all.Go(func() {
				_, made = s.client.CreateIngestConfiguration(ctx, &sdk.CreateIngestConfigurationInput{IngestProtocol: types.IngestProtocolRtmps, StageArn: &to})
			})
			all.Wait()
			if moved != nil {
				wants[*types.ResourceNotFoundException](t, moved)
			}
			if made != nil {
				wants[*types.ValidationException](t, made)
			}
		}
		for pages := sdk.NewListIngestConfigurationsPaginator(s.client, &sdk.ListIngestConfigurationsInput{}); pages.HasMorePages(); {
			for _, in := range must[*sdk.ListIngestConfigurationsOutput](t)(pages.NextPage(ctx)).IngestConfigurations {
				if *in.StageArn != "" {
					t.Errorf("%s is attached to a stage that does not exist", *in.Arn)
				}
			}
		}
	})
}

func TestRecordingOfAStageStaysAsItIsWhileSomebodyPublishes(t *testing.T) {
	s := start(t)
	ctx := t.Context()
	storage := must[string](t)(kinds(t)["storage configuration"].create(ctx, s.client, "s", nil))
	stage := createStage(t, s)
	update := func(c *types.AutoParticipantRecordingConfiguration, name *string) error {
		_, err := s.client.UpdateStage(ctx, &sdk.UpdateStageInput{Arn: &stage, Name: name, AutoParticipantRecordingConfiguration: c})
		return err
	}
	onAir(t, s, stage, "host", true)
	if err := update(recordTo(storage), nil); err != nil { // nobody is recorded, so nothing is in the way
		t.Error(err)
	}
	if err := update(recordTo(storage), aws.String("same")); err != nil { // changes nothing of it
		t.Error(err)
	}
	wants[*types.ConflictException](t, update(recordTo(""), aws.String("other")))
	if got := must[*sdk.GetStageOutput](t)(s.client.GetStage(ctx, &sdk.GetStageInput{Arn: &stage})).Stage; *got.Name != "same" || *got.AutoParticipantRecordingConfiguration.StorageConfigurationArn != storage {
		t.Errorf("got %+v", got)
	}
	onAir(t, s, stage, "host", false)
	if err := update(recordTo(""), nil); err != nil {
		t.Error(err)
	}
}

func TestRecordingThatFailedIsShownAndFound(t *testing.T) {
	s := start(t)
	stage, session := createStage(t, s), "st-ABCDEFGHIJKLM"
	held(t, s, stage, session, clock)
	err := s.db.PutStageParticipant(t.Context(), store.StageParticipant{
		SessionID: session, StageARN: stage, ParticipantID: "failed", State: store.Connected, Publishing: true, Joined: clock, Recording: "FAILED",
		Doc: json.RawMessage(`{"protocol":"WHIP","ingest":"arn:aws:ivs:us-east-1:000000000000:ingest-configuration/x","redundant":true}`),
	})
	if err != nil {
		t.Fatal(err)
	}
	for state, want := range map[types.ParticipantRecordingFilterByRecordingState]int{"FAILED": 1, "ACTIVE": 0, "STOPPED": 0} {
		list := must[*sdk.ListParticipantsOutput](t)(s.client.ListParticipants(t.Context(), &sdk.ListParticipantsInput{StageArn: &stage, SessionId: &session, FilterByRecordingState: state})).Participants
		if len(list) != want || want == 1 && (*list[0].ParticipantId != "failed" || list[0].RecordingState != types.ParticipantRecordingStateFailed) {
			t.Errorf("%s: %+v", state, list)
		}
	}
	body := string(post(t, s, "GetParticipant", fmt.Sprintf(`{"stageArn":%q,"sessionId":%q,"participantId":"failed"}`, stage, session), 200))
	for _, want := range []string{`"recordingState":"FAILED"`, `"recordingS3BucketName":""`, `"recordingS3Prefix":""`, `"redundantIngest":true`, `ingest-configuration/x"`} {
		if !strings.Contains(body, want) {
			t.Errorf("%s lacks %s", body, want)
		}
	}
}
