package room

import (
	"bytes"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/streamcat/streamcat/internal/cluster"
)

// The order of one node and that of its new owner began as one, and then each went on for a while under owners of
// its own.
func TestMergedOrderTellsEverythingOnce(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := &Manager{cluster: new(cluster.Node), metrics: newMetrics(nil), now: time.Now, ended: true}
		r := &room{m: m, past: ring{most: 300}}
		s := &shard{room: r, members: []*conn{{}}, running: true}
		r.shards, r.sizes = []*shard{s}, []int{1}
		r.order.synced, r.order.epoch, r.order.promise = true, 1, 1

		number, epoch := uint64(0), uint64(1)
		add := func(log []*note, from string, i int) []*note {
			number++
			id := fmt.Sprint(from, i)
			return append(log, &note{kind: noteMessage, epoch: epoch, number: number, id: id, node: from, serial: uint64(i + 1), frame: []byte(id)})
		}
		var shared, mine, theirs []*note
		for i := range rapid.IntRange(0, 20).Draw(t, "shared") {
			shared = add(shared, "s", i)
		}
		split := number
		for i := range rapid.IntRange(0, 10).Draw(t, "mine") {
			mine = add(mine, "m", i)
		}
		number, epoch = split, 2
		for i := range rapid.IntRange(0, 10).Draw(t, "theirs") {
			theirs = add(theirs, "t", i)
		}
		behind := 0 // how many of the shared ones this node has not heard
		if len(mine) == 0 {
			behind = rapid.IntRange(0, len(shared)).Draw(t, "behind")
		}
		for _, n := range append(shared[:len(shared)-behind:len(shared)-behind], mine...) {
			r.deliver(n)
		}
		heard := len(s.pending)

		all := append(shared[:len(shared):len(shared)], theirs...)
		kept := rapid.IntRange(behind, len(shared)).Draw(t, "kept") // of the shared ones, the owner keeps the last
		all = all[len(shared)-kept:]
		last := split + uint64(len(theirs))
		ask := inquiry{Epoch: r.epochOf(r.last), Last: r.last, Synced: true}
		owner := &room{m: m, past: ring{most: 300}, last: last}
		owner.order.synced = true
		for _, n := range all {
			owner.past.add(newEntry(n))
		}
		a, notes := owner.tell(ask)
		a.Epoch = 2
		r.absorb(a, notes)

		var told []string
		for _, d := range s.pending[heard:] {
			told = append(told, string(payloadOf(d.frame)))
		}
		var want []string
		for _, n := range append(shared[len(shared)-behind:], theirs...) {
			want = append(want, n.id)
		}
		if diff := cmp.Diff(want, told); diff != "" {
			t.Fatalf("members are told something else: %s", diff)
		}
		if r.last != last || r.order.epoch != 2 || !r.whole() {
			t.Fatalf("at %d of epoch %d, not %d", r.last, r.order.epoch, last)
		}
		var surplus []string
		for _, n := range r.order.posts {
			surplus = append(surplus, n.id)
		}
		var own []string
		for _, n := range mine {
			own = append(own, n.id)
		}
		if diff := cmp.Diff(own, surplus); diff != "" {
			t.Fatalf("what others have not heard is not said again: %s", diff)
		}

		// It comes into the order, and is not told twice.
		before := len(s.pending)
		for _, n := range slices.Clone(r.order.posts) {
			again := *n
			again.epoch, again.number = 2, r.last+1
			r.deliver(&again)
		}
		if len(s.pending) != before {
			t.Fatal("members are told again what they have heard")
		}
		for i := 1; i < r.past.n; i++ {
			if r.past.at(i).number <= r.past.at(i-1).number {
				t.Fatalf("the past is not in order: %d after %d", r.past.at(i).number, r.past.at(i-1).number)
			}
		}
	})
}

func FuzzParcel(f *testing.F) {
	f.Add(pack(inquiry{Op: opForward, Room: "r", Epoch: 3, Spec: Spec{MaxRate: 10}}, []*note{{kind: noteMessage, id: "AbCdEfGh1234", frame: []byte(`{}`)}}))
	f.Add(pack(reply{State: stateOwner, Heard: map[string]uint64{"n": 1}}, nil))
	f.Add([]byte{2, '{', '}', 0xff, 0xff, 0xff, 0xff, 0x7f})
	f.Add([]byte{0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1})
	f.Fuzz(func(t *testing.T, b []byte) {
		var head inquiry
		notes, err := unpack(b, &head)
		if err != nil {
			return
		}
		once := pack(head, notes)
		var again inquiry
		if notes, err = unpack(once, &again); err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(once, pack(again, notes)) {
			t.Errorf("%q is printed differently when it was read", once)
		}
	})
}
