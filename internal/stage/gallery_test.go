package stage_test

import (
	"io"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/streamcat/streamcat/internal/auth"
	"github.com/streamcat/streamcat/internal/stage"
)

// TestAGalleryShowsWhomItsClientNames goes through the life of one: who is wanted gets a place when it can be seen, keeps it as long
// as it is wanted, and the next one gets it then; a track's numbers go on.
func TestAGalleryShowsWhomItsClientNames(t *testing.T) {
	n := newNode(t, func(d *stage.Deps) { d.Away = 50 * time.Millisecond })
	ann, bob := n.publish(n.token("ann")), n.publish(n.token("bob"))
	eve := n.token("eve")
	socket := n.join(eve)
	socket.want("cleo", "ann", "nobody", "bob")
	socket.settle()
	g := n.gallery(eve, "1", 2, 2)
	socket.wantSlots("1", "a0=ann a1=bob v0=ann v1=bob")
	ann.speak()
	bob.speak()
	bob.speak()
	if a, b := len(g.tracks["a0"].numbers()), len(g.tracks["a1"].numbers()); a != 1 || b != 2 {
		t.Errorf("%d packets of one that spoke once, %d of one that spoke twice", a, b)
	}
	cleo := n.publish(n.token("cleo"))
	socket.wantSlots("1", "a0=ann a1=bob v0=ann v1=bob -cleo/audio -cleo/video")
	check(t, n.m.Disconnect(t.Context(), n.stage, "ann", "enough"))
	socket.wantSlots("1", "a0=cleo a1=bob v0=cleo v1=bob")
	cleo.speak()
	if got := g.tracks["a0"].numbers(); len(got) != 2 || got[1] != got[0]+1 {
		t.Errorf("the numbers of a track that went to another one: %v", got)
	}
	socket.want("cleo/audio", "bob/video")
	socket.wantSlots("1", "a0=cleo v1=bob")
	socket.settle()
	bob.speak()
	if got := g.tracks["a1"].numbers(); len(got) != 2 {
		t.Errorf("sound that is not wanted came: %v", got)
	}
	cleo.Close(io.EOF) // and stays away
	socket.wantSlots("1", "v1=bob")
	n.publish(n.token("cleo"))
	socket.wantSlots("1", "a0=cleo v1=bob")
	socket.want()
	socket.wantSlots("1", "")
	g.Close(io.EOF)
	<-g.gone
	want := []string{
		"JOINED", "SUBSCRIBE_STARTED ann", "SUBSCRIBE_STARTED bob", "SUBSCRIBE_STOPPED ann", "SUBSCRIBE_STARTED cleo", "SUBSCRIBE_STOPPED cleo",
		"SUBSCRIBE_STARTED cleo", "SUBSCRIBE_STOPPED cleo", "SUBSCRIBE_STOPPED bob",
	}
	if diff := cmp.Diff(want, n.history("eve")); diff != "" {
		t.Error(diff)
	}
	if got := n.metric("subscriptions"); got != 0 {
		t.Errorf("%v subscriptions are left", got)
	}
}

// TestPlacesOfAGallery: sound and picture of one participant stay together, and nobody has half of another's pair.
func TestPlacesOfAGallery(t *testing.T) {
	n := newNode(t)
	for _, id := range []string{"ann", "bob", "cleo", "dan"} {
		n.publish(n.token(id))
	}
	eve := n.token("eve")
	socket := n.join(eve)
	n.gallery(eve, "1", 3, 2)
	socket.wantSlots("1", "")
	for _, step := range []struct {
		wish []string
		want string
	}{
		{[]string{"ann/audio"}, "a2=ann"}, // no pair where one is enough
		{[]string{"ann/audio", "bob"}, "a0=bob a2=ann v0=bob"},
		{[]string{"ann/audio", "bob", "cleo/audio"}, "a0=bob a1=cleo a2=ann v0=bob"},
		{[]string{"ann/audio", "bob", "cleo"}, "a0=bob a1=cleo a2=ann v0=bob v1=cleo"},
		{[]string{"dan", "ann/audio", "bob", "cleo"}, "a0=bob a1=cleo a2=ann v0=bob v1=cleo -dan/audio -dan/video"},
		{[]string{"dan", "bob", "cleo"}, "a0=bob a1=cleo a2=dan v0=bob v1=cleo -dan/video"},
		{[]string{"dan", "cleo"}, "a1=cleo a2=dan v0=dan v1=cleo"}, // its sound stays where it is
		{[]string{"dan", "cleo", "ann/audio"}, "a1=cleo a2=dan v0=dan v1=cleo -ann/audio"},
		{[]string{"dan/video", "cleo", "ann/audio"}, "a1=cleo a2=ann v0=dan v1=cleo"},
	} {
		socket.want(step.wish...)
		if got := socket.slots("1"); got != step.want {
			t.Errorf("%v: %q, want %q", step.wish, got, step.want)
		}
	}
}

// TestGalleriesDisplaceEachOther: the newer one when it is up, and neither touches the other doors. What was wanted outlives both
// the gallery and the socket.
func TestGalleriesDisplaceEachOther(t *testing.T) {
	n := newNode(t)
	ann := n.publish(n.token("ann"))
	eve := n.token("eve")
	plain := n.subscribe(eve, "ann")
	first := n.gallery(eve, "1", 1, 0)
	socket := n.join(eve)
	socket.wantSlots("1", "") // it is there already
	socket.want("ann")
	socket.wantSlots("1", "a0=ann -ann/video")
	attempt := n.hang(eve, "2", 1, 1)
	second := n.hang(eve, "3", 1, 1)
	attempt.wantClosed(t, "took over")
	if !first.open() {
		t.Fatal("an attempt displaced a gallery that works")
	}
	second.sub.Connected()
	first.wantClosed(t, "took over")
	socket.wantSlots("3", "a0=ann v0=ann")
	ann.speak()
	if a, b := len(first.tracks["a0"].numbers()), len(second.tracks["a0"].numbers()); a != 0 || b != 1 {
		t.Errorf("%d packets by the older gallery, %d by the newer", a, b)
	}
	if !plain.open() || len(plain.got()) != 1 {
		t.Error("the subscription beside it does not go on")
	}
	again := n.join(eve)
	again.wantSlots("3", "a0=ann v0=ann")
	check(t, n.m.Disconnect(t.Context(), n.stage, "eve", "enough"))
	second.wantClosed(t, "disconnected")
	want := []string{
		"JOINED", "SUBSCRIBE_STARTED ann", "SUBSCRIBE_STARTED ann", "SUBSCRIBE_STOPPED ann", "SUBSCRIBE_STARTED ann", // a gallery's come beside the door's
	}
	if got := n.history("eve"); len(got) != len(want)+3 || !cmp.Equal(got[:len(want)], want) || got[len(got)-1] != "LEFT" {
		t.Errorf("eve's history: %v", got)
	}
}

// TestAGalleryFollowsAPublisherThatComesBack: the place stays while it is away for a moment.
func TestAGalleryFollowsAPublisherThatComesBack(t *testing.T) {
	n := newNode(t)
	token := n.token("ann")
	first := n.publish(token)
	eve := n.token("eve")
	socket := n.join(eve)
	socket.want("ann/audio")
	socket.settle()
	g := n.gallery(eve, "1", 1, 1)
	socket.wantSlots("1", "a0=ann")
	first.speak()
	first.Close(io.EOF)
	<-first.gone
	second := n.publish(token)
	second.speak()
	got := g.tracks["a0"].numbers()
	if len(got) < 2 || got[len(got)-1] != got[0]+uint16(len(got))-1 {
		t.Errorf("numbers %v", got)
	}
	if diff := cmp.Diff([]string{"JOINED", "SUBSCRIBE_STARTED ann"}, n.history("eve")); diff != "" {
		t.Error(diff)
	}
}

func TestWhoMayHaveAGallery(t *testing.T) {
	n := newNode(t)
	_, err := n.m.Subscribe(t.Context(), request(n.token("eve", func(s *auth.Seat) { s.Subscribe = false }), ""))
	wantRefusal(t, err, 403, "TOKEN_NOT_ALLOWED")
	_, err = n.m.Subscribe(t.Context(), request("nonsense", ""))
	wantRefusal(t, err, 401, "TOKEN_MALFORMED")
	r := request(n.token("eve"), "")
	r.Audio, r.Video = false, false
	_, err = n.m.Subscribe(t.Context(), r)
	wantRefusal(t, err, 422, "CODEC_MISMATCH")
	check(t, n.m.Disconnect(t.Context(), n.stage, "eve", "enough"))
	_, err = n.m.Subscribe(t.Context(), request(n.token("eve"), ""))
	wantRefusal(t, err, 403, "PARTICIPANT_DISCONNECTED")
}
