package channel_test

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/streamcat/streamcat/internal/arn"
	"github.com/streamcat/streamcat/internal/bus"
	"github.com/streamcat/streamcat/internal/channel"
	"github.com/streamcat/streamcat/internal/fault"
	"github.com/streamcat/streamcat/internal/media"
	"github.com/streamcat/streamcat/internal/store"
)

var minter = arn.Minter{Region: "us-east-1", Account: "000000000000"}

// directory knows channels by key.
type directory map[string]channel.Spec

func (d directory) ByStreamKey(_ context.Context, key string) (channel.Spec, error) {
	if s, ok := d[key]; ok {
		return s, nil
	}
	return channel.Spec{}, fault.Missing("no such stream key")
}

func (d directory) Channel(_ context.Context, id string) (channel.Spec, error) {
	for _, s := range d {
		if s.ID == id {
			return s, nil
		}
	}
	return channel.Spec{}, fault.Missing("no such channel")
}

// clock is the manager's time; tests move it.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) pass(d time.Duration) {
	c.mu.Lock()
	c.now = c.now.Add(d)
	c.mu.Unlock()
}

type silent struct{}

func (silent) Publish(string, []byte) error { return nil }

func (silent) Subscribe(string, func(bus.Message)) (*bus.Sub, error) { return nil, nil }

type rig struct {
	*channel.Manager
	t     *testing.T
	db    *store.DB
	clock *clock
	spec  channel.Spec
	deps  channel.Deps
}

const key = "sk_us-east-1_testtesttest_secret"

func newRig(t *testing.T, change ...func(*channel.Deps)) *rig {
	t.Helper()
	db := channel.NewStore(t)
	name := minter.New(arn.Channel)
	r := &rig{t: t, db: db, clock: &clock{now: time.Now()}, spec: channel.Spec{ARN: name, ID: arn.ID(name), Name: "radio", Type: "BASIC"}}
	private := minter.New(arn.Channel)
	r.deps = channel.Deps{
		Directory: directory{key: r.spec, "private": {ARN: private, ID: arn.ID(private), Authorized: true}},
		DB:        db, Bus: silent{}, Minter: minter, Node: "n1", Now: r.clock.Now,
	}
	for _, c := range change {
		c(&r.deps)
	}
	r.Manager = channel.NewManager(r.deps)
	t.Cleanup(func() { r.close() })
	return r
}

func (r *rig) close() {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	if err := r.Manager.Close(ctx); err != nil {
		r.t.Error(err)
	}
}

func (r *rig) admit() *media.Stream {
	r.t.Helper()
	s, err := r.Admit(r.t.Context(), media.Publisher{Protocol: "RTMP", Key: key})
	if err != nil {
		r.t.Fatal(err)
	}
	return s
}

var (
	sps   = []byte{0x67, 0x64, 0x00, 0x28, 0xac, 0xd9, 0x40, 0x78, 0x02, 0x27, 0xe5, 0x84, 0x00, 0x00, 0x03, 0x00, 0x04, 0x00, 0x00, 0x03, 0x00, 0xf0, 0x3c, 0x60, 0xc6, 0x58}
	pps   = []byte{0x68, 0xeb, 0xe3, 0xcb, 0x22, 0xc0}
	video = &media.Track{ID: 1, Kind: media.Video, Codec: media.H264, SPS: sps, PPS: pps, Width: 1920, Height: 1080, Config: avcConfig()}
)

// avcConfig is the AVCDecoderConfigurationRecord of ISO/IEC 14496-15 §5.3.3.
func avcConfig() []byte {
	b := []byte{1, sps[1], sps[2], sps[3], 0xff, 0xe1, 0, byte(len(sps))}
	b = append(append(b, sps...), 1, 0, byte(len(pps)))
	return append(b, pps...)
}

// write sends d of 30 fps video with a key frame each second, from the given offset on.
func (r *rig) write(s *media.Stream, from, d time.Duration) {
	r.t.Helper()
	if err := r.try(s, from, d); err != nil {
		r.t.Fatal(err)
	}
}

// try is write for a stream that may end meanwhile.
func (r *rig) try(s *media.Stream, from, d time.Duration) error {
	const step = time.Second / 30
	for i := 0; time.Duration(i)*step < d; i++ {
		at := from + time.Duration(i)*step
		nal, isKey := byte(0x41), i%30 == 0
		if isKey {
			nal = 0x65
		}
		f := &media.Frame{Track: video, DTS: at, PTS: at, Arrived: r.clock.Now(), Key: isKey, Payload: []byte{0, 0, 0, 4, nal, 1, 2, 3}}
		if err := s.Write(f); err != nil {
			return err
		}
	}
	return nil
}

// eventually waits for a condition that another goroutine brings about.
func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	end := time.After(10 * time.Second)
	for wait := 100 * time.Microsecond; !ok(); wait = min(2*wait, 5*time.Millisecond) {
		select {
		case <-end:
			t.Fatalf("never: %s", what)
		case <-time.After(wait):
		}
	}
}

func (r *rig) live() bool { _, err := r.Live(r.t.Context(), r.spec.ARN); return err == nil }

// told lists the names of all events of the channel, in order, and checks what each must carry.
func (r *rig) told() []string {
	r.t.Helper()
	events, err := r.db.Events(r.t.Context(), 0, 100)
	if err != nil {
		r.t.Fatal(err)
	}
	var names []string
	for _, e := range events {
		var d struct {
			EventName   string `json:"event_name"`
			ChannelName string `json:"channel_name"`
			StreamID    string `json:"stream_id"`
		}
		if err := json.Unmarshal(e.Detail, &d); err != nil {
			r.t.Fatal(err)
		}
		if e.DetailType != "IVS Stream State Change" || e.Resources[0] != r.spec.ARN || d.ChannelName != "radio" || len(d.StreamID) != 26 {
			r.t.Errorf("event %+v with detail %s", e, e.Detail)
		}
		names = append(names, d.EventName)
	}
	return names
}

var wholeLife = []string{"Session Created", "Stream Start", "Stream End", "Session Ended"}

func TestAStreamLeavesOneOfEachEventInOrder(t *testing.T) {
	r := newRig(t)
	s := r.admit()
	r.write(s, 0, time.Second)
	eventually(t, "live", r.live)
	s.Close()
	eventually(t, "not busy", func() bool { return !r.Busy(r.spec.ARN) })
	if diff := cmp.Diff(wholeLife, r.told()); diff != "" {
		t.Error(diff)
	}
	open, err := r.db.OpenStreamSessions(t.Context())
	if err != nil || len(open) != 0 {
		t.Errorf("open sessions: %v, %v", open, err)
	}
}

func TestASessionWithoutAFrameWasNeverLive(t *testing.T) {
	r := newRig(t)
	s := r.admit()
	if r.live() {
		t.Error("live before the first frame")
	}
	s.Close()
	eventually(t, "not busy", func() bool { return !r.Busy(r.spec.ARN) })
	if diff := cmp.Diff([]string{"Session Created", "Session Ended"}, r.told()); diff != "" {
		t.Error(diff)
	}
}

func TestStopCutsTheEncoderAndReturnsWhenTheEndIsWritten(t *testing.T) {
	r := newRig(t)
	s := r.admit()
	r.write(s, 0, time.Second)
	eventually(t, "live", r.live)
	if err := r.Stop(t.Context(), r.spec.ARN); err != nil {
		t.Fatal(err)
	}
	if err := s.Write(&media.Frame{Track: video}); fault.Of(err) != fault.Conflict {
		t.Errorf("the publisher was told %v", err)
	}
	if diff := cmp.Diff(wholeLife, r.told()); diff != "" {
		t.Error(diff)
	}
	if err := r.Stop(t.Context(), r.spec.ARN); fault.Of(err) != fault.NotLive {
		t.Errorf("stopping again: %v", err)
	}
}

func TestWhoMayPublish(t *testing.T) {
	enforce := func(d *channel.Deps) { d.EnforceSecureIngest = true }
	for _, c := range []struct {
		name   string
		p      media.Publisher
		change []func(*channel.Deps)
		want   fault.Kind
	}{
		{"unknown key is not found", media.Publisher{Key: "nope"}, nil, fault.NotFound},
		{"clear transport is denied when enforced", media.Publisher{Key: key}, []func(*channel.Deps){enforce}, fault.Denied},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := newRig(t, c.change...)
			if _, err := r.Admit(t.Context(), c.p); fault.Of(err) != c.want {
				t.Errorf("got %v", err)
			}
			if told := r.told(); told != nil {
				t.Errorf("told %v", told)
			}
		})
	}
	t.Run("this machine may come in clear, if it is told so", func(t *testing.T) {
		for at, want := range map[string]fault.Kind{"127.0.0.1": 0, "::ffff:127.0.0.1": 0, "::1": 0, "192.0.2.1": fault.Denied, "2001:db8::1": fault.Denied} {
			r := newRig(t, enforce, func(d *channel.Deps) { d.ExceptLoopback = true })
			remote := netip.AddrPortFrom(netip.MustParseAddr(at), 5000)
			if _, err := r.Admit(t.Context(), media.Publisher{Key: key, Remote: remote}); (err != nil) != (want != 0) || err != nil && fault.Of(err) != want {
				t.Errorf("from %s: %v", at, err)
			}
		}
	})
	t.Run("encrypted transport is admitted when enforced", func(t *testing.T) {
		r := newRig(t, enforce)
		if _, err := r.Admit(t.Context(), media.Publisher{Key: key, Encrypted: true}); err != nil {
			t.Error(err)
		}
	})
}

func TestASecondEncoderIsRefusedOnlyWhileTheFirstDelivers(t *testing.T) {
	r := newRig(t)
	first := r.admit()
	r.write(first, 0, time.Second)
	eventually(t, "live", r.live)
	if _, err := r.Admit(t.Context(), media.Publisher{Key: key}); fault.Of(err) != fault.Conflict {
		t.Fatalf("while the first delivers: %v", err)
	}

	r.clock.pass(4 * time.Second)
	second := r.admit()
	if first.Err() == nil {
		t.Error("the first runs on")
	}
	r.write(second, 0, time.Second)
	eventually(t, "live again", r.live)
	second.Close()
	eventually(t, "not busy", func() bool { return !r.Busy(r.spec.ARN) })
	if diff := cmp.Diff(append(append([]string{}, wholeLife...), wholeLife...), r.told()); diff != "" {
		t.Error(diff)
	}
}

func TestManyEncodersAtOnceGiveOneSession(t *testing.T) {
	r := newRig(t)
	var wg sync.WaitGroup
	var mu sync.Mutex
	admitted := 0
	for range 20 {
		wg.Go(func() {
			_, err := r.Admit(context.Background(), media.Publisher{Key: key})
			mu.Lock()
			defer mu.Unlock()
			if err == nil {
				admitted++
			} else if fault.Of(err) != fault.Conflict {
				t.Errorf("refused with %v", err)
			}
		})
	}
	wg.Wait()
	if admitted != 1 {
		t.Errorf("%d were admitted", admitted)
	}
}

func TestRecoverClosesWhatACrashLeftOpenOnce(t *testing.T) {
	r := newRig(t)
	s := r.admit()
	r.write(s, 0, time.Second)
	eventually(t, "started", func() bool { return len(r.told()) == 2 })

	// What a new process sees after kill -9: the same store, nothing in memory.
	next := channel.NewManager(r.deps)
	defer next.Close(context.Background())
	for range 2 {
		if err := next.Recover(t.Context()); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(wholeLife, r.told()); diff != "" {
			t.Error(diff)
		}
	}

	// The old one, ending late, tells nothing twice.
	s.Close()
	eventually(t, "not busy", func() bool { return !r.Busy(r.spec.ARN) })
	if diff := cmp.Diff(wholeLife, r.told()); diff != "" {
		t.Error(diff)
	}
}

func TestRecoverLeavesOtherNodesAlone(t *testing.T) {
	r := newRig(t)
	r.admit()
	deps := r.deps
	deps.Node = "n2"
	next := channel.NewManager(deps)
	defer next.Close(context.Background())
	if err := next.Recover(t.Context()); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"Session Created"}, r.told()); diff != "" {
		t.Error(diff)
	}
}

func TestCloseEndsSessionsAndAdmitsNoMore(t *testing.T) {
	r := newRig(t)
	s := r.admit()
	r.write(s, 0, time.Second)
	eventually(t, "live", r.live)
	r.close()
	if err := s.Err(); fault.Of(err) != fault.Unavailable {
		t.Errorf("the publisher was told %v", err)
	}
	if diff := cmp.Diff(wholeLife, r.told()); diff != "" {
		t.Error(diff)
	}
	if _, err := r.Admit(t.Context(), media.Publisher{Key: key}); fault.Of(err) != fault.Unavailable {
		t.Errorf("admitted while closed: %v", err)
	}
}

func (r *rig) get(path string) (int, string) {
	w := httptest.NewRecorder()
	r.ServeHTTP(w, httptest.NewRequest(http.MethodGet, path, nil))
	body, _ := io.ReadAll(w.Result().Body)
	return w.Code, string(body)
}

func TestPlaybackAnswers(t *testing.T) {
	r := newRig(t)
	private, err := r.deps.Directory.ByStreamKey(t.Context(), "private")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name, path string
		want       int
	}{
		{"offline channel", channel.PlaybackPath(r.spec.ARN), 404},
		{"offline channel's media", strings.TrimSuffix(channel.PlaybackPath(r.spec.ARN), ".m3u8") + "/av.m3u8", 404},
		{"unknown channel", channel.PlaybackPath(minter.New(arn.Channel)), 404},
		{"private channel", channel.PlaybackPath(private.ARN), 403},
		{"another region's channel", channel.PlaybackPath(arn.Minter{Region: "eu-west-1", Account: "000000000000"}.Of(arn.Channel, r.spec.ID)), 404},
		{"no playlist", channel.PlaybackRoot + "x", 404},
		{"climbing out", channel.PlaybackRoot + "../../etc/passwd", 404},
	} {
		if got, body := r.get(c.path); got != c.want {
			t.Errorf("%s: got %d %q, want %d", c.name, got, body, c.want)
		}
	}
}

func TestViewersAreCountedBySession(t *testing.T) {
	r := newRig(t)
	s := r.admit()
	r.write(s, 0, 4*time.Second)
	eventually(t, "live", r.live)

	media := map[string]bool{}
	for range 3 {
		code, body := r.get(channel.PlaybackPath(r.spec.ARN))
		if code != 200 {
			t.Fatalf("multivariant: %d %s", code, body)
		}
		uri := regexp.MustCompile(`(?m)^[^#\n].*$`).FindString(body)
		if media[uri] {
			t.Errorf("two players were given %s", uri)
		}
		media[uri] = true
		for range 5 { // many requests, one viewer
			if code, body := r.get(channel.PlaybackRoot + uri); code != 200 || !strings.HasPrefix(body, "#EXTM3U") {
				t.Fatalf("media: %d %s", code, body)
			}
		}
	}
	_, body := r.get(channel.PlaybackPath(r.spec.ARN) + "?preview=1")
	if code, _ := r.get(channel.PlaybackRoot + regexp.MustCompile(`(?m)^[^#\n].*$`).FindString(body)); code != 200 {
		t.Errorf("preview: %d", code)
	}
	viewers := func() int64 { l, _ := r.Live(t.Context(), r.spec.ARN); return l.Viewers }
	eventually(t, "three viewers", func() bool { return viewers() >= 3 })
	r.Tidy()
	if n := viewers(); n != 3 {
		t.Errorf("%d viewers", n)
	}
	r.clock.pass(13 * time.Second)
	r.write(s, 4*time.Second, time.Second)
	eventually(t, "no viewers", func() bool { return viewers() == 0 })
}

func TestNobodyCountsAsGoneWhileNoMediaComes(t *testing.T) {
	r := newRig(t)
	s := r.admit()
	r.write(s, 0, 4*time.Second)
	eventually(t, "live", r.live)
	r.get(r.media())
	viewers := func() int64 { l, _ := r.Live(t.Context(), r.spec.ARN); return l.Viewers }
	eventually(t, "one viewer", func() bool { return viewers() == 1 })
	r.clock.pass(13 * time.Second)
	r.Tidy()
	if n := viewers(); n != 1 {
		t.Errorf("%d viewers", n)
	}
}

// media gives the path of the media playlist, as a new player learns it.
func (r *rig) media() string {
	r.t.Helper()
	code, body := r.get(channel.PlaybackPath(r.spec.ARN))
	if code != 200 {
		r.t.Fatalf("multivariant: %d %s", code, body)
	}
	return channel.PlaybackRoot + regexp.MustCompile(`(?m)^[^#\n].*$`).FindString(body)
}

func TestPlaylistEndsAtOnceOnlyAfterAnOrderlyEnd(t *testing.T) {
	for name, c := range map[string]struct {
		end  func(*media.Stream)
		ends bool
	}{
		"the encoder said goodbye": {(*media.Stream).Close, true},
		"the line was cut":         {func(s *media.Stream) { s.Stop(fault.Down("cut")) }, false},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t)
			s := r.admit()
			r.write(s, 0, 4*time.Second)
			eventually(t, "live", r.live)
			playlist := r.media()
			c.end(s)
			eventually(t, "not busy", func() bool { return !r.Busy(r.spec.ARN) })
			_, body := r.get(playlist)
			if got := strings.Contains(body, "#EXT-X-ENDLIST"); got != c.ends {
				t.Errorf("ended: %v, want %v\n%s", got, c.ends, body)
			}
			r.clock.pass(31 * time.Second)
			eventually(t, "ended for good", func() bool {
				_, body := r.get(playlist)
				return strings.Contains(body, "#EXT-X-ENDLIST")
			})
		})
	}
}

func TestAnEncoderMayComeBackAtOnceAfterItsGoodbye(t *testing.T) {
	r := newRig(t)
	for range 5 {
		s := r.admit()
		r.write(s, 0, time.Second)
		s.Close() // and the next is there before this end is written down
	}
	eventually(t, "five lives", func() bool { return len(r.told()) >= 18 })
}

func TestWhatIsLeftOfAPrivateStreamStaysPrivate(t *testing.T) {
	r := newRig(t)
	private, err := r.deps.Directory.ByStreamKey(t.Context(), "private")
	if err != nil {
		t.Fatal(err)
	}
	s, err := r.Admit(t.Context(), media.Publisher{Key: "private"})
	if err != nil {
		t.Fatal(err)
	}
	r.write(s, 0, 4*time.Second)
	for _, when := range []string{"live", "after the end"} {
		for _, path := range []string{channel.PlaybackPath(private.ARN), strings.TrimSuffix(channel.PlaybackPath(private.ARN), ".m3u8") + "/av.m3u8"} {
			if code, body := r.get(path); code == 200 || strings.Contains(body, "EXTM3U") {
				t.Errorf("%s: %s: %d", when, path, code)
			}
		}
		s.Close()
		eventually(t, "not busy", func() bool { return !r.Busy(private.ARN) })
	}
}

func TestHealthFollowsTheFrames(t *testing.T) {
	r := newRig(t)
	s := r.admit()
	r.write(s, 0, time.Second)
	eventually(t, "live", r.live)
	if l, _ := r.Live(t.Context(), r.spec.ARN); l.Health != channel.Healthy {
		t.Errorf("got %s", l.Health)
	}
	r.clock.pass(3 * time.Second)
	if l, _ := r.Live(t.Context(), r.spec.ARN); l.Health != channel.Starving {
		t.Errorf("got %s", l.Health)
	}
}
