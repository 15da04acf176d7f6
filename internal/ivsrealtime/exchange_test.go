package ivsrealtime_test

import (
	"encoding/json"
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/streamcat/streamcat/internal/store"
)

func TestExchangedTokensAreListed(t *testing.T) {
	s := start(t)
	stage, session := createStage(t, s), "st-ABCDEFGHIJKLM"
	held(t, s, stage, session, clock)
	event := store.StageEvent{
		SessionID: session, ParticipantID: "gone", Time: clock, Name: "TOKEN_EXCHANGED",
		PreviousToken: `{"userId":"","attributes":null,"publish":true,"subscribe":true,"expires":"2026-01-02T03:04:05Z"}`,
		NewToken:      `{"userId":"ada","attributes":{"role":"guest"},"publish":false,"subscribe":true,"expires":"2026-01-02T04:04:05Z"}`,
	}
	if err := s.db.AppendStageEvent(t.Context(), event); err != nil {
		t.Fatal(err)
	}
	var out struct{ Events []map[string]any }
	asked := fmt.Sprintf(`{"stageArn":%q,"sessionId":%q,"participantId":"gone","maxResults":2}`, stage, session)
	if err := json.Unmarshal(post(t, s, "ListParticipantEvents", asked, 200), &out); err != nil {
		t.Fatal(err)
	}
	want := []any{
		map[string]any{"capabilities": []any{"PUBLISH", "SUBSCRIBE"}, "expirationTime": "2026-01-02T03:04:05.000Z"},
		map[string]any{"capabilities": []any{"SUBSCRIBE"}, "expirationTime": "2026-01-02T04:04:05.000Z", "userId": "ada", "attributes": map[string]any{"role": "guest"}},
	}
	if diff := cmp.Diff(want, []any{out.Events[0]["previousToken"], out.Events[0]["newToken"]}); diff != "" {
		t.Error(diff)
	}
	for _, member := range []string{"previousToken", "newToken"} {
		if v, there := out.Events[1][member]; there {
			t.Errorf("%v has %s: %v", out.Events[1]["name"], member, v)
		}
	}
}
