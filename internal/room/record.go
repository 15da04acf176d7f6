package room

import "time"

// Recorder keeps what is said in rooms that have logging configurations.
type Recorder interface {
	// Record is called exactly once for each message and each event of such a room, where it is put in
	// order and before anybody is sent it. That is on the node that publishes it. When Record returns,
	// the frame must outlive this process, and nobody must have waited for more than a local write:
	// who says something waits for it. Of its own trouble the Recorder makes no one else's, so it gives
	// no error.
	//
	// Configurations are the ARNs of the room's logging configurations, one to three. Kind is MESSAGE or
	// EVENT, received is when the service took the request, and frame is the JSON that clients receive, one
	// line without its end. Neither slice may be changed, or kept after the call.
	Record(roomARN string, configurations []string, kind string, received time.Time, frame []byte)
}

// record gives a note to the Recorder if its room is logged.
func (m *Manager) record(spec Spec, n *note, received time.Time) {
	if m.recorder == nil || len(spec.Logging) == 0 {
		return
	}
	kind := "EVENT"
	if n.kind == noteMessage {
		kind = "MESSAGE"
	}
	m.recorder.Record(spec.ARN, spec.Logging, kind, received, n.frame)
}
