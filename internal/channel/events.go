package channel

import (
	"context"
	"encoding/json"
	"errors"
	"maps"
	"time"

	"github.com/google/uuid"

	"github.com/streamcat/streamcat/internal/arn"
	"github.com/streamcat/streamcat/internal/fault"
	"github.com/streamcat/streamcat/internal/store"
)

// Happening is one event in a session's life, in the words of EventBridge.
type Happening struct {
	Name string // such as "Stream Start"
	Type string // detail-type
	Time time.Time
	Code string `json:",omitempty"` // why, where AWS has a word for it
}

// Detail types.
const (
	stateChange     = "IVS Stream State Change"
	healthChange    = "IVS Stream Health Change"
	recordingChange = "IVS Recording State Change"
	adBreakChange   = "IVS Ad Break State Change"
	limitBreach     = "IVS Limit Breach"
)

// maxEvents is how many events a record keeps: as many as the API ever shows.
const maxEvents = 500

// tale is a happening with what its event tells besides.
type tale struct {
	Happening
	detail map[string]any
}

func happened(name, detailType string, at time.Time) tale {
	return tale{Happening{Name: name, Type: detailType, Time: at}, map[string]any{}}
}

func (t tale) with(name string, value any) tale {
	t.detail[name] = value
	return t
}

// tell puts an event of a session into the outbox.
func (m *Manager) tell(ctx context.Context, s *session, t tale) error {
	detail := map[string]any{"channel_name": s.spec.Name, "stream_id": s.id}
	switch t.Type {
	case recordingChange:
		detail["recording_status"] = t.Name
	case limitBreach:
		detail["limit_name"] = t.Name
	default:
		detail["event_name"] = t.Name
	}
	if t.Code != "" {
		detail["code"] = t.Code
	}
	maps.Copy(detail, t.detail)
	return m.send(ctx, t.Type, []string{s.spec.ARN}, t.Time, detail)
}

func (m *Manager) send(ctx context.Context, detailType string, resources []string, at time.Time, detail map[string]any) error {
	text, err := json.Marshal(detail)
	if err != nil {
		return err
	}
	return m.d.DB.AppendEvent(ctx, store.Event{
		ID: uuid.NewString(), DetailType: detailType, Resources: resources, Time: at, Detail: text,
	})
}

// notRecorded tells that a stream which its channel wants recorded is not: this server cannot record.
func notRecorded(at time.Time) tale {
	return happened("Recording Start Failure", recordingChange, at).
		with("recording_status_reason", "RecordingNotSupported").
		with("recording_s3_bucket_name", "").
		with("recording_s3_key_prefix", "").
		with("recording_duration_ms", 0).
		with("recording_session_id", arn.NewID(16))
}

// errOurs marks the ends of streams that are this server's fault.
var errOurs = errors.New("the server failed")

func ourFailure(what string, cause error) error {
	return fault.Down("%s", what).Because(errors.Join(errOurs, cause))
}

// failureIn tells why a stream failed by why it ended: what the encoder sent cannot be used, or the
// server could not go on. It is empty for an end that anybody wanted, and for a line that was cut.
func failureIn(reason error) string {
	if fault.Of(reason) == fault.Invalid || errors.Is(reason, errOurs) {
		return fault.Message(reason)
	}
	return ""
}
