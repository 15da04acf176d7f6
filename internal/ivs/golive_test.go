package ivs

import (
	"context"
	"fmt"
	"slices"
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
	stream, err := admit(t, m)
	if err != nil {
		t.Fatal(err)
	}
	publish(t, stream, 1280)
	<-stream.Done()
	if fault.Of(stream.Err()) != fault.Denied {
		t.Fatalf("one track is taken: %v", stream.Err())
	}
	off := time.NewTicker(5 * time.Millisecond)
	defer off.Stop()
	for m.Busy(channelARN) {
		select {
		case <-off.C:
		case <-t.Context().Done():
			t.Fatal("the session does not end")
		}
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

// publish writes a key frame of video tracks of some widths, and of sound.
func publish(t testing.TB, s *media.Stream, widths ...int) {
	t.Helper()
	s.Describe(media.Info{Videos: len(widths), Encoder: "OBS"})
	sps := []byte{0x67, 0x64, 0x00, 0x28, 0xac, 0xd9, 0x40, 0x78, 0x02, 0x27, 0xe5, 0x84, 0x00, 0x00, 0x03, 0x00, 0x04, 0x00, 0x00, 0x03, 0x00, 0xf0, 0x3c, 0x60, 0xc6, 0x58}
	pps := []byte{0x68, 0xeb, 0xe3, 0xcb, 0x22, 0xc0}
	config := slices.Concat([]byte{1, sps[1], sps[2], sps[3], 0xff, 0xe1, 0, byte(len(sps))}, sps, []byte{1, 0, byte(len(pps))}, pps)
	for i, width := range widths {
		track := &media.Track{
			ID: media.FirstVideo + i, Kind: media.Video, Codec: media.H264, SPS: sps, PPS: pps, Config: config,
			Width: width, Height: width * 9 / 16, FrameRate: 30, Bitrate: media.Bitrate(width) * 1000,
		}
		if err := s.Write(&media.Frame{Track: track, Arrived: time.Now(), Key: true, Payload: []byte{0, 0, 0, 1, 0x65}}); err != nil {
			return // it was cut, which its reason tells
		}
	}
	sound := &media.Track{ID: media.FirstAudio, Kind: media.Audio, Codec: media.AAC, SampleRate: 48000, Channels: 2, Bitrate: 160_000, Config: []byte{0x11, 0x90}}
	_ = s.Write(&media.Frame{Track: sound, Arrived: time.Now(), Key: true, Payload: []byte{1, 2}})
}

func TestASessionOfSeveralRenditionsShowsThemAll(t *testing.T) {
	w := newWorld(t, time.Now())
	m, _ := w.onAir(t)
	_, err := w.UpdateChannel(t.Context(), &UpdateChannelInput{
		Arn: channelARN, ContainerFormat: new(ContainerFormatFragmentedMp4),
		MultitrackInputConfiguration: &MultitrackInputConfiguration{
			Enabled: new(true), Policy: new(MultitrackPolicyRequire), MaximumResolution: new(MultitrackMaximumResolutionFullHd),
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	stream, err := admit(t, m)
	if err != nil {
		t.Fatal(err)
	}
	publish(t, stream, 1920, 1280, 640)
	c := w.client(t)
	look := time.NewTicker(5 * time.Millisecond)
	defer look.Stop()
	var s *types.StreamSession
	for {
		got, err := c.GetStreamSession(t.Context(), &sdk.GetStreamSessionInput{ChannelArn: new(channelARN)})
		if err != nil {
			t.Fatal(err)
		}
		s = got.StreamSession
		if all := s.IngestConfigurations; all != nil && len(all.VideoConfigurations) == 3 && len(all.AudioConfigurations) == 1 {
			break
		}
		select {
		case <-look.C:
		case <-t.Context().Done():
			t.Fatalf("ingest configurations: %+v", s.IngestConfigurations)
		}
	}
	for i, v := range s.IngestConfigurations.VideoConfigurations {
		want := []int64{1920, 1280, 640}[i]
		if *v.Track != fmt.Sprintf("Track%d", i) || v.VideoWidth != want || v.VideoHeight != want*9/16 || *v.Codec != "avc1.640028" ||
			*v.Profile != "High" || *v.Level != "4" || *v.AvcProfile != "" || v.TargetBitrate != want*1000 || v.TargetFramerate != 30 {
			t.Errorf("video %d: %+v", i, v)
		}
	}
	if a := s.IngestConfigurations.AudioConfigurations[0]; *a.Track != "Track0" || *a.Codec != "mp4a.40.2" || a.SampleRate != 48000 || a.TargetBitrate != 160_000 {
		t.Errorf("sound: %+v", a)
	}
	if v := s.IngestConfiguration.Video; v.VideoWidth != 1920 || *v.Track != "Track0" || *v.AvcProfile != "High" || *v.AvcLevel != "4" {
		t.Errorf("the deprecated form: %+v", v)
	}
	if a := s.IngestConfiguration.Audio; a == nil || *a.Track != "Track0" {
		t.Errorf("the deprecated form has %+v", a)
	}
}
