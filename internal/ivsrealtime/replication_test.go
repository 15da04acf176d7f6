package ivsrealtime_test

import (
	"encoding/json"
	"fmt"
	"io"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/ivsrealtime"
	"github.com/google/go-cmp/cmp"

	"github.com/streamcat/streamcat/internal/arn"
	"github.com/streamcat/streamcat/internal/rtc"
	"github.com/streamcat/streamcat/internal/store"
)

// speaker is a WebRTC session that publishes sound.
type speaker struct {
	pub  rtc.Publication
	once sync.Once
	gone chan struct{}
}

func (*speaker) KeyFrame(uint32) {}

func (s *speaker) Close(reason error) {
	s.once.Do(func() {
		go func() {
			s.pub.Ended(reason)
			close(s.gone)
		}()
	})
}

// publish publishes on a stage and gives the participant's id.
func (c *composing) publish(stageARN string) string {
	c.t.Helper()
	token := must[*sdk.CreateParticipantTokenOutput](c.t)(c.client.CreateParticipantToken(c.t.Context(), &sdk.CreateParticipantTokenInput{
		StageArn: &stageARN, UserId: aws.String("ada"), Attributes: map[string]string{"name": "Ada", "role": "host"},
	})).ParticipantToken
	s := &speaker{gone: make(chan struct{})}
	s.pub = must[rtc.Publication](c.t)(c.live.Publish(c.t.Context(), rtc.Request{Token: *token.Token, Audio: true}))
	s.pub.Start(s)
	s.pub.Connected()
	s.pub.Track(rtc.Track{Kind: rtc.Audio, SSRC: 7, ClockRate: 48_000}, s).
		Write([]byte{0x80, 111, 0, 1, 0, 0, 0, 0, 0, 0, 0, 7, 0xF8, 0xFF, 0xFE}, time.Now())
	c.t.Cleanup(func() { s.Close(io.EOF); <-s.gone })
	return *token.ParticipantId
}

// The SDK for Go of this version does not know replications: these are requests of our own writing.
func TestAParticipantIsReplicated(t *testing.T) {
	c := compose(t, "", nil)
	raw := &server{url: c.url}
	id, other := c.publish(c.stage), c.newStage()
	pair := fmt.Sprintf(`"sourceStageArn":%q,"destinationStageArn":%q,"participantId":%q`, c.stage, other, id)
	if got := string(post(t, raw, "StartParticipantReplication", `{`+pair+`,"attributes":{"name":"Guest"},"reconnectWindowSeconds":300}`, 200)); got != "{}" {
		t.Errorf("started: %s", got)
	}

	type object = map[string]any
	ask := func(operation, member, format string, args ...any) (answer any) {
		t.Helper()
		var out object
		if err := json.Unmarshal(post(t, raw, operation, fmt.Sprintf(format, args...), 200), &out); err != nil {
			t.Fatal(err)
		}
		return out[member]
	}
	session := func(stageARN string) string {
		t.Helper()
		return ask("ListStageSessions", "stageSessions", `{"stageArn":%q}`, stageARN).([]any)[0].(object)["sessionId"].(string)
	}
	replicas := func() any {
		t.Helper()
		return ask("ListParticipantReplicas", "replicas", `{"sourceStageArn":%q,"participantId":%q}`, c.stage, id)
	}
	replica := func(state string) any {
		return []any{object{
			"participantId": id, "replicationState": state, "sourceStageArn": c.stage, "sourceSessionId": session(c.stage),
			"destinationStageArn": other, "destinationSessionId": session(other),
		}}
	}
	// members picks what an answer says of replication.
	members := func(of any, names ...string) object {
		picked := object{}
		for _, name := range append(names, "replicationType", "replicationState", "sourceStageArn", "sourceSessionId") {
			if v, ok := of.(object)[name]; ok {
				picked[name] = v
			}
		}
		return picked
	}
	shown := func(state string) {
		t.Helper()
		if diff := cmp.Diff(replica(state), replicas()); diff != "" {
			t.Errorf("replicas:\n%s", diff)
		}
		here := object{"replicationType": "SOURCE", "replicationState": state}
		there := object{"replicationType": "REPLICA", "replicationState": state, "sourceStageArn": c.stage, "sourceSessionId": session(c.stage)}
		for stageARN, want := range map[string]object{c.stage: here, other: there} {
			one := ask("GetParticipant", "participant", `{"stageArn":%q,"sessionId":%q,"participantId":%q}`, stageARN, session(stageARN), id)
			all := ask("ListParticipants", "participants", `{"stageArn":%q,"sessionId":%q}`, stageARN, session(stageARN))
			if diff := cmp.Diff([]object{want, want}, []object{members(one), members(all.([]any)[0])}); diff != "" {
				t.Errorf("participant:\n%s", diff)
			}
		}
	}
	shown("ACTIVE")
	there := ask("GetParticipant", "participant", `{"stageArn":%q,"sessionId":%q,"participantId":%q}`, other, session(other), id)
	want := object{"userId": "ada", "attributes": object{"name": "Guest", "role": "host"}, "published": true, "state": "CONNECTED", "protocol": "WHIP"}
	got := object{}
	for name := range want {
		got[name] = there.(object)[name]
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("the replica:\n%s", diff)
	}

	post(t, raw, "StartParticipantReplication", `{`+pair+`}`, 409, "ConflictException")
	if got := string(post(t, raw, "StopParticipantReplication", `{`+pair+`}`, 200)); got != "{}" {
		t.Errorf("stopped: %s", got)
	}
	shown("STOPPED")
	post(t, raw, "StopParticipantReplication", `{`+pair+`}`, 404, "ResourceNotFoundException")

	var names []string
	for _, e := range ask("ListParticipantEvents", "events", `{"stageArn":%q,"sessionId":%q,"participantId":%q}`, other, session(other), id).([]any) {
		e := e.(object)
		name := e["name"].(string)
		names = append(names, name)
		about := object{"replica": true}
		if name == "REPLICATION_STARTED" || name == "REPLICATION_STOPPED" {
			about["destinationStageArn"], about["destinationSessionId"] = other, session(other)
		}
		picked := object{}
		for _, member := range []string{"replica", "destinationStageArn", "destinationSessionId"} {
			if v, ok := e[member]; ok {
				picked[member] = v
			}
		}
		if diff := cmp.Diff(about, picked); diff != "" {
			t.Errorf("%s:\n%s", name, diff)
		}
	}
	if len(names) != 6 {
		t.Errorf("events %v", names)
	}
}

func TestReplicationsAreListedInPages(t *testing.T) {
	c := compose(t, "", nil)
	raw := &server{url: c.url}
	id := c.publish(c.stage)
	var stages []string
	for range 5 {
		other := c.newStage()
		stages = append([]string{other}, stages...)
		c.pass(time.Second)
		post(t, raw, "StartParticipantReplication", fmt.Sprintf(`{"sourceStageArn":%q,"destinationStageArn":%q,"participantId":%q}`, c.stage, other, id), 200)
	}
	list := func(token string) (destinations []string, next string) {
		var out struct {
			Replicas  []struct{ DestinationStageArn string }
			NextToken string
		}
		body := fmt.Sprintf(`{"sourceStageArn":%q,"participantId":%q,"maxResults":2,"nextToken":%q}`, c.stage, id, token)
		if err := json.Unmarshal(post(t, raw, "ListParticipantReplicas", body, 200), &out); err != nil {
			t.Fatal(err)
		}
		for _, r := range out.Replicas {
			destinations = append(destinations, r.DestinationStageArn)
		}
		return destinations, out.NextToken
	}
	var got []string
	for token, pages := "", 0; pages == 0 || token != ""; pages++ {
		page, next := list(token)
		got, token = append(got, page...), next
		if pages > 2 {
			t.Fatal("the pages do not end")
		}
	}
	if diff := cmp.Diff(stages, got); diff != "" {
		t.Error(diff)
	}
	_, token := list("")
	post(t, raw, "ListParticipantReplicas", fmt.Sprintf(`{"sourceStageArn":%q,"participantId":"other","nextToken":%q}`, c.stage, token), 400, "ValidationException")
	post(t, raw, "ListParticipantReplicas", fmt.Sprintf(`{"sourceStageArn":%q,"participantId":%q,"maxResults":51}`, c.stage, id), 400, "ValidationException")
	if got := string(post(t, raw, "ListParticipantReplicas", fmt.Sprintf(`{"sourceStageArn":%q,"participantId":"nobody"}`, minter.New(arn.Stage)), 200)); got != `{"replicas":[]}` {
		t.Errorf("of an unknown stage: %s", got)
	}
}

func TestReplicationsThatCannotBe(t *testing.T) {
	c := compose(t, "", nil)
	raw := &server{url: c.url}
	id, other := c.publish(c.stage), c.newStage()
	elsewhere := arn.Minter{Region: minter.Region, Account: "999999999999"}
	start := func(from, to, id, more string, status int, name string) {
		t.Helper()
		post(t, raw, "StartParticipantReplication", fmt.Sprintf(`{"sourceStageArn":%q,"destinationStageArn":%q,"participantId":%q%s}`, from, to, id, more), status, name)
	}
	start(c.stage, c.stage, id, "", 400, "ValidationException")
	start(c.stage, other, id, `,"reconnectWindowSeconds":301`, 400, "ValidationException")
	start(c.stage, "arn:aws:ivs:eu-west-1:000000000000:stage/abcdefgh1234", id, "", 400, "ValidationException")
	start(c.stage, minter.New(arn.Stage), id, "", 404, "ResourceNotFoundException")
	start(minter.New(arn.Stage), other, id, "", 404, "ResourceNotFoundException")
	start(c.stage, elsewhere.New(arn.Stage), id, "", 404, "ResourceNotFoundException")
	start(c.stage, other, "nobody", "", 404, "ResourceNotFoundException")
	for range 5 {
		start(c.stage, c.newStage(), id, "", 200, "")
	}
	start(c.stage, other, id, "", 402, "ServiceQuotaExceededException")
	for _, pair := range [][2]string{{c.stage, other}, {other, c.stage}, {minter.New(arn.Stage), other}} {
		post(t, raw, "StopParticipantReplication", fmt.Sprintf(`{"sourceStageArn":%q,"destinationStageArn":%q,"participantId":%q}`, pair[0], pair[1], id), 404, "ResourceNotFoundException")
	}
}

// Nobody is recorded yet, and it is said of replicas as of everybody else, unless they are not to be recorded.
func TestOfAReplicaIsToldThatItIsNotRecorded(t *testing.T) {
	c := compose(t, "", nil)
	raw := &server{url: c.url}
	ask := func(operation, body string, out any) {
		t.Helper()
		if err := json.Unmarshal(post(t, raw, operation, body, 200), out); err != nil {
			t.Fatal(err)
		}
	}
	id := c.publish(c.stage)
	var made struct{ StorageConfiguration struct{ Arn string } }
	ask("CreateStorageConfiguration", `{"s3":{"bucketName":"a-bucket"}}`, &made)
	for record, want := range map[bool]string{true: "FAILED", false: "DISABLED"} {
		other := c.newStage()
		ask("UpdateStage", fmt.Sprintf(`{"arn":%q,"autoParticipantRecordingConfiguration":{"storageConfigurationArn":%q,"recordParticipantReplicas":%t}}`,
			other, made.StorageConfiguration.Arn, record), &struct{}{})
		pair := fmt.Sprintf(`{"sourceStageArn":%q,"destinationStageArn":%q,"participantId":%q}`, c.stage, other, id)
		ask("StartParticipantReplication", pair, &struct{}{})
		ask("StopParticipantReplication", pair, &struct{}{}) // all before is written then
		var sessions struct{ StageSessions []struct{ SessionId string } }
		ask("ListStageSessions", fmt.Sprintf(`{"stageArn":%q}`, other), &sessions)
		var got struct {
			Participant struct{ RecordingState string }
		}
		ask("GetParticipant", fmt.Sprintf(`{"stageArn":%q,"sessionId":%q,"participantId":%q}`, other, sessions.StageSessions[0].SessionId, id), &got)
		if got.Participant.RecordingState != want {
			t.Errorf("recordParticipantReplicas %t: recording is %s", record, got.Participant.RecordingState)
		}
		failures := 0
		for _, e := range must[[]store.Event](t)(c.db.Events(t.Context(), 0, 1000)) {
			if e.DetailType == "IVS Participant Recording State Change" && e.Resources[0] == other {
				failures++
			}
		}
		if record != (failures == 1) {
			t.Errorf("recordParticipantReplicas %t: %d failures are told", record, failures)
		}
	}
}
