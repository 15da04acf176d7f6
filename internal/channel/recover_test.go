package channel_test

import (
	"context"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/streamcat/streamcat/internal/arn"
	"github.com/streamcat/streamcat/internal/channel"
	"github.com/streamcat/streamcat/internal/store"
)

// A session that cannot be read, here one that a later version wrote, is left as it is.
func TestRecoverPassesOverASessionThatCannotBeRead(t *testing.T) {
	r := newRig(t)
	unread := store.StreamSession{StreamID: "st-unread", ChannelARN: minter.New(arn.Channel), Started: r.clock.Now().Add(time.Hour), Node: "n1", Doc: []byte(`["later"]`)}
	if err := r.db.InsertStreamSession(t.Context(), unread); err != nil {
		t.Fatal(err)
	}
	s := r.admit()
	r.write(s, 0, time.Second)
	eventually(t, "started", func() bool { return len(r.told()) == 2 })

	next := channel.NewManager(r.deps)
	defer next.Close(context.Background())
	if err := next.Recover(t.Context()); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(wholeLife, r.told()); diff != "" {
		t.Error(diff)
	}
	open, err := r.db.OpenStreamSessions(t.Context())
	if err != nil || len(open) != 1 || open[0].StreamID != unread.StreamID {
		t.Errorf("open are %+v, %v", open, err)
	}
	s.Close()
	eventually(t, "not busy", func() bool { return !r.Busy(r.spec.ARN) })
}
