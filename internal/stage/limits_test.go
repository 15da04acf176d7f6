package stage_test

import (
	"encoding/hex"
	"io"
	"slices"
	"testing"
	"time"

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

func TestWhoPublishesByWHIPDoesSoForALimitedTime(t *testing.T) {
	n := newNode(t, func(d *stage.Deps) { d.Encoders.MaxTime = 100 * time.Millisecond })
	p := n.publish(n.token("host"))
	p.wantClosed(t, "a stream lasts at most 100ms")
	if got := n.history("host"); !slices.Contains(got, "PUBLISH_ERROR STREAM_DURATION_EXCEEDED") || got[len(got)-1] != "LEFT" {
		t.Error(got)
	}
}

func TestWithoutLimitsPicturesMayBeLarge(t *testing.T) {
	n := newNode(t)
	p := n.publish(n.token("host"))
	p.show("", sps1920x1080)
	p.Close(io.EOF) // the first reason counts
	p.wantClosed(t, "EOF")
}
