package stage_test

import (
	"encoding/binary"
	"encoding/hex"
	"io"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/streamcat/streamcat/internal/media"
	"github.com/streamcat/streamcat/internal/rtc"
	"github.com/streamcat/streamcat/internal/stage"
)

// Sequence parameter sets as x264 writes them.
const (
	sps1280x720  = "6742c01fd9005005bb0110000003001000000303c0f1832480"
	sps720x1280  = "6742c01fd900b40a1b0110000003001000000303c0f1832480"
	sps1920x1080 = "6742c028d900780227e5c044000003000400000300f03c60c92000"
)

// show sends a key frame's parameter sets of a picture.
func (p *publisher) show(rid, sps string) {
	p.t.Helper()
	b, err := hex.DecodeString(sps)
	check(p.t, err)
	sink := p.pub.Track(rtc.Track{Kind: rtc.Video, RID: rid, SSRC: 9, ClockRate: 90_000}, p.peer)
	sink.Write(append([]byte{0x80, 102, 0, 1, 0, 0, 0, 0, 0, 0, 0, 9}, b...), time.Now())
}

// What holds for encoders by RTMP holds for who publishes by WebRTC.
func TestWhoPublishesByWHIPKeepsToTheLimits(t *testing.T) {
	n := newNode(t, func(d *stage.Deps) { d.Encoders.MaxLines = 720 })
	other := n.publish(n.token("other"))
	for id, sps := range map[string]string{"wide": sps1280x720, "tall": sps720x1280} {
		p := n.publish(n.token(id))
		p.show("", sps)
		p.Close(io.EOF) // the first reason counts
		p.wantClosed(t, "EOF")
		if got, want := n.history(id), []string{"JOINED", "PUBLISH_STARTED", "PUBLISH_STOPPED", "LEFT"}; !slices.Equal(got, want) {
			t.Errorf("%s: %v", id, got)
		}
	}
	for id, rid := range map[string]string{"large": "", "large-layer": "f"} {
		p := n.publish(n.token(id))
		p.show(rid, sps1920x1080)
		p.wantClosed(t, "1920 x 1080 pixels; its shorter edge is limited to 720")
		if got, want := n.history(id), []string{"JOINED", "PUBLISH_STARTED", "PUBLISH_ERROR RESOLUTION_EXCEEDED", "PUBLISH_STOPPED", "LEFT"}; !slices.Equal(got, want) {
			t.Errorf("%s: %v", id, got)
		}
	}
	if !other.open() {
		t.Error("another publisher was sent away")
	}
}

// alarms stand for the passing of the time that sessions may last: they go off when a test says so.
type alarms struct {
	mu  sync.Mutex
	set map[int]func()
	all int
}

func (a *alarms) after(_ time.Duration, call func()) (stop func()) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.set == nil {
		a.set = map[int]func(){}
	}
	n := a.all
	a.all++
	a.set[n] = call
	return func() {
		a.mu.Lock()
		defer a.mu.Unlock()
		delete(a.set, n)
	}
}

// ring lets the alarm of the session that began as number n go off, if it is set still.
func (a *alarms) ring(n int) (was bool) {
	a.mu.Lock()
	call := a.set[n]
	a.mu.Unlock()
	if call != nil {
		call()
	}
	return call != nil
}

func TestSessionsLastForALimitedTime(t *testing.T) {
	clock := &alarms{}
	n := newNode(t, func(d *stage.Deps) { d.Encoders.MaxTime, d.After = 24*time.Hour, clock.after })
	host := n.publish(n.token("host"))             // 0
	one := n.subscribe(n.token("one"), "host")     // 1
	many := n.gallery(n.token("many"), "1", 1, 1)  // 2
	early := n.subscribe(n.token("early"), "host") // 3
	early.Close(io.EOF)
	<-early.gone
	if clock.ring(3) {
		t.Error("a session that is over can still expire")
	}
	for i, p := range []*peer{many.peer, one.peer, host.peer} {
		if !clock.ring(2 - i) {
			t.Errorf("session %d lasts for ever", 2-i)
		}
		p.wantClosed(t, "a session on a stage lasts at most 24h0m0s")
	}
	for id, want := range map[string][]string{
		"host": {"JOINED", "PUBLISH_STARTED", "PUBLISH_ERROR STREAM_DURATION_EXCEEDED", "PUBLISH_STOPPED", "LEFT"},
		"one":  {"JOINED", "SUBSCRIBE_STARTED host", "SUBSCRIBE_ERROR host STREAM_DURATION_EXCEEDED", "SUBSCRIBE_STOPPED host", "LEFT"},
		"many": {"JOINED", "SUBSCRIBE_ERROR STREAM_DURATION_EXCEEDED", "LEFT"},
	} {
		wantList(t, id, n.history(id), want...)
	}
	wantList(t, "told", n.told(), "Participant Published host", "Participant Publish Error host STREAM_DURATION_EXCEEDED", "Participant Unpublished host")
}

func TestWithoutALimitSessionsLast(t *testing.T) {
	clock := &alarms{}
	n := newNode(t, func(d *stage.Deps) { d.After = clock.after })
	n.publish(n.token("host"))
	n.subscribe(n.token("guest"), "host")
	if clock.all != 0 {
		t.Errorf("%d sessions expire", clock.all)
	}
}

// TestBFramesByWHIPEndTheSession, in whichever encoding they come.
func TestBFramesByWHIPEndTheSession(t *testing.T) {
	n := newNode(t)
	other := n.publish(n.token("other"))
	for id, rid := range map[string]string{"one": "", "layered": "h"} {
		p := n.publish(n.token(id))
		pictures := p.pub.Track(rtc.Track{Kind: rtc.Video, RID: rid, SSRC: 9, ClockRate: 90_000}, p.peer)
		for i, begins := range []byte{sliceP, sliceB} {
			if !p.open() {
				t.Errorf("%s: cut after %d packets", id, i)
			}
			pictures.Write([]byte{0x80, 102, 0, byte(i), 0, 0, 0, byte(i), 0, 0, 0, 9, 0x41, begins, 0}, time.Now())
		}
		p.wantClosed(t, "the video has B-frames")
		wantList(t, id, n.history(id), "JOINED", "PUBLISH_STARTED", "PUBLISH_ERROR B_FRAME_PRESENT", "PUBLISH_STOPPED", "LEFT")
	}
	if !other.open() {
		t.Error("another publisher was sent away")
	}
}

// TestSoundByWHIPKeepsToItsLimit: what takes much more over ten seconds ends the session, headers not counted.
func TestSoundByWHIPKeepsToItsLimit(t *testing.T) {
	for name, c := range map[string]struct {
		payload int // bytes of a packet, 50 of them in a second
		limit   int
		cut     bool
	}{
		"as much as may be":    {payload: 400, limit: 160_000},
		"much more":            {payload: 500, limit: 160_000, cut: true},
		"where there is none":  {payload: 500},
		"hardly more than all": {payload: 430, limit: 160_000},
	} {
		t.Run(name, func(t *testing.T) {
			n := newNode(t, func(d *stage.Deps) { d.Encoders.MaxSound = media.Bitrate(c.limit) })
			p := n.publish(n.token("host"))
			now := time.Now()
			for i := range uint16(1500) {
				header := []byte{0x90, 111, 0, 0, 0, 0, 0, 0, 0, 0, 0, 7, 0xBE, 0xDE, 0, 1, 0x10, 0x2A, 0, 0}
				binary.BigEndian.PutUint16(header[2:], i+100)
				p.sink.Write(append(header, make([]byte, c.payload)...), now.Add(time.Duration(i)*20*time.Millisecond))
			}
			if !c.cut {
				p.Close(io.EOF) // the first reason counts
				p.wantClosed(t, "EOF")
				return
			}
			p.wantClosed(t, "kb/s; 160 kb/s are allowed")
			wantList(t, "history", n.history("host"), "JOINED", "PUBLISH_STARTED", "PUBLISH_ERROR BITRATE_EXCEEDED", "PUBLISH_STOPPED", "LEFT")
		})
	}
}

func TestWithoutLimitsPicturesMayBeLarge(t *testing.T) {
	n := newNode(t)
	p := n.publish(n.token("host"))
	p.show("", sps1920x1080)
	p.Close(io.EOF) // the first reason counts
	p.wantClosed(t, "EOF")
}
