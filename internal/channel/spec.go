package channel

import (
	"context"
	"encoding/json"
	"time"

	"github.com/streamcat/streamcat/internal/media"
)

// Spec is what the live side needs to know of a channel resource.
type Spec struct {
	ARN            string
	ID             string // last part of the ARN
	Name           string // may be empty
	Type           string // AWS's channel type, such as "BASIC"
	LatencyMode    string // "LOW" or "NORMAL"
	Authorized     bool   // playback needs a token
	InsecureIngest bool   // unencrypted ingest is allowed
	Multitrack     Multitrack

	PolicyARN    string // of the playback restriction policy; empty: none
	AdARN        string // of the ad configuration; empty: none
	RecordingARN string // of the recording configuration; empty: none

	// Snapshot is the channel at admission as the API shows it. Nothing here reads it: it is kept in the
	// session's Record.
	Snapshot json.RawMessage `json:",omitempty"`
}

// Directory finds channels. Both methods give a NotFound fault for what does not exist.
type Directory interface {
	// ByStreamKey finds the channel that a stream key belongs to.
	ByStreamKey(ctx context.Context, key string) (Spec, error)
	// Channel finds a channel by id.
	Channel(ctx context.Context, id string) (Spec, error)
}

// Health is how well media arrives, in AWS's words.
type Health string

const (
	Healthy  Health = "HEALTHY"
	Starving Health = "STARVING" // connected, but no frame came for two seconds
	Unknown  Health = "UNKNOWN"  // no frame came yet
)

// Live is one channel that is broadcasting.
type Live struct {
	Spec
	StreamID     string
	Started      time.Time // of the first frame
	Health       Health
	Viewers      int64
	PlaybackPath string // of the multivariant playlist, from the server's root
	Video, Audio *media.Track
	Encoder      string
}
