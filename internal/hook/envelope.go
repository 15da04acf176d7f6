package hook

import (
	"encoding/json"
	"time"

	"github.com/streamcat/streamcat/internal/store"
)

// Envelope prints an event as EventBridge hands it to its targets. The number within the resource is
// not in it: EventBridge has none.
//
// https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-events-structure.html
func Envelope(e store.Event, account, region string) ([]byte, error) {
	return envelope(e, "aws.ivs", account, region)
}

func envelope(e store.Event, source, account, region string) ([]byte, error) {
	resources := e.Resources
	if resources == nil {
		resources = []string{}
	}
	return json.Marshal(struct {
		Version    string          `json:"version"`
		ID         string          `json:"id"`
		DetailType string          `json:"detail-type"`
		Source     string          `json:"source"`
		Account    string          `json:"account"`
		Time       string          `json:"time"`
		Region     string          `json:"region"`
		Resources  []string        `json:"resources"`
		Detail     json.RawMessage `json:"detail"`
	}{"0", e.ID, e.DetailType, source, account, e.Time.UTC().Format(time.RFC3339), region, resources, e.Detail})
}
