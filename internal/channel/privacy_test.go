package channel_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/streamcat/streamcat/internal/channel"
	"github.com/streamcat/streamcat/internal/hls/hlscheck"
	"github.com/streamcat/streamcat/internal/media"
)

// listing reads a media playlist.
func (h *house) listing(playlist, origin string) *hlscheck.Playlist {
	h.t.Helper()
	list, faults := hlscheck.Parse(h.want(200, "the playlist", playlist, origin).Body.String())
	if len(faults) > 0 {
		h.t.Fatal(faults)
	}
	return list
}

func folderOf(playlist string) string { return playlist[:strings.LastIndex(playlist, "/")+1] }

// method is a request that is no GET.
func method(m http.Handler, verb, path string) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	m.ServeHTTP(w, httptest.NewRequest(verb, path, nil))
	return w
}

func TestNoCacheAnswersForAPrivateChannel(t *testing.T) {
	h := newHouse(t)
	h.broadcast(h.Manager, privateKey)
	h.broadcast(h.Manager, key)
	cache := func(want, path, origin string) {
		t.Helper()
		if w := ask(h, path, origin); w.Header().Get("Cache-Control") != want {
			t.Errorf("%s: %d with %q, want %q", path, w.Code, w.Header().Get("Cache-Control"), want)
		}
	}
	path := channel.PlaybackPath(h.private.ARN)
	cache("no-store", path, "")
	cache("no-store", path+"?token="+h.token(), "")
	playlist := h.open(h, h.token(), "")
	cache("no-store", playlist, "")
	cache("no-store", playlist[:len(playlist)-4]+"AAAA", "")
	cache("max-age=3600, immutable", folderOf(playlist)+h.listing(playlist, "").Segments[0].URI, "") // all viewers share it

	const page = "https://a.example"
	strict := h.open(h, h.token("aws:access-control-allow-origin", page, "aws:strict-origin-enforcement", true), page)
	cache("no-store", strict, page)
	cache("no-store", strict, "")
	first := h.listing(strict, page).Segments[0]
	for _, file := range []string{first.URI, first.Parts[0].URI, first.Map} {
		cache("private, max-age=3600, immutable", folderOf(strict)+file, page)
	}
	cache("no-store", folderOf(strict)+"p1-abcdefgh-abcdefghijkl.m4s", page)
	cache("max-age=1", h.media(), "")
}

// A HEAD request, a channel whose first frame is still to come, and a player that gives up show nobody
// anything, and leave a token for a single use as good as it was.
func TestATokenThatShowedNothingIsNotUsedUp(t *testing.T) {
	h := newHouse(t)
	path := channel.PlaybackPath(h.private.ARN) + "?token="
	token := h.token("aws:single-use-uuid", "0e5bd3de-52a8-4f0c-8b4d-5f7c52b7b0a1")
	s, err := h.Admit(t.Context(), media.Publisher{Protocol: "RTMP", Key: privateKey})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequestWithContext(ctx, http.MethodGet, path+token, nil))
	if w.Code != 503 {
		t.Errorf("before the first frame: %d", w.Code)
	}
	h.write(s, 0, 3*time.Second)
	if w := method(h, http.MethodHead, path+token); w.Code != 200 {
		t.Errorf("HEAD: %d", w.Code)
	}
	h.open(h, token, "")
	h.want(403, "the second time", path+token, "")
}

func TestHeadSaysNoMoreThanGet(t *testing.T) {
	h := newHouse(t)
	h.broadcast(h.Manager, privateKey)
	path := channel.PlaybackPath(h.private.ARN)
	for _, file := range []string{path, strings.TrimSuffix(path, ".m3u8") + "/av.m3u8", strings.TrimSuffix(path, ".m3u8") + "/made-up/av.m3u8"} {
		if w := method(h, http.MethodHead, file); w.Code != 403 {
			t.Errorf("HEAD %s: %d", file, w.Code)
		}
		h.want(403, "a preview", file+"?preview", "")
		h.want(403, "a preview's session", file+"?s=preview", "")
	}
}

// The channel is changed to a public one between two streams: that is about the streams to come.
func TestAPrivateStreamDoesNotBecomePublicWithTheNext(t *testing.T) {
	h := newHouse(t)
	s := h.broadcast(h.Manager, privateKey)
	playlist := h.open(h, h.token(), "")
	folder, before := folderOf(playlist), h.listing(playlist, "")
	old := before.Segments[0]
	s.Stop(nil) // the line is cut: the playlist waits for the encoder to come back
	eventually(t, "not busy", func() bool { return !h.Busy(h.private.ARN) })

	public := h.private
	public.Authorized = false
	h.deps.Directory.(directory)[privateKey] = public
	h.broadcast(h.Manager, privateKey)
	list := h.listing(folder+"av.m3u8", "")
	for _, g := range list.Segments {
		if g.URI == old.URI {
			t.Errorf("the private stream's %s is listed", g.URI)
		}
	}
	for _, file := range []string{old.URI, old.Parts[0].URI} {
		h.want(404, "of the private stream", folder+file, "")
	}
	if list.MediaSequence < before.MediaSequence || list.Discontinuity < before.Discontinuity {
		t.Errorf("numbers went back from %d and %d to %d and %d", before.MediaSequence, before.Discontinuity, list.MediaSequence, list.Discontinuity)
	}
}
