package channel_test

import (
	"strings"
	"testing"
	"time"

	"github.com/streamcat/streamcat/internal/arn"
	"github.com/streamcat/streamcat/internal/channel"
	"github.com/streamcat/streamcat/internal/fault"
	"github.com/streamcat/streamcat/internal/hls/hlscheck"
)

func TestPlayersFindMetadataInTheNextPart(t *testing.T) {
	r := newRig(t)
	if err := r.PutMetadata(t.Context(), r.spec.ARN, "x"); fault.Of(err) != fault.NotLive {
		t.Errorf("offline: %v", err)
	}
	if err := r.PutMetadata(t.Context(), minter.New(arn.Channel), "x"); fault.Of(err) != fault.NotLive {
		t.Errorf("unknown: %v", err)
	}
	s := r.admit()
	if err := r.PutMetadata(t.Context(), r.spec.ARN, "x"); fault.Of(err) != fault.NotLive {
		t.Errorf("before the first frame: %v", err)
	}
	r.write(s, 0, 2*time.Second)
	eventually(t, "live", r.live)
	if err := r.PutMetadata(t.Context(), r.spec.ARN, "a goal"); err != nil {
		t.Fatal(err)
	}
	r.write(s, 2*time.Second, 4*time.Second)
	playlist := r.media()
	folder := playlist[:strings.LastIndex(playlist, "/")+1]
	var list *hlscheck.Playlist
	eventually(t, "all of it is packaged", func() bool {
		_, body := r.get(playlist)
		list, _ = hlscheck.Parse(body)
		return len(list.Segments) > 5
	})
	whole, parts := 0, 0
	for _, g := range list.Segments {
		if g.Complete() {
			whole += r.texts(folder+g.URI, "a goal")
		}
		for _, p := range g.Parts {
			parts += r.texts(folder+p.URI, "a goal")
		}
	}
	if whole != 1 || parts != 1 {
		t.Errorf("the text stands in %d segments and %d parts", whole, parts)
	}
	s.Close()
	eventually(t, "not busy", func() bool { return !r.Busy(r.spec.ARN) })
	if err := r.PutMetadata(t.Context(), r.spec.ARN, "x"); fault.Of(err) != fault.NotLive {
		t.Errorf("after the end: %v", err)
	}
	if code, _ := r.get(channel.PlaybackPath(r.spec.ARN)); code != 404 {
		t.Errorf("after the end: %d", code)
	}
}

// texts counts how often a text stands in a piece of media, which must hold no other but the session's time.
func (r *rig) texts(path, text string) (n int) {
	r.t.Helper()
	code, body := r.get(path)
	got, faults := hlscheck.Texts([]byte(body))
	if code != 200 || len(faults) > 0 {
		r.t.Fatalf("%s: %d, %q", path, code, faults)
	}
	for _, found := range got {
		switch {
		case found.Description == "streamcat.session-time":
		case found.Value != text || found.Description != "metadata.live-video.net":
			r.t.Errorf("%s says %+v", path, found)
		default:
			n++
		}
	}
	return n
}
