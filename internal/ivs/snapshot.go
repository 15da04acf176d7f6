package ivs

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/streamcat/streamcat/internal/fault"
	"github.com/streamcat/streamcat/internal/store"
)

// snapshot is a channel as it was when somebody began to publish to it: what GetStreamSession shows later,
// whatever became of the channel. Secrets in it are sealed as they are in the channel itself. Addresses are
// the server's and not part of it.
type snapshot struct {
	Channel   channelDoc
	Tags      map[string]string
	Recording *recordingSnapshot `json:",omitempty"` // nil: nothing is recorded
}

type recordingSnapshot struct {
	ARN  string
	Doc  recordingDoc
	Tags map[string]string
}

// snapshot takes the picture of a channel.
func (d *Directory) snapshot(ctx context.Context, row *store.Row[channelDoc]) (json.RawMessage, error) {
	tags, err := d.db.Tags(ctx, row.ARN, row.Doc.RecordingConfigurationArn)
	if err != nil {
		return nil, err
	}
	taken := snapshot{Channel: row.Doc, Tags: tags[row.ARN]}
	if name := row.Doc.RecordingConfigurationArn; name != "" {
		switch recording, err := d.recordings.Get(ctx, name); {
		case err == nil:
			taken.Recording = &recordingSnapshot{name, recording.Doc, tags[name]}
		case fault.Of(err) != fault.NotFound: // it was taken off and deleted just now
			return nil, err
		}
	}
	return json.Marshal(taken)
}

// showSnapshot shows a channel and its recording configuration, nil if it had none, as they were. A
// recording configuration that a channel has is active.
func (s *Service) showSnapshot(name string, taken json.RawMessage) (*Channel, *RecordingConfiguration, error) {
	var was snapshot
	if err := json.Unmarshal(taken, &was); err != nil {
		return nil, nil, fmt.Errorf("snapshot of channel %s: %w", name, err)
	}
	c, err := s.show(name, &was.Channel, orEmpty(was.Tags))
	if err != nil || was.Recording == nil {
		return c, nil, err
	}
	r := was.Recording
	return c, r.Doc.show(r.ARN, RecordingConfigurationStateActive, r.Tags), nil
}
