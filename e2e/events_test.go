package e2e

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"regexp"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ivsrealtime"
	"github.com/aws/aws-sdk-go-v2/service/ivsrealtime/types"
	"github.com/google/go-cmp/cmp"

	"github.com/streamcat/streamcat/internal/engine/enginetest"
)

// shape replaces every value of an event by its kind, and keeps the words that tell events apart.
func shape(v any) any {
	switch v := v.(type) {
	case map[string]any:
		out := map[string]any{}
		for name, member := range v {
			switch name {
			case "version", "detail-type", "source", "event_name", "recording_status", "limit_name":
				out[name] = member
			default:
				out[name] = shape(member)
			}
		}
		return out
	case []any:
		return fmt.Sprintf("list of %d", len(v))
	}
	return fmt.Sprintf("%T", v)
}

// eventName tells an event from others: its detail-type and the name in its detail.
func eventName(envelope map[string]any) string {
	detail := envelope["detail"].(map[string]any)
	for _, member := range []string{"event_name", "recording_status", "limit_name"} {
		if name, ok := detail[member]; ok {
			return fmt.Sprint(envelope["detail-type"], ": ", name)
		}
	}
	return fmt.Sprint(envelope["detail-type"])
}

// Events are what docs/events.md shows: its examples are the golden file, and every event of a stream and of a
// composition has an example.
func TestEventsHaveTheMembersOfTheManual(t *testing.T) {
	text, err := os.ReadFile("../docs/events.md")
	if err != nil {
		t.Fatal(err)
	}
	shown := map[string]any{}
	for _, example := range regexp.MustCompile("(?s)```json\n(.*?)```").FindAllSubmatch(text, -1) {
		var envelope map[string]any
		if err := json.Unmarshal(example[1], &envelope); err != nil {
			t.Fatalf("%v\n%s", err, example[1])
		}
		shown[eventName(envelope)] = shape(envelope)
	}

	e := enginetest.Start(t)
	c := makeChannel(t, e.AWS(), e.RTMP)
	enc := ffmpeg(t, c.PublishURL, picture{})
	eventually(t, 30*time.Second, "live", func() bool { return isLive(t, e.AWS(), c) })
	enc.quit()
	eventually(t, 30*time.Second, "offline", func() bool { return !isLive(t, e.AWS(), c) })
	client := ivsrealtime.NewFromConfig(e.AWS())
	st, err := client.CreateStage(t.Context(), &ivsrealtime.CreateStageInput{Name: aws.String("sofa")})
	if err != nil {
		t.Fatal(err)
	}
	_, err = client.StartComposition(t.Context(), &ivsrealtime.StartCompositionInput{
		StageArn:     st.Stage.Arn,
		Destinations: []types.DestinationConfiguration{{Channel: &types.ChannelDestinationConfiguration{ChannelArn: aws.String(c.ARN)}}},
	})
	if err != nil {
		t.Fatal(err)
	}
	wanted := map[string]bool{
		"IVS Stream State Change: Session Created": true, "IVS Stream State Change: Stream Start": true,
		"IVS Stream State Change: Stream End": true, "IVS Stream State Change: Session Ended": true,
		"IVS Composition State Change: Destination Failure": true, "IVS Composition State Change: Session Failure": true,
	}
	var events []any
	eventually(t, 30*time.Second, "all is told", func() bool {
		events = engineAPI(t, e.AWS(), http.StatusOK, http.MethodGet, "events", "")["events"].([]any)
		missing := len(wanted)
		for _, item := range events {
			if wanted[eventName(item.(map[string]any)["event"].(map[string]any))] {
				missing--
			}
		}
		return missing <= 0
	})
	for _, item := range events {
		envelope := item.(map[string]any)["event"].(map[string]any)
		name := eventName(envelope)
		if diff := cmp.Diff(shown[name], shape(envelope)); diff != "" {
			t.Errorf("%s: the manual (-), what was told (+):\n%s", name, diff)
		}
	}
}
