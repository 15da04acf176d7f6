package channel_test

import (
	"context"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/streamcat/streamcat/internal/channel"
	"github.com/streamcat/streamcat/internal/fault"
	"github.com/streamcat/streamcat/internal/media"
)

// slowDirectory is a directory whose second answer takes as long as a test wants.
type slowDirectory struct {
	directory
	calls            atomic.Int32
	reached, release chan struct{}
}

func (d *slowDirectory) ByStreamKey(ctx context.Context, key string) (channel.Spec, error) {
	if d.calls.Add(1) == 2 {
		close(d.reached)
		<-d.release
	}
	return d.directory.ByStreamKey(ctx, key)
}

// A store that is slow may hold up an admission for longer than encoders have patience.
func TestNobodyJoinsASessionWhoseFirstEncoderIsNotAdmittedYet(t *testing.T) {
	slow := &slowDirectory{reached: make(chan struct{}), release: make(chan struct{})}
	r := newRig(t, patient, func(d *channel.Deps) {
		slow.directory = d.Directory.(directory)
		d.Directory = slow
	})
	var first *media.Stream
	var err error
	admitted := make(chan struct{})
	go func() {
		defer close(admitted)
		first, err = r.Admit(context.Background(), media.Publisher{Protocol: "RTMP", Key: key})
	}()
	<-slow.reached
	r.clock.pass(4 * time.Second)
	second, refused := r.Admit(t.Context(), media.Publisher{Protocol: "RTMP", Key: key})
	close(slow.release)
	<-admitted
	if err != nil || fault.Of(refused) != fault.Conflict || second != nil {
		t.Fatalf("the first: %v; the second: %v", err, refused)
	}
	r.write(first, 0, time.Second)
	eventually(t, "live", r.live)
	first.Close()
	eventually(t, "not busy", func() bool { return !r.Busy(r.spec.ARN) })
	if diff := cmp.Diff(wholeLife, r.told()); diff != "" {
		t.Error(diff)
	}
}
