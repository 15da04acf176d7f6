package stage_test

import (
	"encoding/json"
	"math"
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/pion/rtp"

	"github.com/streamcat/streamcat/internal/arn"
	"github.com/streamcat/streamcat/internal/fault"
	"github.com/streamcat/streamcat/internal/media"
	"github.com/streamcat/streamcat/internal/stage"
)

func TestEncoderIsAParticipantWhoPublishes(t *testing.T) {
	n := newStudio(t)
	viewer := n.join(n.token("viewer"))
	cam := n.roll(n.key("cam"))
	cam.frame(true)
	viewer.until(func() bool { return viewer.here["cam"].IsPublishing })
	s := n.screen(n.token("viewer"), "cam")
	cam.frame(false)
	eventually(t, "picture and sound come", func() bool {
		cam.frame(false)
		return s.tracks[0].packets() > 10 && s.tracks[1].packets() > 3 && s.tracks[0].ntp != 0 && s.tracks[1].ntp != 0
	})
	pictures, sound := &s.tracks[0], &s.tracks[1]
	pictures.mu.Lock()
	sound.mu.Lock()
	if p := pictures.payloads[0]; p[0]&0x1F != 24 || !slices.Equal(p[3:3+len(sps)], sps) {
		t.Errorf("it begins with % x", p)
	}
	// Pictures and sound of one time, as subscribers are told it.
	if off := pictures.when(pictures.headers[len(pictures.headers)-1].Timestamp, 90_000) - sound.when(sound.headers[len(sound.headers)-1].Timestamp, 48_000); math.Abs(off) > 0.021 {
		t.Errorf("picture and sound are %.3f s apart", off)
	}
	before, lost := len(pictures.headers), pictures.headers[2].SequenceNumber
	pictures.mu.Unlock()
	sound.mu.Unlock()
	pictures.nack([]uint16{lost})
	eventually(t, "a lost packet comes again", func() bool {
		pictures.mu.Lock()
		defer pictures.mu.Unlock()
		return slices.ContainsFunc(pictures.headers[before:], func(h rtp.Header) bool { return h.SequenceNumber == lost })
	})

	var doc stage.ParticipantDoc
	row := n.row("cam")
	check(t, json.Unmarshal(row.Doc, &doc))
	if doc.Protocol != "RTMPS" || doc.IngestARN != minter.Of(arn.IngestConfiguration, "icam") || !row.Publishing || row.UserID != "user-cam" {
		t.Errorf("row %+v, %+v", row, doc)
	}
	cam.Close()
	viewer.until(func() bool { _, here := viewer.here["cam"]; return !here })
	if h := n.history("cam"); !slices.Equal(h, []string{"JOINED", "PUBLISH_STARTED", "PUBLISH_STOPPED", "LEFT"}) {
		t.Errorf("history %v", h)
	}
	if n.metric("publishers") != 0 {
		t.Error("it still counts as a publisher")
	}
}

func TestEncoderThatSendsWhatAStageCannotTakeIsCut(t *testing.T) {
	w := newWorld(t)
	for name, c := range map[string]struct {
		rules func(*stage.EncoderRules)
		send  func(*camera, *dial)
		code  string
		kind  fault.Kind
		flows bool // it publishes before
	}{
		"B slices": {send: func(c *camera, _ *dial) {
			c.frame(true)
			c.Write(&media.Frame{Track: c.pictures, DTS: c.at + 1, PTS: c.at + time.Millisecond, Arrived: c.clock.now(), Payload: shot(1, sliceB)})
		}, code: "B_FRAME_PRESENT", kind: fault.Invalid, flows: true},
		"pictures in another order": {send: func(c *camera, _ *dial) {
			c.frame(true)
			c.Write(&media.Frame{Track: c.pictures, DTS: c.at + 1, PTS: c.at, Arrived: c.clock.now(), Payload: shot(1, sliceP)})
		}, code: "B_FRAME_PRESENT", kind: fault.Invalid, flows: true},
		"HEVC": {send: func(c *camera, _ *dial) {
			c.pictures = video(func(t *media.Track) { t.Codec = media.HEVC })
			c.frame(true)
		}, code: "INVALID_VIDEO_CODEC", kind: fault.Invalid},
		"another profile": {send: func(c *camera, _ *dial) {
			c.pictures = video(func(t *media.Track) { t.SPS = []byte{0x67, 110, 0, 40} })
			c.frame(true)
		}, code: "INVALID_VIDEO_CODEC", kind: fault.Invalid},
		"a larger picture": {rules: func(r *stage.EncoderRules) { r.MaxLines = 720 }, send: func(c *camera, _ *dial) {
			c.frame(true)
			c.pictures = video(func(t *media.Track) { t.Width, t.Height = 1920, 1080 })
			c.frame(true)
		}, code: "RESOLUTION_EXCEEDED", kind: fault.Quota, flows: true},
		"too much": {rules: func(r *stage.EncoderRules) { r.MaxBitrate = 10_000 }, send: func(c *camera, d *dial) {
			for range 10 {
				c.frame(true)
			}
			d.turn(11 * time.Second)
		}, code: "BITRATE_EXCEEDED", kind: fault.Quota, flows: true},
		"too much sound": {rules: func(r *stage.EncoderRules) { r.MaxSound = 1 }, send: func(c *camera, d *dial) {
			c.frame(true)
			c.frame(false)
			d.turn(11 * time.Second)
			c.frame(false)
		}, code: "BITRATE_EXCEEDED", kind: fault.Quota, flows: true},
		"for too long": {rules: func(r *stage.EncoderRules) { r.MaxTime = time.Hour }, send: func(c *camera, d *dial) {
			c.frame(true)
			d.turn(2 * time.Hour)
		}, code: "STREAM_DURATION_EXCEEDED", kind: fault.Quota, flows: true},
		"no sound": {send: func(c *camera, d *dial) {
			c.picture(true)
			d.turn(11 * time.Second)
		}, code: "INVALID_INPUT", kind: fault.Invalid, flows: true},
		"no picture": {send: func(c *camera, d *dial) {
			c.speak()
			d.turn(11 * time.Second)
		}, code: "INVALID_INPUT", kind: fault.Invalid},
		"what cannot be read": {send: func(c *camera, _ *dial) {
			c.frame(true)
			c.Stop(fault.InvalidInput("broken"))
		}, code: "INVALID_INPUT", kind: fault.Invalid, flows: true},
		"AAC, and there is no Opus to be made of it": {send: func(c *camera, _ *dial) {
			c.sound = aac
			c.frame(true)
		}, code: "INVALID_AUDIO_CODEC", kind: fault.Invalid, flows: true},
		"sound that is refused": {rules: (&makers{err: fault.InvalidInput("no such sound")}).only, send: func(c *camera, _ *dial) {
			c.sound = aac
			c.frame(true)
		}, code: "INVALID_AUDIO_CODEC", kind: fault.Invalid, flows: true},
		"sound for which there is no program": {rules: (&makers{err: fault.Down("no program")}).only, send: func(c *camera, _ *dial) {
			c.sound = aac
			c.frame(true)
		}, code: "INTERNAL_SERVER_EXCEPTION", kind: fault.Unavailable, flows: true},
	} {
		t.Run(name, func(t *testing.T) {
			w.stage = w.newStage()
			n := w.studio(func(d *stage.Deps) {
				if c.rules != nil {
					c.rules(&d.Encoders)
				}
			})
			other := n.publish(n.token("other"))
			cam := n.roll(n.key("cam"))
			c.send(cam, n.clock)
			cam.wantCut(c.kind)
			want := []string{"JOINED", "PUBLISH_ERROR " + c.code, "LEFT"}
			if c.flows {
				want = []string{"JOINED", "PUBLISH_STARTED", "PUBLISH_ERROR " + c.code, "PUBLISH_STOPPED", "LEFT"}
			}
			eventually(t, "it has left", func() bool { return len(n.history("cam")) == len(want) })
			if got := n.history("cam"); !slices.Equal(got, want) {
				t.Errorf("history %v, want %v", got, want)
			}
			if !other.open() {
				t.Error("another publisher was sent away")
			}
			n.shutdown()
		})
	}
}

// plain is a publisher without encryption.
func plain(from string) func(*media.Publisher) {
	return func(p *media.Publisher) {
		p.Protocol, p.Encrypted, p.Remote = "RTMP", false, netip.MustParseAddrPort(from)
	}
}

func TestStreamKeyByRTMPThatOpensNothing(t *testing.T) {
	n := newStudio(t, func(d *stage.Deps) {
		d.MaxPublishers = 1
		d.Encoders.EnforceSecure, d.Encoders.ExceptLoopback = true, true
	})
	deleted := n.newStage()
	n.directory.set(deleted, false)
	secure := n.key("secure")
	for _, c := range []struct {
		name, key string
		as        func(*media.Publisher)
		kind      fault.Kind
	}{
		{"of a channel", "sk_us-east-1_abc", nil, fault.NotFound},
		{"that nobody has", "rt_unknown", nil, fault.NotFound},
		{"empty", "", nil, fault.NotFound},
		{"attached to no stage", n.key("loose", func(in *stage.Ingest) { in.StageARN = "" }), nil, fault.Denied},
		{"of a deleted stage", n.key("late", func(in *stage.Ingest) { in.StageARN = deleted }), nil, fault.Denied},
		{"without encryption", secure, plain("192.0.2.1:9"), fault.Denied},
	} {
		as := c.as
		if as == nil {
			as = func(*media.Publisher) {}
		}
		if _, err := n.admit(c.key, as); fault.Of(err) != c.kind {
			t.Errorf("%s: %v", c.name, err)
		}
	}
	if n.m.Stages() != 0 {
		t.Error("something is left")
	}
	for _, c := range []struct{ key, from, protocol string }{
		{secure, "127.0.0.1:9", "RTMP"},
		{n.key("open", func(in *stage.Ingest) { in.Insecure = true }), "192.0.2.1:9", "RTMP"},
	} {
		stream, err := n.admit(c.key, plain(c.from))
		check(t, err)
		if _, err := n.admit(n.key("second")); fault.Of(err) != fault.Unavailable {
			t.Errorf("one publisher too many: %v", err)
		}
		stream.Close()
		eventually(t, "it has left", func() bool { return n.metric("participants") == 0 })
	}
}

func TestSecondEncoderWithAKeyWaitsUntilTheFirstIsSilent(t *testing.T) {
	n := newStudio(t)
	key := n.key("cam")
	first := n.shoot(key)
	viewer := n.join(n.token("viewer"))
	viewer.until(func() bool { return viewer.here["cam"].IsPublishing })
	if _, err := n.admit(key); fault.Of(err) != fault.Conflict {
		t.Errorf("a second one: %v", err)
	}
	n.clock.turn(4 * time.Second)
	second := n.roll(key)
	if first.Err() != nil {
		t.Error("an attempt that sends nothing ended the first one")
	}
	second.frame(true)
	first.wantCut(fault.Conflict)
	s := n.screen(n.token("viewer"), "cam")
	eventually(t, "the second one is seen", func() bool { second.frame(true); return s.tracks[0].packets() > 0 })

	web := n.publish(key) // by WebRTC the newest wins
	second.wantCut(fault.Conflict)
	if !web.open() {
		t.Error("the newest was sent away")
	}
	if h := n.history("cam"); !slices.Contains(h, "PUBLISH_ERROR REUSE_OF_STREAM_KEY") {
		t.Errorf("history %v", h)
	}
}

func TestEncoderIsCutWithItsRight(t *testing.T) {
	for name, c := range map[string]struct {
		end  func(*node)
		kind fault.Kind
	}{
		"disconnected":  {func(n *node) { check(n.t, n.m.Disconnect(n.t.Context(), n.stage, "cam", "")) }, fault.Denied},
		"configuration": {func(n *node) { n.m.Cut(n.t.Context(), n.stage, "cam") }, fault.Denied},
		"stage deleted": {func(n *node) { n.directory.set(n.stage, false); n.m.CloseStage(n.t.Context(), n.stage) }, fault.Denied},
		"server stops":  {func(n *node) { n.shutdown() }, fault.Unavailable},
	} {
		t.Run(name, func(t *testing.T) {
			n := newStudio(t)
			flows, waits := n.shoot(n.key("cam")), n.roll(n.key("other"))
			eventually(t, "it publishes", func() bool { return n.metric("publishers") == 1 })
			c.end(n.node)
			flows.wantCut(c.kind)
			eventually(t, "nothing publishes", func() bool { return n.metric("publishers") == 0 })
			if all := name == "stage deleted" || name == "server stops"; all {
				waits.wantCut(c.kind)
			} else if waits.Err() != nil {
				t.Errorf("another encoder was cut: %v", waits.Err())
			}
		})
	}
}

func TestOfRedundantEncodersTheOneThatSendsIsSeen(t *testing.T) {
	n := newStudio(t)
	keyA, keyB := n.pair()
	a := n.shoot(keyA)
	viewer := n.join(n.token("viewer"))
	viewer.until(func() bool { return viewer.here["cam"].IsPublishing })
	b := n.shoot(keyB)
	b.pictures = video(func(t *media.Track) { t.SPS = append(slices.Clone(sps), 0xB) })
	s := n.screen(n.token("viewer"), "cam")
	// seen waits until key frames of one encoder, and no others, reach the viewer.
	seen := func(by *camera, both ...*camera) {
		t.Helper()
		eventually(t, "an encoder is seen", func() bool {
			for _, c := range both {
				c.frame(true)
			}
			pictures := &s.tracks[0]
			pictures.mu.Lock()
			defer pictures.mu.Unlock()
			for _, p := range slices.Backward(pictures.payloads) {
				if p[0]&0x1F == 24 {
					return slices.Equal(p[3:3+len(by.pictures.SPS)], by.pictures.SPS) && p[2] == byte(len(by.pictures.SPS))
				}
			}
			return false
		})
	}
	seen(a, a, b)
	n.clock.turn(3 * time.Second)
	b.frame(true)
	seen(b, b) // while the connection of a is still there
	seen(b, a, b)
	b.Close()
	seen(a, a)
	if !s.open() {
		t.Error("the viewer was sent away")
	}
	for id, want := range map[string]int{"cam-a": 2, "cam-b": 4} {
		eventually(t, "all is told of "+id, func() bool { return len(n.history(id)) == want })
	}
	if n.history("cam") != nil {
		t.Error("whom others see has a history")
	}
}

func TestSoundIsMadeOpusAgainAndAgain(t *testing.T) {
	m := &makers{broken: true}
	n := newStudio(t, func(d *stage.Deps) { m.only(&d.Encoders) })
	cam := n.roll(n.key("cam"))
	cam.sound = aac
	cam.frame(true)
	eventually(t, "one is made", func() bool { return m.count() == 1 })
	m.closed(t, 0)
	s := n.screen(n.token("viewer"), "cam")
	eventually(t, "pictures go on", func() bool { cam.frame(true); return s.tracks[0].packets() > 30 })
	if m.count() != 1 || s.tracks[1].packets() != 0 {
		t.Errorf("%d makers at once, %d packets of sound", m.count(), s.tracks[1].packets())
	}
	m.repair()
	n.clock.turn(6 * time.Second)
	eventually(t, "sound comes", func() bool { cam.frame(true); return s.tracks[1].packets() > 0 })
	changed := *aac
	cam.sound = &changed // other parameters
	eventually(t, "another one is made", func() bool { cam.frame(true); return m.count() == 3 })
	m.closed(t, 1)
	cam.sound = opus
	cam.frame(true)
	m.closed(t, 2)
	before := s.tracks[1].packets()
	eventually(t, "Opus comes as it is", func() bool { cam.frame(true); return s.tracks[1].packets() > before+3 })
	cam.Close()
	eventually(t, "it has left", func() bool { return n.metric("publishers") == 0 })
	if m.count() != 3 {
		t.Errorf("%d makers", m.count())
	}
}
