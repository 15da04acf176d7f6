package stage_test

import (
	"io"
	"slices"
	"testing"
)

// A participant whose id is shown for another one's media has no door of its own, whatever its token says.
func TestIDOfWhoIsSeenForOthersOpensNoDoor(t *testing.T) {
	n := newNode(t)
	keyA, _ := n.pair()
	a := n.publish(keyA)
	other := n.newStage()
	n.publish(n.token("guest"))
	n.replicate("guest", other, 0)
	for _, token := range []string{n.token("cam"), n.token("guest", on(other))} {
		_, err := n.m.Publish(t.Context(), request(token, ""))
		wantRefusal(t, err, 403, "TOKEN_NOT_ALLOWED")
		_, err = n.m.Subscribe(t.Context(), request(token, "cam-a"))
		wantRefusal(t, err, 403, "TOKEN_NOT_ALLOWED")
	}
	if !n.replications("guest")[0].Ended.IsZero() || !a.open() {
		t.Error("the attempt ended what was there")
	}
}

// Who is there under the id for which a redundant ingest is seen is not seen for it.
func TestRedundantIngestDoesNotTakeAParticipantsPlace(t *testing.T) {
	n := newNode(t)
	keyA, _ := n.pair()
	cam := n.publish(n.token("cam"))
	_, err := n.m.Publish(t.Context(), request(keyA, ""))
	wantRefusal(t, err, 403, "TOKEN_NOT_ALLOWED")
	cam.Close(io.EOF)
	<-cam.gone
	n.publish(keyA)
	if h := n.history("cam"); !slices.Equal(h, []string{"JOINED", "PUBLISH_STARTED", "PUBLISH_STOPPED", "LEFT"}) {
		t.Errorf("history %q", h)
	}
}
