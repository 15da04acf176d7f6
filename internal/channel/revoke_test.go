package channel_test

import (
	"context"
	"net/http/httptest"
	"strconv"
	"testing"
	"time"

	"github.com/streamcat/streamcat/internal/channel"
	"github.com/streamcat/streamcat/internal/hls/hlscheck"
	"github.com/streamcat/streamcat/internal/store"
)

// blocked asks for a part that is not there yet.
func (h *house) blocked(playlist string) <-chan *httptest.ResponseRecorder {
	h.t.Helper()
	var list *hlscheck.Playlist
	eventually(h.t, "all of it is packaged", func() bool {
		list, _ = hlscheck.Parse(h.want(200, "the playlist", playlist, "").Body.String())
		return len(list.Segments) > 3
	})
	msn, _ := list.End()
	path := playlist + "&_HLS_msn=" + strconv.Itoa(int(msn)+1) + "&_HLS_part=1"
	waiting, answered := h.Waiting(), make(chan *httptest.ResponseRecorder, 1)
	go func() { answered <- ask(h, path, "") }()
	eventually(h.t, "it waits", func() bool { return h.Waiting() == waiting+1 })
	return answered
}

func TestOnlyTheRevokedVersionsAreCut(t *testing.T) {
	h := newHouse(t)
	h.broadcast(h.Manager, privateKey)
	var sessions []string
	var answers []<-chan *httptest.ResponseRecorder
	for version := range 3 {
		session := h.open(h, h.token("aws:viewer-id", "v", "aws:viewer-session-version", version), "")
		sessions, answers = append(sessions, session), append(answers, h.blocked(session))
	}
	for version := range 2 {
		if err := h.Revoke(t.Context(), h.private.ARN, "v", int64(version)); err != nil {
			t.Fatal(err)
		}
		h.want(403, "the session, at once", sessions[version], "")
		if w := <-answers[version]; w.Code != 403 {
			t.Errorf("version %d: %d", version, w.Code)
		}
		if n := h.Waiting(); n != 2-version {
			t.Errorf("%d wait on after version %d was revoked", n, version)
		}
	}
	h.want(200, "the newest session", sessions[2], "")
	h.close() // whoever waits is answered, and nothing is kept of them
	if w := <-answers[2]; w.Code != 503 || h.Waiting() != 0 {
		t.Errorf("at the end: %d, and %d are kept", w.Code, h.Waiting())
	}
}

func TestARevocationHoldsAsLongAsASessionCouldLast(t *testing.T) {
	h := newHouse(t)
	session := h.watched(t)
	if err := h.Revoke(t.Context(), h.private.ARN, "v", 0); err != nil {
		t.Fatal(err)
	}
	h.clock.pass(47 * time.Hour)
	again := channel.NewManager(h.deps)
	t.Cleanup(func() { _ = again.Close(context.Background()) })
	if err := again.Recover(t.Context()); err != nil {
		t.Fatal(err)
	}
	h.broadcast(again, privateKey)
	if w := ask(again, session, ""); w.Code != 403 {
		t.Errorf("47 hours and a restart later: %d", w.Code)
	}
}

// watched begins a broadcast and the session of viewer v.
func (h *house) watched(t *testing.T) string {
	t.Helper()
	h.broadcast(h.Manager, privateKey)
	return h.open(h, h.token("aws:viewer-id", "v"), "")
}

func TestWhatANodeWithASlowClockRevokesIsReadIfTheBusLosesIt(t *testing.T) {
	h := newHouse(t)
	session := h.watched(t)
	if err := h.Reread(t.Context()); err != nil {
		t.Fatal(err)
	}
	there := h.clock.Now().Add(-50 * time.Second)
	if err := h.db.RevokeViewer(t.Context(), store.ViewerRevocation{ChannelARN: h.private.ARN, ViewerID: "v", Time: there}); err != nil {
		t.Fatal(err)
	}
	if err := h.Reread(t.Context()); err != nil {
		t.Fatal(err)
	}
	h.want(403, "the session", session, "")
}
