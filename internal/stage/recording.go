package stage

import (
	"encoding/json"
	"time"

	"github.com/google/uuid"

	"github.com/streamcat/streamcat/internal/store"
)

const (
	recordingChange = "IVS Participant Recording State Change"
	recordingFailed = "FAILED"
)

// failRecording tells, once in a session, that a participant who publishes to a stage that records could not
// be recorded: there are no recordings yet, and nobody is to believe that there are.
func (st *stage) failRecording(mem *member, bucket string) []store.Event {
	id := mem.seat.ParticipantID
	if bucket == "" || st.session.unrecorded[id] {
		return nil
	}
	if st.session.unrecorded == nil {
		st.session.unrecorded = map[string]bool{}
	}
	st.session.unrecorded[id] = true
	mem.recording = recordingFailed
	st.m.log.Warn("participant is not recorded: recordings are not built yet", "stage", st.id, "participant", id)
	return []store.Event{recordingEvent(st.arn, st.session.id, id, bucket, st.m.now())}
}

func recordingEvent(stageARN, sessionID, participantID, bucket string, at time.Time) store.Event {
	detail, err := json.Marshal(struct {
		SessionID     string `json:"session_id"`
		EventName     string `json:"event_name"`
		ParticipantID string `json:"participant_id"`
		Bucket        string `json:"recording_s3_bucket_name"`
		Prefix        string `json:"recording_s3_key_prefix"`
	}{sessionID, "Recording Start Failure", participantID, bucket, ""})
	if err != nil {
		panic("an event's detail is always JSON: " + err.Error())
	}
	return store.Event{ID: uuid.NewString(), DetailType: recordingChange, Resources: []string{stageARN}, Time: at, Detail: detail}
}
