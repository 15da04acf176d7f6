package ivsrealtime_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/ivsrealtime"
	"github.com/aws/aws-sdk-go-v2/service/ivsrealtime/types"

	"github.com/streamcat/streamcat/internal/arn"
	"github.com/streamcat/streamcat/internal/ivsrealtime"
	"github.com/streamcat/streamcat/internal/store"
)

func createStage(t *testing.T, s *server) string {
	t.Helper()
	out, err := s.client.CreateStage(t.Context(), &sdk.CreateStageInput{})
	if err != nil {
		t.Fatal(err)
	}
	return *out.Stage.Arn
}

// held writes down a session of a stage with three participants: one who published and left, one who
// publishes, and a viewer.
func held(t *testing.T, s *server, stage, session string, started time.Time) {
	t.Helper()
	check := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	check(s.db.InsertStageSession(t.Context(), store.StageSession{SessionID: session, StageARN: stage, Started: started, Node: "n"}))
	doc, err := json.Marshal(map[string]any{
		"attributes": map[string]string{"username": "ada"}, "protocol": "WHIP", "browserName": "Chrome", "browserVersion": "156.0",
		"osName": "Linux", "osVersion": "", "sdkVersion": "",
	})
	check(err)
	for i, p := range []store.StageParticipant{
		{ParticipantID: "gone", UserID: "ada", State: store.Disconnected, Published: true, Left: started.Add(time.Minute)},
		{ParticipantID: "here", UserID: "ben", State: store.Connected, Publishing: true},
		{ParticipantID: "viewer", State: store.Connected},
	} {
		p.SessionID, p.StageARN, p.Node, p.Doc, p.Joined = session, stage, "n", doc, started.Add(time.Duration(i)*time.Second)
		check(s.db.PutStageParticipant(t.Context(), p))
	}
	for _, e := range []store.StageEvent{
		{Name: "JOINED"}, {Name: "SUBSCRIBE_STARTED", RemoteParticipantID: "here"}, {Name: "SUBSCRIBE_ERROR", RemoteParticipantID: "here", ErrorCode: "INSUFFICIENT_CAPABILITIES"}, {Name: "LEFT"},
	} {
		e.SessionID, e.ParticipantID, e.Time = session, "gone", started
		check(s.db.AppendStageEvent(t.Context(), e))
	}
}

func TestParticipantsOfASession(t *testing.T) {
	s := start(t)
	stage, session := createStage(t, s), "st-ABCDEFGHIJKLM"
	held(t, s, stage, session, clock)

	for name, c := range map[string]struct {
		in   sdk.ListParticipantsInput
		want []string
	}{
		"all, the latest first": {sdk.ListParticipantsInput{}, []string{"viewer", "here", "gone"}},
		"published":             {sdk.ListParticipantsInput{FilterByPublished: true}, []string{"here", "gone"}},
		"a user":                {sdk.ListParticipantsInput{FilterByUserId: aws.String("ada")}, []string{"gone"}},
		"connected":             {sdk.ListParticipantsInput{FilterByState: types.ParticipantStateConnected}, []string{"viewer", "here"}},
		"gone":                  {sdk.ListParticipantsInput{FilterByState: types.ParticipantStateDisconnected}, []string{"gone"}},
		"recorded":              {sdk.ListParticipantsInput{FilterByRecordingState: types.ParticipantRecordingFilterByRecordingStateActive}, nil},
		"another session":       {sdk.ListParticipantsInput{SessionId: aws.String("st-0000000000000")}, nil},
		"another stage":         {sdk.ListParticipantsInput{StageArn: aws.String(minter.New(arn.Stage))}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			if c.in.StageArn == nil {
				c.in.StageArn = &stage
			}
			if c.in.SessionId == nil {
				c.in.SessionId = &session
			}
			out, err := s.client.ListParticipants(t.Context(), &c.in)
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, p := range out.Participants {
				got = append(got, *p.ParticipantId)
			}
			if !slices.Equal(got, c.want) {
				t.Errorf("got %v, want %v", got, c.want)
			}
		})
	}

	// The SDK for Go cannot say false: it leaves it out. Others can.
	var listed struct {
		Participants []struct{ ParticipantId string }
	}
	body := post(t, s, "ListParticipants", fmt.Sprintf(`{"stageArn":%q,"sessionId":%q,"filterByPublished":false}`, stage, session), 200)
	if err := json.Unmarshal(body, &listed); err != nil || len(listed.Participants) != 1 || listed.Participants[0].ParticipantId != "viewer" {
		t.Errorf("filterByPublished false: %s", body)
	}
	post(t, s, "ListParticipants", fmt.Sprintf(`{"stageArn":%q,"sessionId":%q,"filterByPublished":false,"filterByUserId":"ada"}`, stage, session), 400, "ValidationException")

	got, err := s.client.GetParticipant(t.Context(), &sdk.GetParticipantInput{StageArn: &stage, SessionId: &session, ParticipantId: aws.String("gone")})
	if err != nil {
		t.Fatal(err)
	}
	p := got.Participant
	if *p.UserId != "ada" || p.Attributes["username"] != "ada" || p.State != types.ParticipantStateDisconnected || !p.Published ||
		p.Protocol != types.ParticipantProtocolWhip || *p.BrowserName != "Chrome" || *p.BrowserVersion != "156.0" || *p.OsName != "Linux" ||
		*p.IspName != "" || !p.FirstJoinTime.Equal(clock.Truncate(time.Millisecond)) || p.RecordingState != types.ParticipantRecordingStateDisabled {
		t.Errorf("got %+v", p)
	}
	_, err = s.client.GetParticipant(t.Context(), &sdk.GetParticipantInput{StageArn: &stage, SessionId: &session, ParticipantId: aws.String("nobody")})
	wants[*types.ResourceNotFoundException](t, err)
}

func TestEventsOfAParticipantComeInPages(t *testing.T) {
	s := start(t)
	stage, session := createStage(t, s), "st-ABCDEFGHIJKLM"
	held(t, s, stage, session, clock)
	in := &sdk.ListParticipantEventsInput{StageArn: &stage, SessionId: &session, ParticipantId: aws.String("gone"), MaxResults: aws.Int32(3)}
	var names []types.EventName
	for pages := sdk.NewListParticipantEventsPaginator(s.client, in); pages.HasMorePages(); {
		out, err := pages.NextPage(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range out.Events {
			names = append(names, e.Name)
			if e.Name == types.EventNameSubscribeError && (*e.RemoteParticipantId != "here" || e.ErrorCode != types.EventErrorCodeInsufficientCapabilities) {
				t.Errorf("got %+v", e)
			}
			if *e.ParticipantId != "gone" || e.EventTime == nil {
				t.Errorf("got %+v", e)
			}
		}
	}
	if want := []types.EventName{"LEFT", "SUBSCRIBE_ERROR", "SUBSCRIBE_STARTED", "JOINED"}; !slices.Equal(names, want) {
		t.Errorf("got %v, want %v", names, want)
	}
}

func TestSessionsOfAStage(t *testing.T) {
	s := start(t)
	stage := createStage(t, s)
	for i := range 5 {
		held(t, s, stage, fmt.Sprintf("st-%013d", i), clock.Add(time.Duration(i)*time.Hour))
	}
	if _, err := s.db.EndStageSession(t.Context(), "st-0000000000000", clock.Add(time.Minute)); err != nil {
		t.Fatal(err)
	}
	var ids []string
	in := &sdk.ListStageSessionsInput{StageArn: &stage, MaxResults: aws.Int32(2)}
	for pages := sdk.NewListStageSessionsPaginator(s.client, in); pages.HasMorePages(); {
		out, err := pages.NextPage(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, ss := range out.StageSessions {
			ids = append(ids, *ss.SessionId)
			if ended := ss.EndTime != nil; ended != (*ss.SessionId == "st-0000000000000") {
				t.Errorf("%s ended: %v", *ss.SessionId, ended)
			}
		}
	}
	if len(ids) != 5 || ids[0] != "st-0000000000004" || ids[4] != "st-0000000000000" {
		t.Errorf("got %v", ids)
	}
	got, err := s.client.GetStageSession(t.Context(), &sdk.GetStageSessionInput{StageArn: &stage, SessionId: &ids[4]})
	if err != nil || !got.StageSession.EndTime.Equal(clock.Add(time.Minute).Truncate(time.Millisecond)) {
		t.Errorf("got %+v, %v", got, err)
	}
	_, err = s.client.GetStageSession(t.Context(), &sdk.GetStageSessionInput{StageArn: aws.String(createStage(t, s)), SessionId: &ids[4]})
	wants[*types.ResourceNotFoundException](t, err)
	none, err := s.client.ListStageSessions(t.Context(), &sdk.ListStageSessionsInput{StageArn: aws.String(minter.New(arn.Stage))})
	if err != nil || none.StageSessions == nil || len(none.StageSessions) > 0 {
		t.Errorf("an unknown stage: %+v, %v", none, err)
	}
}

func TestTheLiveSideIsTold(t *testing.T) {
	s := start(t)
	stage := createStage(t, s)
	s.live.session = "st-ABCDEFGHIJKLM"
	got, err := s.client.GetStage(t.Context(), &sdk.GetStageInput{Arn: &stage})
	if err != nil || aws.ToString(got.Stage.ActiveSessionId) != s.live.session {
		t.Errorf("GetStage: %v, %v", got, err)
	}
	list, err := s.client.ListStages(t.Context(), &sdk.ListStagesInput{})
	if err != nil || len(list.Stages) != 1 || aws.ToString(list.Stages[0].ActiveSessionId) != s.live.session {
		t.Errorf("ListStages: %v, %v", list, err)
	}

	_, err = s.client.DisconnectParticipant(t.Context(), &sdk.DisconnectParticipantInput{StageArn: &stage, ParticipantId: aws.String("p1"), Reason: aws.String("rude")})
	if err != nil || !slices.Equal(s.live.disconnected, []string{stage + " p1 rude"}) {
		t.Errorf("DisconnectParticipant: %v, %v", s.live.disconnected, err)
	}
	_, err = s.client.DisconnectParticipant(t.Context(), &sdk.DisconnectParticipantInput{StageArn: aws.String(minter.New(arn.Stage)), ParticipantId: aws.String("p1")})
	wants[*types.ResourceNotFoundException](t, err)

	if _, err = s.client.DeleteStage(t.Context(), &sdk.DeleteStageInput{Arn: &stage}); err != nil || !slices.Equal(s.live.closed, []string{stage}) {
		t.Errorf("DeleteStage: %v, %v", s.live.closed, err)
	}
	directory := ivsrealtime.NewDirectory(s.db, s.ring, minter)
	if err := directory.Stage(t.Context(), createStage(t, s)); err != nil {
		t.Error(err)
	}
	if err := directory.Stage(t.Context(), stage); err == nil {
		t.Error("the directory still knows a deleted stage")
	}
}
