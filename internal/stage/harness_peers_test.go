package stage_test

import (
	"context"
	"encoding/binary"
	"errors"
	"io"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/pion/rtp"

	"github.com/streamcat/streamcat/internal/rtc"
)

// peer stands for a WebRTC session. As the real one does, it tells of its end on a goroutine of its own, once.
type peer struct {
	ended func(error)
	once  sync.Once
	gone  chan struct{}

	mu     sync.Mutex
	reason error
	keys   int
}

func newPeer(ended func(error)) *peer { return &peer{ended: ended, gone: make(chan struct{})} }

func (p *peer) KeyFrame(uint32) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.keys++
}

func (p *peer) Close(reason error) {
	p.once.Do(func() {
		p.mu.Lock()
		p.reason = reason
		p.mu.Unlock()
		go func() {
			p.ended(reason)
			close(p.gone)
		}()
	})
}

// wantClosed waits for the end and wants a word in its reason.
func (p *peer) wantClosed(t testing.TB, word string) {
	t.Helper()
	select {
	case <-p.gone:
	case <-time.After(patience):
		t.Fatalf("the session was not ended (%s)", word)
	}
	if !strings.Contains(p.reason.Error(), word) {
		t.Errorf("it ended because of %q, want %q", p.reason, word)
	}
}

// open says that nobody wants the session to end.
func (p *peer) open() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.reason == nil
}

// publisher is a publishing session that a test plays.
type publisher struct {
	*peer
	t    testing.TB
	pub  rtc.Publication
	seq  uint16
	sink rtc.Sink
}

const userAgent = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0 Safari/537.36"

func request(token, participant string) rtc.Request {
	return rtc.Request{Token: token, ParticipantID: participant, UserAgent: userAgent, Audio: true, Video: true}
}

// offer publishes, up to where media could flow.
func (n *node) offer(token string) *publisher {
	n.t.Helper()
	pub, err := n.m.Publish(context.Background(), request(token, ""))
	check(n.t, err)
	p := &publisher{t: n.t, pub: pub}
	p.peer = newPeer(pub.Ended)
	pub.Start(p.peer)
	n.t.Cleanup(func() { p.Close(io.EOF); <-p.gone })
	return p
}

// publish publishes sound.
func (n *node) publish(token string) *publisher {
	n.t.Helper()
	p := n.offer(token)
	p.pub.Connected()
	p.flow()
	return p
}

func (p *publisher) flow() {
	p.sink = p.pub.Track(rtc.Track{Kind: rtc.Audio, SSRC: 7, ClockRate: 48_000}, p.peer)
	p.speak()
}

// speak sends a packet.
func (p *publisher) speak() {
	packet := []byte{0x80, 111, 0, 0, 0, 0, 0, 0, 0, 0, 0, 7, 0xF8, 0xFF, 0xFE}
	p.seq++
	binary.BigEndian.PutUint16(packet[2:], p.seq)
	binary.BigEndian.PutUint32(packet[4:], uint32(p.seq)*960)
	p.sink.Write(packet, time.Now())
}

// subscriber is a subscribing session that a test plays. It is a rtc.Sender, too.
type subscriber struct {
	*peer
	sub rtc.Subscription

	mu      sync.Mutex
	numbers []uint16
	nack    func([]uint16)
}

func (s *subscriber) Kind() rtc.Kind { return rtc.Audio }

func (s *subscriber) Mid() string { return "0" }

func (s *subscriber) WriteRTP(h *rtp.Header, _ []byte) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.numbers = append(s.numbers, h.SequenceNumber)
	return nil
}

func (s *subscriber) WriteSenderReport(uint64, uint32, uint32, uint32) error { return nil }

func (s *subscriber) Room(time.Time, int) int { return 1 << 30 }

func (s *subscriber) Feedback(nack func([]uint16), _ func()) { s.nack = nack }

// got gives the numbers of the packets that came.
func (s *subscriber) got() []uint16 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.numbers)
}

func (n *node) subscribe(token, to string) *subscriber {
	n.t.Helper()
	sub, err := n.m.Subscribe(context.Background(), request(token, to))
	check(n.t, err)
	s := &subscriber{sub: sub}
	s.peer = newPeer(sub.Ended)
	sub.Start([]rtc.Sender{s}, s.peer)
	n.t.Cleanup(func() { s.Close(io.EOF); <-s.gone })
	sub.Connected()
	return s
}

// wantRefusal wants an error to be a refusal.
func wantRefusal(t testing.TB, err error, status int, code string) {
	t.Helper()
	var r *rtc.Refusal
	if !errors.As(err, &r) || r.Status != status || r.Code != code {
		t.Errorf("got %+v, want %d %s", err, status, code)
	}
}
