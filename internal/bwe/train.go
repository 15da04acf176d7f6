package bwe

import "time"

const (
	// TrainPackets is how many packets a train has.
	TrainPackets = 24

	trainWait  = time.Second             // for the feedback of a train
	trainNext  = 150 * time.Millisecond  // from one that shows more room to the one that confirms it
	trainEvery = 2500 * time.Millisecond // else
	fresh      = 1500 * time.Millisecond // is what the first of two says
	trust      = 0.9                     // of what trains measure is taken for true
	least      = TrainPackets * 2 / 3    // that must arrive
)

// train is the latest train of packets in one go, and what the one before it said. Arrivals that an idle receiver
// takes late and all at once look like a wide path, so two must say so.
type train struct {
	first, last uint16
	runs        bool
	at          time.Time
	seen, bytes int
	from, to    int64 // arrivals
	goal        float64

	before   float64 // what the one before said; 0: nothing
	beforeAt time.Time
	due      time.Time
}

// TrainDue says whether it is time to send a train, to find out whether there is room for goal bit/s. If so, the
// next TrainPackets that Sent is told of are taken for it.
func (e *Estimator) TrainDue(now time.Time, goal int) bool {
	t := &e.train
	e.judge(now)
	if e.heard.IsZero() || t.runs || now.Before(t.due) || float64(goal) <= e.rate || now.Sub(e.cutAt) < calm {
		return false
	}
	t.runs, t.at, t.goal = true, now, float64(goal)
	t.first, t.last = e.next, e.next+TrainPackets-1
	t.seen, t.bytes = 0, 0
	t.due = now.Add(trainEvery)
	return true
}

func (t *train) has(number uint16) bool { return t.runs && number-t.first <= t.last-t.first }

// disturbs says whether a packet may have had to wait for a train: one of it, or sent just after it.
func (t *train) disturbs(number uint16) bool {
	return t.first != t.last && number-t.first < 3*TrainPackets
}

func (t *train) arrive(size int, at int64) {
	if t.seen == 0 {
		t.from, t.to = at, at
	} else {
		t.from, t.to = min(t.from, at), max(t.to, at)
		t.bytes += size
	}
	t.seen++
}

// complete says whether all that will come of a train has come. A train that nothing is heard of is given up.
func (t *train) complete(now time.Time) bool {
	return t.runs && (t.seen == TrainPackets || now.Sub(t.at) >= trainWait)
}

// judge ends a train, and gives what is known by it; 0: nothing.
func (t *train) judge(now time.Time) float64 {
	t.runs = false
	if t.seen < least {
		t.before = 0
		return 0
	}
	carries := trust * float64(8*t.bytes) * 1e6 / float64(max(t.to-t.from, 500))
	carries = min(carries, t.goal)
	confirmed := t.before > 0 && now.Sub(t.beforeAt) < fresh
	known := min(carries, t.before)
	t.before, t.beforeAt = carries, now
	if !confirmed {
		t.due = now.Add(trainNext)
		return 0
	}
	return known
}

// forget lets no earlier train say anything.
func (t *train) forget() { t.before = 0 }
