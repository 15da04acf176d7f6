package ivs

import (
	"context"
	"sync"
	"testing"
	"time"

	sdk "github.com/aws/aws-sdk-go-v2/service/ivs"
	"github.com/aws/aws-sdk-go-v2/service/ivs/types"
	"github.com/streamcat/streamcat/internal/bus"

	"github.com/streamcat/streamcat/internal/channel"
	"github.com/streamcat/streamcat/internal/fault"
	"github.com/streamcat/streamcat/internal/media"
)

// watched is a directory that lets a test act right after a look-up.
type watched struct {
	*Directory
	mu   sync.Mutex
	then []func() // one for each look-up to come
}

func (d *watched) ByStreamKey(ctx context.Context, key string) (channel.Spec, error) {
	spec, err := d.Directory.ByStreamKey(ctx, key)
	d.mu.Lock()
	var act func()
	if len(d.then) > 0 {
		act, d.then = d.then[0], d.then[1:]
	}
	d.mu.Unlock()
	if act != nil {
		act()
	}
	return spec, err
}

type silent struct{}

func (silent) Publish(string, []byte) error { return nil }

func (silent) Subscribe(string, func(bus.Message)) (*bus.Sub, error) { return nil, nil }

// onAir gives a world the real live side.
func (w *world) onAir(t testing.TB) (*channel.Manager, *watched) {
	t.Helper()
	w.furnish(t)
	dir := &watched{Directory: NewDirectory(w.db, w.keyring, here)}
	m := channel.NewManager(channel.Deps{Directory: dir, Viewers: dir, Sealer: w.keyring, DB: w.db, Bus: silent{}, Minter: here, Node: "n1"})
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
		defer cancel()
		if err := m.Close(ctx); err != nil {
			t.Error(err)
		}
	})
	w.live = m
	return m, dir
}

func admit(t testing.TB, m *channel.Manager) (*media.Stream, error) {
	return m.Admit(t.Context(), media.Publisher{Protocol: "RTMP", Key: keyValue, Encrypted: true})
}

// nameOnAir is the name under which the newest session of the channel began.
func (w *world) nameOnAir(t testing.TB) string {
	t.Helper()
	session, err := w.db.StreamSession(t.Context(), channelARN, "")
	if err != nil {
		t.Fatal(err)
	}
	record, err := recordOf(&session)
	if err != nil {
		t.Fatal(err)
	}
	return record.Channel.Name
}

func (w *world) rename(t testing.TB, name string) error {
	_, err := w.UpdateChannel(t.Context(), &UpdateChannelInput{Arn: channelARN, Name: &name})
	return err
}

func TestTheRealLiveSideAnswersForAChannelOffAir(t *testing.T) {
	both(t, func(t *testing.T, w *world) {
		w.onAir(t)
		c, ctx := w.client(t), t.Context()
		_, err := c.PutMetadata(ctx, &sdk.PutMetadataInput{ChannelArn: new(channelARN), Metadata: new("x")})
		wantException[*types.ChannelNotBroadcasting](t, err)
		ads, err := c.CreateAdConfiguration(ctx, &sdk.CreateAdConfigurationInput{MediaTailorPlaybackConfigurations: tailored(1)})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := c.UpdateChannel(ctx, &sdk.UpdateChannelInput{Arn: new(channelARN), AdConfigurationArn: ads.AdConfiguration.Arn}); err != nil {
			t.Fatal(err)
		}
		_, err = c.InsertAdBreak(ctx, &sdk.InsertAdBreakInput{ChannelArn: new(channelARN), DurationSeconds: new(int32(30))})
		wantException[*types.ChannelNotBroadcasting](t, err)
		if _, err := c.StartViewerSessionRevocation(ctx, &sdk.StartViewerSessionRevocationInput{ChannelArn: new(channelARN), ViewerId: new("ann"), ViewerSessionVersionsLessThanOrEqualTo: 3}); err != nil {
			t.Fatal(err)
		}
		revoked, err := w.db.ViewerRevocations(ctx, time.Time{})
		if err != nil || len(revoked) != 1 {
			t.Errorf("revocations written down: %+v, %v", revoked, err)
		}
	})
}

func TestAChangeBetweenLookUpAndClaimIsWhatTheStreamBeginsWith(t *testing.T) {
	both(t, func(t *testing.T, w *world) {
		m, dir := w.onAir(t)
		dir.then = []func(){func() {
			if err := w.rename(t, "changed"); err != nil {
				t.Error(err)
			}
		}}
		stream, err := admit(t, m)
		if err != nil {
			t.Fatal(err)
		}
		if stream.Err() != nil || w.nameOnAir(t) != "changed" {
			t.Errorf("on air as %q, %v", w.nameOnAir(t), stream.Err())
		}
	})
}

func TestAChannelDeletedBetweenLookUpAndClaimTakesNoStream(t *testing.T) {
	both(t, func(t *testing.T, w *world) {
		m, dir := w.onAir(t)
		dir.then = []func(){func() {
			if _, err := w.DeleteChannel(t.Context(), &DeleteChannelInput{Arn: channelARN}); err != nil {
				t.Error(err)
			}
		}}
		if _, err := admit(t, m); fault.Of(err) != fault.NotFound {
			t.Errorf("admitted to a deleted channel: %v", err)
		}
		if m.Busy(channelARN) {
			t.Error("the deleted channel is busy")
		}
	})
}

func TestAClaimedChannelIsNeitherChangedNorDeleted(t *testing.T) {
	both(t, func(t *testing.T, w *world) {
		m, dir := w.onAir(t)
		refused := func() {
			t.Helper()
			if err := w.rename(t, "changed"); fault.Of(err) != fault.Conflict {
				t.Errorf("changed: %v", err)
			}
			if _, err := w.DeleteChannel(t.Context(), &DeleteChannelInput{Arn: channelARN}); fault.Of(err) != fault.Conflict {
				t.Errorf("deleted: %v", err)
			}
		}
		dir.then = []func(){nil, refused} // the second look-up is after the claim
		stream, err := admit(t, m)
		if err != nil {
			t.Fatal(err)
		}
		refused()
		if stream.Err() != nil || w.nameOnAir(t) != "fixed" {
			t.Errorf("on air as %q, %v", w.nameOnAir(t), stream.Err())
		}
		if err := m.Stop(t.Context(), channelARN); err != nil {
			t.Fatal(err)
		}
		if err := w.rename(t, "changed"); err != nil {
			t.Errorf("after the end: %v", err)
		}
	})
}

// However the two fall together: the change is refused, or the stream has it, or the stream is over.
func TestChangesAgainstGoingLiveAreSeenOrRefused(t *testing.T) {
	both(t, func(t *testing.T, w *world) {
		m, _ := w.onAir(t)
		for i := range 20 {
			name := string(rune('a' + i))
			var stream *media.Stream
			var changed, admitted error
			var all sync.WaitGroup
			all.Go(func() { stream, admitted = admit(t, m) })
			all.Go(func() { changed = w.rename(t, name) })
			all.Wait()
			if admitted != nil {
				t.Fatal(admitted)
			}
			switch {
			case changed == nil && stream.Err() == nil && w.nameOnAir(t) != name:
				t.Fatalf("round %s: on air as %q", name, w.nameOnAir(t))
			case changed != nil && fault.Of(changed) != fault.Conflict:
				t.Fatal(changed)
			case changed != nil && stream.Err() != nil:
				t.Fatalf("round %s: the change was refused, and the stream ended: %v", name, stream.Err())
			}
			if err := m.Stop(t.Context(), channelARN); err != nil && fault.Of(err) != fault.NotLive {
				t.Fatal(err)
			}
		}
	})
}

func TestDeletionAgainstGoingLiveLeavesNoStreamWithoutAChannel(t *testing.T) {
	both(t, func(t *testing.T, w *world) {
		m, _ := w.onAir(t)
		var stream *media.Stream
		var deleted, admitted error
		var all sync.WaitGroup
		all.Go(func() { stream, admitted = admit(t, m) })
		all.Go(func() { _, deleted = w.DeleteChannel(t.Context(), &DeleteChannelInput{Arn: channelARN}) })
		all.Wait()
		switch {
		case deleted == nil && (m.Busy(channelARN) || admitted == nil && stream.Err() == nil):
			t.Error("a stream goes on without its channel")
		case deleted == nil && admitted != nil && fault.Of(admitted) != fault.NotFound:
			t.Error(admitted)
		case deleted != nil && (fault.Of(deleted) != fault.Conflict || admitted != nil || stream.Err() != nil):
			t.Errorf("deletion: %v, admission: %v", deleted, admitted)
		}
	})
}

func TestAMultitrackChannelTellsItsSessionsWhyTheyEnded(t *testing.T) {
	w := newWorld(t, time.Now())
	m, _ := w.onAir(t)
	change := func(policy string) {
		t.Helper()
		_, err := w.UpdateChannel(t.Context(), &UpdateChannelInput{
			Arn: channelARN, ContainerFormat: new(ContainerFormatFragmentedMp4),
			MultitrackInputConfiguration: &MultitrackInputConfiguration{Enabled: new(true), Policy: &policy, MaximumResolution: new(MultitrackMaximumResolutionHd)},
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	change(MultitrackPolicyRequire)
	if _, err := admit(t, m); fault.Of(err) != fault.Denied {
		t.Fatalf("one track is taken: %v", err)
	}
	got, err := w.GetStreamSession(t.Context(), &GetStreamSessionInput{ChannelArn: channelARN})
	if err != nil {
		t.Fatal(err)
	}
	s := got.StreamSession
	if len(s.TruncatedEvents) != 2 || text(s.TruncatedEvents[0].Code) != "MultitrackInputRequired" || *s.TruncatedEvents[0].Name != "Session Ended" || s.EndTime == nil || s.IngestConfiguration != nil {
		t.Errorf("session: %+v", s)
	}
	change(MultitrackPolicyAllow)
	if _, err := admit(t, m); err != nil {
		t.Errorf("where it is only allowed: %v", err)
	}
}

func TestAStreamOutlivesItsKeyButDoesNotComeBack(t *testing.T) {
	w := newWorld(t, time.Now())
	m, _ := w.onAir(t)
	stream, err := admit(t, m)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.DeleteStreamKey(t.Context(), &DeleteStreamKeyInput{Arn: keyARN}); err != nil {
		t.Fatal(err)
	}
	if !m.Busy(channelARN) || stream.Err() != nil {
		t.Errorf("the stream ended: %v", stream.Err())
	}
	if _, err := w.StopStream(t.Context(), &StopStreamInput{ChannelArn: channelARN}); err != nil {
		t.Fatal(err)
	}
	if _, err := admit(t, m); fault.Of(err) != fault.NotFound {
		t.Errorf("it came back: %v", err)
	}
}
