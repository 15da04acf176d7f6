// Package channel owns live channels as running objects: who may publish, the stream session from its
// first byte to its last event, the HLS origin that viewers read, and how many they are.
//
// A channel has at most one session at a time. Each session leaves one row and a row of events in the
// store: Session Created; then, if a frame ever came, Stream Start, what happened while it was live, and
// Stream End; then Session Ended. Every event is written in one transaction with the change it tells, so
// that a crash can neither lose nor repeat one: sessions that a dead process left open are closed by
// Recover.
//
// It never parses an API request and never reads a stream key from the store: that is its Directory's.
// A playback token goes no further than to package auth, and never into a log.
//
// Lock order: Manager.mu, then channel.mu. Under the other locks nothing else is locked.
package channel

import (
	"sync"
	"time"

	"github.com/streamcat/streamcat/internal/hls"
)

// channel is one channel that was live since the process started. It outlives its sessions, so that
// playlists keep their addresses and their numbers.
type channel struct {
	id      string
	pack    *hls.Packager
	viewers *audience

	mu      sync.Mutex
	session *session  // nil while nobody publishes
	spec    Spec      // of the newest session: what is left of it is no more public than it was
	idle    time.Time // when it was made, or the last session ended
	ended   bool      // the playlist carries its end
	gone    bool      // no longer the manager's: whoever still holds it looks again
}

// newest gives what the channel was when its newest session began; not ok before the first one.
func (c *channel) newest() (spec Spec, ok bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.spec, c.spec.ID != ""
}

func (c *channel) live() *session {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.session
}
