package channel

import (
	"context"
	"strconv"
	"testing"
	"time"

	"github.com/streamcat/streamcat/internal/arn"
	"github.com/streamcat/streamcat/internal/media"
)

// An encoder that was replaced may have left frames that nobody has looked at yet.
func TestWhatIsLeftOfAReplacedEncoderIsNobodys(t *testing.T) {
	m := NewManager(Deps{DB: NewStore(t), Bus: quiet{}})
	defer m.Close(context.Background())
	s := m.newSession(Spec{ID: "abcdefabcdef"}, media.Publisher{Protocol: "RTMP"})
	old := s.pub
	for id := range 2 { // which the channel does not take
		track := &media.Track{ID: media.FirstVideo + id, Kind: media.Video, Width: 640, Height: 360}
		if err := old.stream.Write(&media.Frame{Track: track, Key: true, Payload: []byte{1}}); err != nil {
			t.Fatal(err)
		}
	}
	s.mu.Lock()
	s.replace(newPublication(media.Publisher{Protocol: "RTMP"}, time.Now()))
	s.mu.Unlock()
	said := func() { t.Error("something is told of it") }
	s.watch(old, 0, time.Now, said, said)
	if video, _ := s.tracks(); video != nil || s.ending() || !s.startedAt().IsZero() || s.numbers.meter.noted != 0 {
		t.Errorf("the session took it: %+v", video)
	}
	p, _ := s.newest()
	p.stream.Close()
}

// Names of policies come and go for as long as the server runs.
func TestPoliciesThatAreKeptAreBounded(t *testing.T) {
	var p policies
	first := p.of("first")
	if p.of("first") != first {
		t.Error("what is known is asked for again")
	}
	for i := range 3 * maxPolicies {
		p.of(strconv.Itoa(i))
	}
	if len(p.all) > maxPolicies {
		t.Errorf("%d policies are kept", len(p.all))
	}
}

// Housekeeping may come between an admission's finding of a channel and its claiming it.
func TestHousekeepingBetweenFindingAndClaiming(t *testing.T) {
	db := NewStore(t)
	m := NewManager(Deps{DB: db, Bus: quiet{}})
	defer func() { // a test that failed holds an admission open, for which Close would wait
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		_ = m.Close(ctx)
	}()
	name := arn.Minter{Region: "us-east-1", Account: "000000000000"}.New(arn.Channel)
	spec := Spec{ARN: name, ID: arn.ID(name)}

	c, err := m.open(spec.ID)
	if err != nil {
		t.Fatal(err)
	}
	m.tidy(time.Now())
	if m.find(spec.ID) != c {
		t.Fatal("a channel that was just made is forgotten")
	}
	m.tidy(time.Now().Add(2 * forget)) // idle for long: forgotten, though somebody holds it
	stream, old, err := m.claim(t.Context(), c, spec, media.Publisher{Key: "k"})
	m.done.Done()
	if stream != nil || old == nil || err != nil {
		t.Fatalf("a forgotten channel was claimed: %v, %v, %v", stream, old, err)
	}
	<-old.over // at once: the admission looks for the channel again

	again, err := m.open(spec.ID)
	if err != nil {
		t.Fatal(err)
	}
	m.done.Done()
	if again == c || m.find(spec.ID) != again {
		t.Error("the channel was not made again")
	}
}
