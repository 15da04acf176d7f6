package stage_test

import (
	"encoding/json"
	"io"
	"slices"
	"testing"
	"time"

	"github.com/streamcat/streamcat/internal/arn"
	"github.com/streamcat/streamcat/internal/fault"
	"github.com/streamcat/streamcat/internal/rtc"
	"github.com/streamcat/streamcat/internal/stage"
)

// key makes a stream key of an ingest configuration that is attached to the world's stage.
func (w *world) key(participant string, change ...func(*stage.Ingest)) string {
	in := stage.Ingest{
		ARN: minter.Of(arn.IngestConfiguration, "i"+participant), StageARN: w.stage, ParticipantID: participant, SeenAs: participant,
		UserID: "user-" + participant, Attributes: map[string]string{"camera": participant},
	}
	for _, f := range change {
		f(&in)
	}
	key := "rt_000000000000_us-east-1_i" + participant + "_secret"
	w.directory.mu.Lock()
	defer w.directory.mu.Unlock()
	w.directory.keys[key] = in
	return key
}

func TestStreamKeyMakesAParticipant(t *testing.T) {
	n := newNode(t)
	viewer := n.join(n.token("viewer"))
	cam := n.publish(n.key("cam"))
	viewer.until(func() bool { return viewer.here["cam"].IsPublishing })
	if p := viewer.here["cam"]; p.UserID != "user-cam" || p.Attributes["camera"] != "cam" || !slices.Equal(p.Capabilities, []string{"publish"}) {
		t.Errorf("sockets are told %+v", p)
	}
	sub := n.subscribe(n.token("viewer"), "cam")
	cam.speak()
	eventually(t, "its media comes", func() bool { return len(sub.got()) > 0 })
	row := n.row("cam")
	var doc stage.ParticipantDoc
	check(t, json.Unmarshal(row.Doc, &doc))
	if doc.IngestARN != minter.Of(arn.IngestConfiguration, "icam") || doc.Protocol != "WHIP" || doc.Redundant || row.UserID != "user-cam" || !row.Publishing {
		t.Errorf("row %+v, %+v", row, doc)
	}
	cam.Close(io.EOF)
	<-cam.gone
	if h := n.history("cam"); !slices.Equal(h, []string{"JOINED", "PUBLISH_STARTED", "PUBLISH_STOPPED", "LEFT"}) {
		t.Errorf("history %v", h)
	}
}

func TestStreamKeyThatOpensNothing(t *testing.T) {
	n := newNode(t)
	n.publish(n.token("host"))
	good := n.key("good")
	deleted := n.newStage()
	n.directory.set(deleted, false)
	for _, c := range []struct {
		name, key string
		status    int
		code      string
	}{
		{"attached to no stage", n.key("loose", func(in *stage.Ingest) { in.StageARN = "" }), 403, "INGEST_UNATTACHED"},
		{"of a deleted stage", n.key("late", func(in *stage.Ingest) { in.StageARN = deleted }), 404, "STAGE_DELETED"},
	} {
		_, err := n.m.Publish(t.Context(), request(c.key, ""))
		wantRefusal(t, err, c.status, c.code)
	}
	if _, err := n.m.Publish(t.Context(), request("rt_000000000000_us-east-1_x_unknown", "")); fault.Of(err) != fault.NotFound || asRefusal(err, new(*rtc.Refusal)) {
		t.Errorf("an unknown key: %v", err)
	}
	_, err := n.m.Publish(t.Context(), rtc.Request{Token: good})
	wantRefusal(t, err, 422, "CODEC_MISMATCH")
	_, err = n.m.Subscribe(t.Context(), request(good, "host"))
	wantRefusal(t, err, 401, "TOKEN_MALFORMED")
	ws, resp := n.dial(n.stage, good)
	if ws == nil {
		t.Fatalf("HTTP %d", resp.StatusCode)
	}
	if f := ws.wantEnd(4003); f.Payload.Code != "TOKEN_MALFORMED" {
		t.Errorf("socket: %+v", f)
	}
	n.directory.fail(fault.Down("the database is away"))
	_, err = n.m.Publish(t.Context(), request(good, ""))
	wantRefusal(t, err, 503, "UNAVAILABLE")
}

func TestCutIsFeltOnAllNodesAndIsNotForever(t *testing.T) {
	w := newWorld(t)
	here, there := w.node(), w.node(func(d *stage.Deps) { d.Node = "n2" })
	key := w.key("cam")
	cam := there.publish(key)
	sub := there.subscribe(w.token("viewer"), "cam")
	w.directory.attach(minter.Of(arn.IngestConfiguration, "icam"), "")
	here.m.Cut(t.Context(), w.stage, "cam")
	cam.wantClosed(t, "disconnected")
	sub.wantClosed(t, "gone")
	_, err := there.m.Publish(t.Context(), request(key, ""))
	wantRefusal(t, err, 403, "INGEST_UNATTACHED")
	w.directory.attach(minter.Of(arn.IngestConfiguration, "icam"), w.stage)
	again := there.publish(key)
	there.m.Review()
	if !again.open() {
		t.Error("who is attached again was sent away")
	}
}

func TestReviewFindsWhoseConfigurationWentElsewhere(t *testing.T) {
	n := newNode(t)
	moved, stays := n.publish(n.key("moved")), n.publish(n.key("stays"))
	n.directory.attach(minter.Of(arn.IngestConfiguration, "imoved"), n.newStage())
	n.m.Review()
	moved.wantClosed(t, "disconnected")
	if !stays.open() {
		t.Error("the other one was sent away, too")
	}
}

// pair makes the two keys of a redundant ingest that is seen as "cam".
func (w *world) pair() (a, b string) {
	as := func(in *stage.Ingest) {
		in.ARN, in.SeenAs, in.UserID, in.Redundant = minter.Of(arn.IngestConfiguration, "pair"), "cam", "user-cam", true
	}
	return w.key("cam-a", as), w.key("cam-b", as)
}

func TestRedundantIngestIsSeenAsOneAndOutlivesEither(t *testing.T) {
	n := newNode(t, func(d *stage.Deps) { d.MaxPublishers = 1 })
	keyA, keyB := n.pair()
	viewer := n.join(n.token("viewer"))
	a := n.publish(keyA)
	viewer.until(func() bool { return viewer.here["cam"].IsPublishing })
	b := n.publish(keyB) // no second publisher, as far as the limit goes
	sub := n.subscribe(n.token("viewer"), "cam")
	a.speak()
	eventually(t, "the first one is seen", func() bool { return len(sub.got()) > 0 })
	seen := len(sub.got())
	b.speak()
	if got := len(sub.got()); got != seen {
		t.Errorf("both are seen: %d packets, then %d", seen, got)
	}
	_, err := n.m.Subscribe(t.Context(), request(n.token("viewer"), "cam-a"))
	wantRefusal(t, err, 409, "NOT_PUBLISHING")

	a.Close(io.EOF)
	<-a.gone
	eventually(t, "the second one is seen instead", func() bool { b.speak(); return len(sub.got()) > seen })
	a2 := n.publish(keyA) // comes back and stands by
	b.Close(io.EOF)
	<-b.gone
	seen = len(sub.got())
	eventually(t, "the first one is seen again", func() bool { a2.speak(); return len(sub.got()) > seen })
	if !sub.open() {
		t.Error("the subscriber was sent away")
	}
	a2.Close(io.EOF)
	<-a2.gone
	viewer.until(func() bool { _, here := viewer.here["cam"]; return !here })
	for id := range viewer.here {
		if id != "viewer" {
			t.Errorf("sockets are told of %s", id)
		}
	}

	if h := n.history("cam"); h != nil {
		t.Errorf("whom others see has a history of its own: %v", h)
	}
	for id, want := range map[string][]string{
		"cam-a": {"JOINED", "PUBLISH_STARTED", "PUBLISH_STOPPED", "LEFT", "JOINED", "PUBLISH_STARTED", "PUBLISH_STOPPED", "LEFT"},
		"cam-b": {"JOINED", "PUBLISH_STARTED", "PUBLISH_STOPPED", "LEFT"},
	} {
		if got := n.history(id); !slices.Equal(got, want) {
			t.Errorf("%s: %v", id, got)
		}
		var doc stage.ParticipantDoc
		check(t, json.Unmarshal(n.row(id).Doc, &doc))
		if !doc.Redundant {
			t.Errorf("%s: %+v", id, doc)
		}
	}
	sub.Close(io.EOF)
	<-sub.gone
	if n.m.Feeds() != 0 || n.metric("participants") != 1 || n.metric("publishers") != 0 {
		t.Errorf("left over: %d feeds, %v participants, %v publishers", n.m.Feeds(), n.metric("participants"), n.metric("publishers"))
	}
}

func TestRedundantIngestIsCutAndEndsWithItsStage(t *testing.T) {
	for name, end := range map[string]func(*node){
		"cut":           func(n *node) { n.m.Cut(t.Context(), n.stage, "cam", "cam-a", "cam-b") },
		"stage deleted": func(n *node) { n.directory.set(n.stage, false); n.m.CloseStage(t.Context(), n.stage) },
	} {
		t.Run(name, func(t *testing.T) {
			n := newNode(t, func(d *stage.Deps) { d.Grace = time.Millisecond })
			keyA, keyB := n.pair()
			a, b := n.publish(keyA), n.publish(keyB)
			end(n)
			a.wantClosed(t, "")
			b.wantClosed(t, "")
			eventually(t, "the session ends", func() bool { return n.m.Stages() == 0 })
			if n.metric("participants") != 0 || n.metric("publishers") != 0 || n.metric("sessions") != 0 {
				t.Error("something is left")
			}
		})
	}
}

func TestOfEachPublisherThatIsToBeRecordedItIsToldOnceThatItIsNot(t *testing.T) {
	n := newNode(t)
	n.directory.buckets[n.stage] = "a-bucket"
	for range 2 {
		host := n.publish(n.token("host"))
		host.Close(io.EOF)
		<-host.gone
	}
	n.publish(n.token("other"))
	n.subscribe(n.token("viewer"), "other")
	n.written()
	events, err := n.db.Events(t.Context(), 0, 100)
	check(t, err)
	var order []string
	for _, e := range events {
		var d map[string]any
		check(t, json.Unmarshal(e.Detail, &d))
		order = append(order, d["event_name"].(string)+" "+d["participant_id"].(string))
		if e.DetailType != "IVS Participant Recording State Change" {
			continue
		}
		if !slices.Equal(e.Resources, []string{n.stage}) || d["recording_s3_bucket_name"] != "a-bucket" || d["recording_s3_key_prefix"] != "" || len(d["session_id"].(string)) != 16 {
			t.Errorf("event %s of %v", e.Detail, e.Resources)
		}
	}
	if want := []string{
		"Participant Published host", "Recording Start Failure host", "Participant Unpublished host", "Participant Published host",
		"Participant Unpublished host", "Participant Published other", "Recording Start Failure other",
	}; !slices.Equal(order, want) {
		t.Errorf("told %q", order)
	}
	for id, want := range map[string]string{"host": "FAILED", "other": "FAILED", "viewer": ""} {
		if got := n.row(id).Recording; got != want {
			t.Errorf("%s: recording %q", id, got)
		}
	}
}

// participant that was revoked when it was shown on another stage.
func TestReviewLetsWhoCameByAnIngestConfigurationBe(t *testing.T) {
	n := newNode(t)
	other := n.newStage()
	key := n.key("cam")
	cam := n.publish(key)
	n.replicate("cam", other, 0)
	n.m.Review()
	if !n.replications("cam")[0].Ended.IsZero() {
		t.Error("the review ended a replication")
	}
	check(t, n.m.Disconnect(t.Context(), other, "cam", ""))
	cam.Close(io.EOF)
	<-cam.gone
	n.directory.attach(minter.Of(arn.IngestConfiguration, "icam"), other)
	moved := n.publish(key)
	n.m.Review()
	if !moved.open() {
		t.Error("who is attached to the stage was sent away")
	}
}
