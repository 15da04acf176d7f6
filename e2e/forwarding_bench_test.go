//go:build bench

package e2e

import (
	"fmt"
	"testing"
	"time"

	"github.com/streamcat/streamcat/internal/sfu/sfubench"
)

// gathering is who publishes and who watches whom.
type gathering struct {
	name                string
	publishers, persons int
	watching            [][2]int // a person and whom they watch
	joining             int      // persons who come late, one after the other, and watch person 0
	together            bool     // over one connection per person, where the server has that
}

// audience is one publisher with subscribers.
func audience(subscribers, joining int) gathering {
	g := gathering{name: fmt.Sprintf("audience-%d", subscribers), publishers: 1, persons: 1 + subscribers + joining, joining: joining}
	for i := range subscribers {
		g.watching = append(g.watching, [2]int{1 + i, 0})
	}
	return g
}

// meeting is persons who all publish and watch all others, by a session each, as WHEP has it.
func meeting(persons int) gathering {
	g := gathering{name: fmt.Sprintf("meeting-%d", persons), publishers: persons, persons: persons}
	for a := range persons {
		for b := range persons {
			if a != b {
				g.watching = append(g.watching, [2]int{a, b})
			}
		}
	}
	return g
}

// TestForwardingLoad measures what it costs the product, as a process of its own, to forward: CPU per packet,
// the delay of a frame's last packet, memory, and how soon somebody who joins has a picture. Beside it, in the
// same run, a floor, and the peers that are there.
func TestForwardingLoad(t *testing.T) {
	for _, g := range []gathering{audience(100, 12), meeting(12)} {
		t.Run(g.name, func(t *testing.T) { forwardTo(t, g) })
	}
}

func forwardTo(t *testing.T, g gathering) {
	server := ourForwarder(t, g.persons)
	ours, err := g.load(t, server)
	if err != nil {
		t.Fatal(err)
	}
	server.stop()
	t.Log("StreamCat: ", ours)
	if g.publishers > 1 {
		g.over(t, ours)
	}
	floor, err := sfubench.Floor(len(g.watching)/g.publishers, 3*time.Second)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("the floor, seal and sendto alone: %.2f µs per packet; a packet costs us %.2f × that", float64(floor)/1e3, float64(ours.CPU)/float64(floor))

	for _, p := range peerForwarders {
		server, why := p.start(t)
		if why != "" {
			t.Logf("%s is missing (%s): no ratios", p.name, why)
			continue
		}
		theirs, err := g.load(t, server)
		server.stop()
		if err != nil {
			t.Logf("%s did not do it (%v): no ratios", p.name, err)
			continue
		}
		t.Log(p.name+": ", theirs)
		if !ours.KeptUp() || !theirs.KeptUp() {
			t.Logf("%s: no ratios: subscribers did not get all that was published", p.name)
			continue
		}
		text := fmt.Sprintf("%s costs, of ours: CPU %.1f ×, key frame p50 %.1f ×, p99 %.1f ×, memory %.1f ×", p.name, float64(theirs.CPU)/float64(ours.CPU),
			ratio(theirs.KeyP50, ours.KeyP50), ratio(theirs.KeyP99, ours.KeyP99), float64(theirs.Memory)/float64(max(ours.Memory, 1)))
		if g.joining > 0 {
			text += fmt.Sprintf(", joining %.1f ×", ratio(theirs.JoinP50, ours.JoinP50))
		}
		t.Log(text)
	}
}

// over has the same gathering at a server of ours with one connection per person, beside a session per pair.
func (g gathering) over(t *testing.T, pairs *sfubench.Result) {
	server := ourForwarder(t, g.persons)
	defer server.stop()
	g.name, g.together = g.name+"-together", true
	all, err := g.load(t, server)
	if err != nil {
		t.Fatal(err)
	}
	t.Log("StreamCat, one connection per person: ", all)
	if !all.KeptUp() || !pairs.KeptUp() {
		t.Log("no ratios: subscribers did not get all that was published")
		return
	}
	t.Logf("a session per pair costs, of that: CPU %.2f ×, key frame p50 %.2f ×, p99 %.2f ×, memory %.2f ×", float64(pairs.CPU)/float64(all.CPU),
		ratio(pairs.KeyP50, all.KeyP50), ratio(pairs.KeyP99, all.KeyP99), float64(pairs.Memory)/float64(max(all.Memory, 1)))
}

// load has the gathering at a server.
func (g gathering) load(t *testing.T, s forwarder) (*sfubench.Result, error) {
	target := sfubench.Target{PID: s.pid, Warm: 3 * time.Second, Duration: 10 * time.Second}
	for i := range g.publishers {
		target.Publish = append(target.Publish, s.publish(i))
	}
	watched := make([][]int, g.persons)
	for _, w := range g.watching {
		watched[w[0]] = append(watched[w[0]], w[1])
		if !g.together {
			target.Subscribe = append(target.Subscribe, s.watch(w[0], w[1]))
		}
	}
	for person, whom := range watched {
		if g.together && len(whom) > 0 {
			target.Subscribe = append(target.Subscribe, s.watchAll(person, whom))
		}
	}
	for i := range g.joining {
		target.Join = append(target.Join, s.watch(g.persons-1-i, 0))
	}
	profiled := make(chan error, 1)
	target.Measuring = func() {
		go func() {
			if s.profile == "" {
				profiled <- nil
				return
			}
			profiled <- takeProfile(s.profile, "forwarding-"+g.name, target.Duration)
		}()
	}
	r, err := sfubench.Run(t.Context(), target)
	if err != nil {
		return nil, err
	}
	return r, <-profiled
}
