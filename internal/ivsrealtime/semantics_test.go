package ivsrealtime_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/streamcat/streamcat/internal/arn"
	"github.com/streamcat/streamcat/internal/store"
)

// TestParticipantsAreListedUnderOneFilterAtMost, whichever two there are: even one that says false.
func TestParticipantsAreListedUnderOneFilterAtMost(t *testing.T) {
	s := start(t)
	stage, session := createStage(t, s), "st-ABCDEFGHIJKLM"
	held(t, s, stage, session, clock)
	filters := []string{`"filterByUserId":"ada"`, `"filterByPublished":false`, `"filterByState":"CONNECTED"`, `"filterByRecordingState":"FAILED"`}
	for i, one := range filters {
		request := fmt.Sprintf(`{"stageArn":%q,"sessionId":%q,%s`, stage, session, one)
		post(t, s, "ListParticipants", request+"}", 200)
		for _, other := range filters[i+1:] {
			post(t, s, "ListParticipants", request+","+other+"}", 400, "ValidationException")
		}
	}
}

// TestListsOfAnUnknownStageAreEmpty: these operations know no ResourceNotFoundException.
func TestListsOfAnUnknownStageAreEmpty(t *testing.T) {
	s := start(t)
	unknown := minter.New(arn.Stage)
	for operation, c := range map[string]struct{ more, list string }{
		"ListStageSessions":       {`"stageArn":%q`, "stageSessions"},
		"ListParticipants":        {`"stageArn":%q,"sessionId":"st-ABCDEFGHIJKLM"`, "participants"},
		"ListParticipantEvents":   {`"stageArn":%q,"sessionId":"st-ABCDEFGHIJKLM","participantId":"p1"`, "events"},
		"ListParticipantReplicas": {`"sourceStageArn":%q,"participantId":"p1"`, "replicas"},
	} {
		var got map[string]json.RawMessage
		if err := json.Unmarshal(post(t, s, operation, "{"+fmt.Sprintf(c.more, unknown)+"}", 200), &got); err != nil {
			t.Fatal(err)
		}
		if string(got[c.list]) != "[]" || len(got) != 1 {
			t.Errorf("%s: %s", operation, got)
		}
	}
}

// TestLimitsOfRequests: the last value that is taken, and the first that is not.
func TestLimitsOfRequests(t *testing.T) {
	s := start(t)
	stage := createStage(t, s)
	storage := minter.New(arn.StorageConfiguration)
	if _, err := store.NewCollection[struct{}](s.db, arn.StorageConfiguration, nil).Insert(t.Context(), storage, &struct{}{}, nil); err != nil {
		t.Fatal(err)
	}
	recording := func(member string) string {
		return fmt.Sprintf(`{"autoParticipantRecordingConfiguration":{"storageConfigurationArn":%q,%s}}`, storage, member)
	}
	letters := func(n int) string { return strings.Repeat("x", n) }
	for name, c := range map[string]struct {
		operation, takes, refuses string
	}{
		"duration of a token, least": {"CreateParticipantToken", fmt.Sprintf(`{"stageArn":%q,"duration":1}`, stage), fmt.Sprintf(`{"stageArn":%q,"duration":0}`, stage)},
		"duration of a token, most":  {"CreateParticipantToken", fmt.Sprintf(`{"stageArn":%q,"duration":20160}`, stage), fmt.Sprintf(`{"stageArn":%q,"duration":20161}`, stage)},
		"user id of a token": {
			"CreateParticipantToken", fmt.Sprintf(`{"stageArn":%q,"userId":%q}`, stage, letters(128)), fmt.Sprintf(`{"stageArn":%q,"userId":%q}`, stage, letters(129)),
		},
		"reason": {
			"DisconnectParticipant", fmt.Sprintf(`{"stageArn":%q,"participantId":"p1","reason":%q}`, stage, letters(128)),
			fmt.Sprintf(`{"stageArn":%q,"participantId":"p1","reason":%q}`, stage, letters(129)),
		},
		"media types":      {"CreateStage", recording(`"mediaTypes":["NONE"]`), recording(`"mediaTypes":["AUDIO_VIDEO","AUDIO_ONLY"]`)},
		"reconnect window": {"CreateStage", recording(`"recordingReconnectWindowSeconds":300`), recording(`"recordingReconnectWindowSeconds":301`)},
		"segments": {
			"CreateStage", recording(`"hlsConfiguration":{"targetSegmentDurationSeconds":10}`), recording(`"hlsConfiguration":{"targetSegmentDurationSeconds":11}`),
		},
		"interval of thumbnails": {
			"CreateStage", recording(`"thumbnailConfiguration":{"targetIntervalSeconds":86400}`), recording(`"thumbnailConfiguration":{"targetIntervalSeconds":86401}`),
		},
		"members of a page, most": {"ListStages", `{"maxResults":100}`, `{"maxResults":101}`},
		"replicas of a page, most": {
			"ListParticipantReplicas", fmt.Sprintf(`{"sourceStageArn":%q,"participantId":"p1","maxResults":50}`, stage),
			fmt.Sprintf(`{"sourceStageArn":%q,"participantId":"p1","maxResults":51}`, stage),
		},
	} {
		t.Run(name, func(t *testing.T) {
			post(t, s, c.operation, c.takes, 200)
			post(t, s, c.operation, c.refuses, 400, "ValidationException")
		})
	}
}
