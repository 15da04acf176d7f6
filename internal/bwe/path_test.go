package bwe

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/pion/interceptor/pkg/twcc"
	"github.com/pion/rtcp"
)

// path is a simulated network with its receiver: packets queue for a narrow place, take a while, and are reported of
// every 100 ms. Time is the test's own.
type path struct {
	t    *testing.T
	e    *Estimator
	rand *rand.Rand
	now  time.Time
	from time.Time

	carries int           // bit/s
	room    time.Duration // how long packets may wait for the narrow place; more are lost
	delay   time.Duration // each way
	jitter  time.Duration
	loss    float64
	dark    bool    // nothing comes through
	drift   float64 // of the receiver's clock

	free     time.Time // when the narrow place has sent what waits
	last     time.Time // when the last one arrives
	recorder *twcc.Recorder
	reported time.Time
	flying   []flight
	replies  []reply
	video    int // bit/s that are sent
	goal     int
	trains   int
	lowest   int // estimate
	highest  int
}

type flight struct {
	at     time.Time
	number uint16
}

type reply struct {
	at   time.Time
	body []byte
}

func newPath(t *testing.T) *path {
	now := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	return &path{
		t: t, e: New(now), rand: rand.New(rand.NewPCG(1, 2)), now: now, from: now, reported: now,
		carries: 10_000_000, room: 300 * time.Millisecond, delay: 20 * time.Millisecond,
		recorder: twcc.NewRecorder(1), video: 200_000, goal: 2_500_000,
	}
}

func (p *path) send(size int) {
	n := p.e.Sent(p.now, size)
	if p.free.Before(p.now) {
		p.free = p.now
	}
	if p.dark || p.rand.Float64() < p.loss || p.free.Sub(p.now) > p.room {
		return
	}
	p.free = p.free.Add(time.Duration(float64(8*size) / float64(p.carries) * float64(time.Second)))
	at := p.free.Add(p.delay + time.Duration(p.rand.Float64()*float64(p.jitter)))
	if at.Before(p.last) { // in order
		at = p.last
	}
	p.last = at
	p.flying = append(p.flying, flight{at, n})
}

// run lets time pass: 30 pictures a second in packets of at most 1,200 bytes, and sound.
func (p *path) run(d time.Duration) {
	p.lowest, p.highest = Max, 0
	for end := p.now.Add(d); p.now.Before(end); p.now = p.now.Add(time.Millisecond) {
		ms := int(p.now.Sub(p.from).Milliseconds())
		if ms%33 == 0 {
			for left := p.video / 8 * 33 / 1000; left > 0; left -= 1200 {
				p.send(min(left, 1200) + 60)
			}
		}
		if ms%20 == 0 {
			p.send(180)
		}
		if p.e.TrainDue(p.now, p.goal) {
			p.trains++
			for range TrainPackets {
				p.send(320)
			}
		}
		p.receive()
		rate := p.e.Rate(p.now)
		p.lowest, p.highest = min(p.lowest, rate), max(p.highest, rate)
	}
}

func (p *path) receive() {
	var rest []flight
	for _, f := range p.flying {
		if f.at.After(p.now) {
			rest = append(rest, f)
			continue
		}
		clock := float64(f.at.Sub(p.from).Microseconds()) * (1 + p.drift)
		p.recorder.Record(7, f.number, int64(clock))
	}
	p.flying = rest
	if p.now.Sub(p.reported) >= 100*time.Millisecond {
		p.reported = p.now
		for _, pk := range p.recorder.BuildFeedbackPacket() {
			b, err := pk.(*rtcp.TransportLayerCC).Marshal()
			if err != nil {
				p.t.Fatal(err)
			}
			if !p.dark && p.rand.Float64() >= p.loss {
				p.replies = append(p.replies, reply{p.now.Add(p.delay), b})
			}
		}
	}
	for len(p.replies) > 0 && !p.replies[0].at.After(p.now) {
		if err := p.e.Feedback(p.replies[0].body[12:], p.now); err != nil {
			p.t.Fatal(err)
		}
		p.replies = p.replies[1:]
	}
}

// until runs until the estimate is between two, and gives how long that took.
func (p *path) until(low, high int, within time.Duration) {
	p.t.Helper()
	from := p.now
	for p.now.Sub(from) < within {
		p.run(10 * time.Millisecond)
		if r := p.e.Rate(p.now); r >= low && r <= high {
			p.t.Logf("%d bit/s after %v", r, p.now.Sub(from))
			return
		}
	}
	p.t.Errorf("%d bit/s after %v, want %d to %d", p.e.Rate(p.now), within, low, high)
}

func (p *path) within(low, high int) {
	p.t.Helper()
	if p.lowest < low || p.highest > high {
		p.t.Errorf("the estimate was %d to %d bit/s, want %d to %d", p.lowest, p.highest, low, high)
	}
}

func TestAWidePathIsFound(t *testing.T) {
	p := newPath(t)
	p.until(2_500_000, 2_600_000, 1500*time.Millisecond)
	if p.trains > 3 {
		t.Errorf("%d trains", p.trains)
	}
	p.trains = 0
	p.video = 2_000_000
	p.run(20 * time.Second)
	p.within(2_300_000, 4_000_000)
	if p.trains > 0 {
		t.Errorf("%d trains though there is room", p.trains)
	}
}

func TestANarrowPathIsNotOverrated(t *testing.T) {
	for _, video := range []int{100_000, 300_000} {
		p := newPath(t)
		p.carries, p.video = 500_000, video
		p.run(3 * time.Second)
		p.run(30 * time.Second)
		p.within(video, 580_000) // what is sent there is a fifth less
	}
}

// TestAPathClosesAndOpens is what the choice of an encoding sees: it sends less when the estimate is less, and more
// again when that allows it.
func TestAPathClosesAndOpens(t *testing.T) {
	for name, set := range map[string]func(*path){
		"":                  func(*path) {},
		"long":              func(p *path) { p.delay = 100 * time.Millisecond },
		"with little room":  func(p *path) { p.room = 40 * time.Millisecond },
		"with much room":    func(p *path) { p.room = 2 * time.Second },
		"with jitter":       func(p *path) { p.jitter = 20 * time.Millisecond },
		"with loss":         func(p *path) { p.loss = 0.01 },
		"with a fast clock": func(p *path) { p.drift = 0.0002 },
		"with a slow clock": func(p *path) { p.drift = -0.0002 },
	} {
		t.Run(name, func(t *testing.T) {
			p := newPath(t)
			set(p)
			p.run(3 * time.Second)
			p.video = 2_000_000
			p.run(5 * time.Second)
			p.within(2_000_000, 5_000_000)
			p.carries = 500_000
			p.until(Min, 600_000, 1200*time.Millisecond)
			p.video = 150_000
			p.run(3 * time.Second) // the queue drains
			p.run(10 * time.Second)
			p.within(200_000, 600_000)
			p.carries = 10_000_000
			p.until(2_400_000, 3_000_000, 6*time.Second)
			p.video = 2_000_000
			p.run(10 * time.Second)
			p.within(1_900_000, 5_000_000)
		})
	}
}

// TestABlackout: the estimate falls while nothing is heard, and is back soon after.
func TestABlackout(t *testing.T) {
	p := newPath(t)
	p.run(3 * time.Second)
	p.dark = true
	p.run(10 * time.Second)
	if p.lowest > 200_000 {
		t.Errorf("%d bit/s into the dark", p.lowest)
	}
	p.dark = false
	p.until(2_400_000, 3_000_000, 6*time.Second)
}

func TestASilentPathIsNotGone(t *testing.T) {
	p := newPath(t)
	p.run(3 * time.Second)
	before := p.e.Rate(p.now)
	if after := p.e.Rate(p.now.Add(time.Minute)); after != before {
		t.Errorf("%d bit/s became %d though nothing was sent", before, after)
	}
}

func TestNothingIsAllocated(t *testing.T) {
	p := newPath(t)
	p.run(time.Second)
	var body []byte
	if n := testing.AllocsPerRun(200, func() { p.e.Sent(p.now, 1200); p.e.Rate(p.now); p.e.TrainDue(p.now, 1<<30) }); n != 0 {
		t.Errorf("%v allocations for a packet", n)
	}
	for n := range uint16(20) {
		p.recorder.Record(7, p.e.Sent(p.now, 1200), int64(n)*1000+2_000_000)
	}
	body, err := p.recorder.BuildFeedbackPacket()[0].(*rtcp.TransportLayerCC).Marshal()
	if err != nil {
		t.Fatal(err)
	}
	if n := testing.AllocsPerRun(200, func() {
		if err := p.e.Feedback(body[12:], p.now); err != nil {
			t.Fatal(err)
		}
	}); n != 0 {
		t.Errorf("%v allocations for a feedback", n)
	}
}

// TestAPathIsNarrowOnceItHasShownThat, and for a minute after it has last done so.
func TestAPathIsNarrowOnceItHasShownThat(t *testing.T) {
	p := newPath(t)
	p.run(3 * time.Second)
	if p.e.Narrow(p.now) {
		t.Error("it is narrow at once")
	}
	p.video = 2_000_000
	p.run(2 * time.Second)
	p.carries = 500_000
	p.run(2 * time.Second)
	if !p.e.Narrow(p.now) {
		t.Error("it is not narrow though a queue stands")
	}
	p.carries, p.video = 10_000_000, 150_000
	p.run(70 * time.Second)
	if p.e.Narrow(p.now) {
		t.Error("it is narrow a minute after it became wide")
	}
}
