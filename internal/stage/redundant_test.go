package stage_test

import (
	"io"
	"testing"
)

// The order in which two encoders are let in is not that in which their media comes up.
func TestRedundantIngestIsSeenWhoeverWasLetInFirst(t *testing.T) {
	n := newNode(t)
	keyA, keyB := n.pair()
	a := n.offer(keyA)
	b := n.publish(keyB)
	sub := n.subscribe(n.token("viewer"), "cam")
	b.speak()
	eventually(t, "the second one is seen", func() bool { return len(sub.got()) > 0 })
	b.Close(io.EOF)
	<-b.gone
	a.pub.Connected()
	a.flow()
	seen := len(sub.got())
	eventually(t, "the first one is seen", func() bool { a.speak(); return len(sub.got()) > seen })
}

// An encoder that is connected and sends nothing does not stand in the way of one that sends.
func TestRedundantIngestShowsWhoSends(t *testing.T) {
	n := newNode(t)
	keyA, keyB := n.pair()
	mute := n.offer(keyA)
	mute.pub.Connected()
	b := n.publish(keyB)
	sub := n.subscribe(n.token("viewer"), "cam")
	eventually(t, "who sends is seen", func() bool { b.speak(); return len(sub.got()) > 0 })

	// The other way round: the one that takes over is one that sends.
	mute.flow()
	third := n.offer(keyA) // displaces the first session of its key, and sends nothing
	third.pub.Connected()
	seen := len(sub.got())
	eventually(t, "who sends is still seen", func() bool { b.speak(); return len(sub.got()) > seen })
	b.Close(io.EOF)
	<-b.gone
	third.flow()
	seen = len(sub.got())
	eventually(t, "who sends again is seen", func() bool { third.speak(); return len(sub.got()) > seen })
	if !sub.open() {
		t.Error("the subscriber was sent away")
	}
}
