package rtc

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/netip"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/streamcat/streamcat/internal/fault"
	"github.com/streamcat/streamcat/internal/media"
)

// shuffled delays some packets by up to a time and drops others.
func shuffled(all []wire, delay time.Duration, drop func(i int, w wire) bool) (out []wire) {
	r := rand.New(rand.NewPCG(3, 5))
	for i, w := range all {
		if drop != nil && drop(i, w) {
			continue
		}
		if delay > 0 && w.at > 100*time.Millisecond && r.IntN(4) == 0 {
			w.at += time.Duration(r.Int64N(int64(delay)))
		}
		out = append(out, w)
	}
	sortWires(out)
	return out
}

func TestDisorderIsPutRight(t *testing.T) {
	video, audio := encodeWHIP(t, "", "3")
	r := newRig(t, FramesOptions{})
	r.send(shuffled(broadcast(video, audio), 80*time.Millisecond, nil))
	r.rest(time.Second)
	vs, as := r.end()
	if len(vs) != len(video) || len(as) != len(audio) {
		t.Fatalf("%d of %d pictures, %d of %d packets of sound", len(vs), len(video), len(as), len(audio))
	}
	for i, f := range vs {
		if !bytes.Equal(f.Payload, avcc(video[i].nals)) {
			t.Fatalf("picture %d differs", i)
		}
	}
}

func TestLossSkipsToTheNextKeyFrame(t *testing.T) {
	video, audio := encodeWHIP(t, "", "8")
	lost := 0
	all := shuffled(broadcast(video, audio), 0, func(i int, w wire) bool {
		// The end of one picture, the whole of another, and some of the sound.
		gone := w.kind == Video && (w.at == video[70].at && w.marker || w.at == video[130].at) || w.kind == Audio && w.at > time.Second && w.at < 1100*time.Millisecond
		if gone {
			lost++
		}
		return gone
	})
	if lost < 6 {
		t.Fatalf("%d packets lost", lost)
	}
	r := newRig(t, FramesOptions{})
	r.send(reports(all))
	vs, as := r.end()
	if want := len(audio) - 4; len(as) != want {
		t.Errorf("%d packets of sound, want %d", len(as), want)
	}
	vs = slices.DeleteFunc(vs, func(f *media.Frame) bool { return isStill(f) })
	index := func(f *media.Frame) int { return int((f.PTS - vs[0].PTS + 10*time.Millisecond) * 30 / time.Second) }
	for i := 1; i < len(vs); i++ {
		if n := index(vs[i]); n != index(vs[i-1])+1 && !vs[i].Key {
			t.Errorf("picture %d follows %d and is no key frame", n, index(vs[i-1]))
		}
	}
	if want := 70 + 10 + 60; len(vs) != want { // 0–69, 120–129, 180–239
		t.Errorf("%d pictures, want %d", len(vs), want)
	}
	_, url := r.packaged(t, r.frames)
	judge(t, url)
}

func TestKeyFramesAreAskedFor(t *testing.T) {
	video, _ := encodeWHIP(t, "", "7", "-g", "300")
	all := broadcast(video, nil)
	t.Run("every two seconds", func(t *testing.T) {
		r := newRig(t, FramesOptions{})
		r.send(all)
		// At the beginning; then, as none comes, every half a second from the second one on.
		if n := r.peer.asked(); n < 10 || n > 12 {
			t.Errorf("asked %d times in 7 s", n)
		}
	})
	t.Run("after a loss, but not for each lost packet", func(t *testing.T) {
		r := newRig(t, FramesOptions{})
		early := all[:len(all)/4]
		r.send(early)
		before := r.peer.asked()
		r.send(shuffled(all[len(all)/4:len(all)/2], 0, func(i int, _ wire) bool { return i%5 == 0 }))
		if n := r.peer.asked() - before; n < 2 || n > 5 {
			t.Errorf("asked %d times in 1.75 s of losses", n)
		}
	})
}

// A joining publisher may be in the middle of a picture.
func TestStreamBeginsWithAKeyFrame(t *testing.T) {
	video, audio := encodeWHIP(t, "", "4")
	r := newRig(t, FramesOptions{})
	r.send(broadcast(video, audio)[30:])
	vs, _ := r.end()
	if len(vs) != 60 || !vs[0].Key {
		t.Errorf("%d pictures, the first is a key frame: %v", len(vs), vs[0].Key)
	}
}

func TestSenderReportsBringTracksTogether(t *testing.T) {
	video, audio := encodeWHIP(t, "", "9")
	for _, skew := range []time.Duration{-350 * time.Millisecond, -60 * time.Millisecond, 60 * time.Millisecond, 350 * time.Millisecond} {
		t.Run(fmt.Sprintf("sound comes %v late", skew), func(t *testing.T) {
			all := reports(broadcast(video, audio))
			for i := range all {
				if all[i].kind == Audio {
					all[i].at += skew + 400*time.Millisecond
				} else {
					all[i].at += 400 * time.Millisecond
				}
			}
			sortWires(all)
			r := newRig(t, FramesOptions{})
			r.send(all)
			vs, as := r.end()
			// The last frames of both were made at the same time, one frame apart.
			off := (vs[len(vs)-1].PTS - video[len(video)-1].at) - (as[len(as)-1].PTS - audio[len(audio)-1].at)
			if off.Abs() > 2*time.Millisecond {
				t.Errorf("%v apart at the end", off)
			}
			first := (vs[0].PTS - video[0].at) - (as[0].PTS - audio[len(audio)-len(as)].at)
			if first+skew > time.Millisecond || first+skew < -time.Millisecond {
				t.Errorf("%v apart at the beginning, before any report", first)
			}
			_, url := r.packaged(t, r.frames)
			judge(t, url)
		})
	}
}

// Clocks that run apart by 0.1 %, far more than real ones, do not let sound and picture drift apart.
func TestClockDriftIsFollowed(t *testing.T) {
	var l timeline
	v, a := l.track(90000, nil), l.track(48000, nil)
	var vt, at time.Duration
	var lastV, lastA time.Duration
	for ms := 0; ms < 600_000; ms += 20 {
		now := time.Duration(ms) * time.Millisecond
		arrived := clipStart.Add(now)
		vr, ar := uint32(ms*90), uint32(ms*48+ms*48/1000)
		if ms%1000 == 0 && ms > 0 {
			l.sent(v, ntpOf(now), vr)
			l.sent(a, ntpOf(now), ar)
		}
		vt, at = l.at(v, vr, arrived), l.at(a, ar, arrived)
		v.last, a.last = vt, at
		if vt <= lastV && ms > 0 || at <= lastA && ms > 0 {
			t.Fatalf("at %v the time went from %v, %v to %v, %v", now, lastV, lastA, vt, at)
		}
		if lastV, lastA = vt, at; ms > 2000 && (vt-at).Abs() > 10*time.Millisecond {
			t.Fatalf("%v apart after %v", vt-at, now)
		}
	}
}

func TestTimeline(t *testing.T) {
	arrive := func(ms int) time.Time { return clipStart.Add(time.Duration(ms) * time.Millisecond) }
	t.Run("RTP time wraps", func(t *testing.T) {
		var l timeline
		c := l.track(90000, nil)
		start := uint32(1<<32 - 45000)
		for ms := 0; ms < 100_000_000; ms += 500_000 {
			if got, want := l.at(c, start+uint32(ms*90), arrive(ms)), time.Duration(ms)*time.Millisecond+clockLead; (got - want).Abs() > time.Microsecond {
				t.Fatalf("%v, want %v", got, want)
			}
		}
	})
	t.Run("a publisher's clock that begins anew goes on by arrival", func(t *testing.T) {
		var l timeline
		c := l.track(90000, nil)
		c.last = l.at(c, 5_000_000, arrive(0))
		if got := l.at(c, 100, arrive(40)) - clockLead; got != 40*time.Millisecond {
			t.Errorf("%v", got)
		}
	})
	t.Run("reports of clocks that have nothing in common are left alone", func(t *testing.T) {
		var l timeline
		v, a := l.track(90000, nil), l.track(48000, nil)
		l.at(v, 0, arrive(0))
		l.at(a, 0, arrive(0))
		l.sent(v, ntpOf(0), 0)
		l.sent(a, ntpOf(time.Hour), 0)
		l.sent(a, 0, 0)
		if got, want := l.at(v, 90, arrive(1)), l.at(a, 48, arrive(1)); got != want {
			t.Errorf("%v and %v", got, want)
		}
	})
	t.Run("a publisher's date that jumps moves nothing", func(t *testing.T) {
		var l timeline
		v, a := l.track(90000, nil), l.track(48000, nil)
		for s := range 10 {
			at := time.Duration(s) * time.Second
			vt, at2 := l.at(v, uint32(s*90000), arrive(s*1000)), l.at(a, uint32(s*48000), arrive(s*1000))
			if vt != at2 || vt != at+clockLead {
				t.Fatalf("after %v: %v and %v", at, vt, at2)
			}
			if s > 4 {
				at += 3 * time.Hour
			}
			l.sent(v, ntpOf(at), uint32(s*90000))
			l.sent(a, ntpOf(at), uint32(s*48000))
		}
	})
}

func TestOnlyStreamKeysReachTheGate(t *testing.T) {
	g := &gate{stream: media.NewStream()}
	p := NewFrames(g, FramesOptions{})
	for _, token := range []string{"", "a.b.c", "eyJhbGciOiJFUzM4NCJ9.e30.c2ln", "sk us", "clé", string(bytes.Repeat([]byte("a"), 129))} {
		if _, err := p.Publish(t.Context(), Request{Token: token, Video: true, Audio: true}); fault.Of(err) != fault.NotFound {
			t.Errorf("%q: %v", token, err)
		}
	}
	var refused *Refusal
	if _, err := p.Publish(t.Context(), Request{Token: "sk_local_abc", Audio: true}); !errors.As(err, &refused) || refused.Status != 422 {
		t.Errorf("sound alone: %v", err)
	}
	if len(g.asked) != 0 {
		t.Fatalf("the gate was asked %d times", len(g.asked))
	}
	remote := netip.MustParseAddrPort("192.0.2.7:1234")
	pub, err := p.Publish(t.Context(), Request{Token: "sk_local_abc-DEF", Remote: remote, UserAgent: "Tab\n1", Video: true})
	if err != nil {
		t.Fatal(err)
	}
	if got, want := g.asked[0], (media.Publisher{Protocol: "WHIP", App: "whip", Key: "sk_local_abc-DEF", Remote: remote, Encrypted: true}); got != want {
		t.Errorf("the gate was asked for %+v", got)
	}
	if e := g.stream.Info().Encoder; e != "Tab1" {
		t.Errorf("encoder is %q", e)
	}
	pub.Start(&fakePeer{})
	pub.Ended(io.EOF)
	g.err = fault.InConflict("this stream key is live already")
	if _, err := p.Publish(t.Context(), Request{Token: "sk_local_abc", Video: true}); err != g.err {
		t.Errorf("the gate's answer: %v", err)
	}
}

func TestEnds(t *testing.T) {
	start := func(t *testing.T, o FramesOptions) (*media.Stream, Publication, *fakePeer) {
		g := &gate{stream: media.NewStream()}
		pub, err := NewFrames(g, o).Publish(t.Context(), Request{Token: "sk", Video: true})
		if err != nil {
			t.Fatal(err)
		}
		peer := &fakePeer{}
		pub.Start(peer)
		return g.stream, pub, peer
	}
	lost := errors.New("consent lost")
	for name, c := range map[string]error{"goodbye": io.EOF, "lost peer": lost} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				stream, pub, peer := start(t, FramesOptions{})
				pub.Ended(c)
				if got := stream.Err(); got != c {
					t.Errorf("stream ended for %v", got)
				}
				synctest.Wait()
				if len(peer.closed) != 0 {
					t.Errorf("the peer was closed: %v", peer.closed)
				}
			})
		})
	}
	t.Run("the stream is taken over", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			stream, pub, peer := start(t, FramesOptions{})
			stream.Stop(lost)
			synctest.Wait()
			if len(peer.closed) != 1 || peer.closed[0] != lost {
				t.Errorf("the peer was closed: %v", peer.closed)
			}
			pub.Ended(lost)
		})
	})
	t.Run("key frames are asked for by the clock", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			_, pub, peer := start(t, FramesOptions{})
			pub.Track(Track{Kind: Video, ClockRate: 90000}, peer)
			time.Sleep(1200 * time.Millisecond)
			if n := peer.asked(); n != 3 { // at once, and twice since
				t.Errorf("asked %d times", n)
			}
			pub.Ended(io.EOF)
		})
	})
}

// echo is an AudioSink that gives back what it gets, as if it were something else, until it fails.
type echo struct {
	write  func(*media.Frame)
	after  int
	out    chan *media.Frame
	mu     sync.Mutex
	taken  int
	closed int
}

// run is the sink's own goroutine, as real ones have it: write may wait for the publication.
func (e *echo) run() {
	for f := range e.out {
		e.write(f)
	}
}

func (e *echo) Frame(f *media.Frame) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.taken++; e.taken > e.after {
		return false
	}
	g := *f
	g.Track = &media.Track{ID: 2, Kind: media.Audio, Codec: media.AAC}
	e.out <- &g
	return true
}

func (e *echo) Close() {
	e.mu.Lock()
	e.closed++
	e.mu.Unlock()
	close(e.out)
}

func TestSoundThatCannotBeTranscodedGoesOnAsOpus(t *testing.T) {
	video, audio := encodeWHIP(t, "", "2")
	var sink *echo
	r := newRig(t, FramesOptions{Audio: func(write func(*media.Frame)) AudioSink {
		sink = &echo{write: write, after: 50, out: make(chan *media.Frame, 50)}
		go sink.run()
		return sink
	}})
	r.send(broadcast(video, audio))
	r.pub.closing.Wait()
	r.stream.Close()
	_, as := r.end()
	count := map[media.Codec]int{}
	for _, f := range as {
		count[f.Track.Codec]++
	}
	if count[media.Opus] != len(audio)-50 || count[media.AAC] > 50 || sink.taken != 51 || sink.closed != 1 {
		t.Errorf("frames are %v of %d, sink %+v", count, len(audio), sink)
	}
}

func TestNoSinkLeavesOpus(t *testing.T) {
	video, audio := encodeWHIP(t, "", "1")
	r := newRig(t, FramesOptions{Audio: func(func(*media.Frame)) AudioSink { return nil }})
	r.send(broadcast(video, audio))
	if _, as := r.end(); len(as) != len(audio) {
		t.Errorf("%d packets of sound", len(as))
	}
}
