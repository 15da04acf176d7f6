package stage

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/streamcat/streamcat/internal/rtc"
	"github.com/streamcat/streamcat/internal/sfu"
)

// hall is a stage with a socket that listens, and with participants who publish sound.
type hall struct {
	t      *testing.T
	st     *stage
	socket *socket
	sounds map[string]*speaker
}

type speaker struct {
	up    *sfu.Up
	seq   uint16
	level func(since time.Duration) int // dBov; above 0: nothing is sent
}

func newHall(t *testing.T, who ...string) *hall {
	h := &hall{t: t, st: newStage(&Manager{now: time.Now}, "arn:aws:ivs:us-east-1:0:stage/hall"), socket: newSocket(nil), sounds: map[string]*speaker{}}
	h.st.roster.sockets[h.socket] = struct{}{}
	for _, id := range who {
		up, source := sfu.NewUp(sfu.UpOptions{Kind: sfu.Audio, AudioLevelID: 1}), sfu.NewSource()
		source.Add(up, nil)
		p := &publication{begun: true}
		p.set(rtc.Audio, source)
		h.st.feed(id).publisher = p
		h.st.roster.told[id] = struct{}{}
		h.sounds[id] = &speaker{up: up, level: constant(-70)}
	}
	h.st.lock()
	h.st.attend()
	h.st.unlock()
	return h
}

func constant(level int) func(time.Duration) int { return func(time.Duration) int { return level } }

// speech is as loud as given, in words of 300 ms with 200 ms between them.
func speech(level int) func(time.Duration) int {
	return func(since time.Duration) int {
		if since%(500*time.Millisecond) < 300*time.Millisecond {
			return level
		}
		return -65
	}
}

// run lets all sounds go on for a while, a packet each 20 ms, and gives what the socket was told meanwhile: who
// spoke, each time.
func (h *hall) run(d time.Duration) (told []string) {
	h.t.Helper()
	for since := time.Duration(0); since < d; since += 20 * time.Millisecond {
		for _, s := range h.sounds {
			level := s.level(since)
			if level > 0 {
				continue
			}
			b := []byte{0x90, 111, 0, 0, 0, 0, 0, 0, 0, 0, 0, 7, 0xBE, 0xDE, 0, 1, 1 << 4, byte(-level), 0, 0, 0xF8}
			s.seq++
			binary.BigEndian.PutUint16(b[2:], s.seq)
			s.up.Write(b, time.Now())
		}
		time.Sleep(20 * time.Millisecond)
	}
	synctest.Wait()
	frames, _ := h.socket.take()
	for _, frame := range frames {
		var f struct {
			Type    string
			Payload speakersFrame
		}
		if err := json.Unmarshal(frame, &f); err != nil || f.Type != "SPEAKERS" || f.Payload.ParticipantIDs == nil {
			h.t.Fatalf("%s: %v", frame, err)
		}
		told = append(told, strings.Join(f.Payload.ParticipantIDs, " "))
	}
	return told
}

func wantTold(t *testing.T, what string, got []string, want ...string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("%s: told %q, want %q", what, got, want)
	}
}

func TestWhoSpeaksIsToldOnceAndDoesNotFlap(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHall(t, "ann", "bob")
		wantTold(t, "a quiet room", h.run(5*time.Second))
		ann, bob := h.sounds["ann"], h.sounds["bob"]
		ann.level = speech(-25)
		wantTold(t, "one speaks, with breaths", h.run(10*time.Second), "ann")
		ann.level = constant(-48)
		wantTold(t, "and speaks low, as nobody begins to", h.run(5*time.Second))
		bob.level = func(since time.Duration) int { // a door each second
			if since%time.Second < 20*time.Millisecond {
				return -15
			}
			return -70
		}
		wantTold(t, "doors slam beside", h.run(5*time.Second))
		ann.level = constant(-70)
		wantTold(t, "nobody speaks", h.run(5*time.Second), "")
		ann.level, bob.level = speech(-25), speech(-22)
		if told := h.run(10 * time.Second); len(told) == 0 || len(told) > 2 || len(told[len(told)-1]) != len("ann bob") {
			t.Errorf("two speak about as loud: told %q", told)
		}
		ann.level, bob.level = constant(-35), constant(-15)
		if told := h.run(5 * time.Second); len(told) > 1 || len(told) == 1 && told[0] != "bob ann" {
			t.Errorf("one is much louder: told %q", told)
		}
		ann.level = constant(1) // muted, or its packets say nothing
		wantTold(t, "one is muted", h.run(5*time.Second), "bob")
		h.st.lock()
		delete(h.st.feeds, "bob")
		delete(h.st.feeds, "ann")
		h.st.unlock()
		wantTold(t, "all are gone", h.run(time.Second), "")
		h.st.lock()
		defer h.st.unlock()
		if h.st.attends || len(h.st.talk.voices) > 0 {
			t.Error("somebody listens to nobody")
		}
	})
}

func TestNobodyListensWithoutASocket(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHall(t, "ann")
		h.sounds["ann"].level = constant(-20)
		wantTold(t, "one speaks", h.run(2*time.Second), "ann")
		h.st.lock()
		delete(h.st.roster.sockets, h.socket)
		h.st.unlock()
		wantTold(t, "without a socket", h.run(time.Second))
		h.st.lock()
		defer h.st.unlock()
		if h.st.attends || len(h.st.talk.order) > 0 {
			t.Error("somebody listens for nobody")
		}
	})
}

func TestManySpeak(t *testing.T) {
	var all talk
	levels := map[string]int{}
	for i := range 12 {
		levels[fmt.Sprintf("p%02d", i)] = -12 - 2*i
	}
	for range 20 {
		all.moment(levels)
	}
	if !slices.IsSorted(all.order) || len(all.order) != 12 {
		t.Errorf("they speak in this order: %v", all.order)
	}
	delete(levels, "p03")
	if all.moment(levels); len(all.order) != 11 || slices.Contains(all.order, "p03") || len(all.voices) != 11 {
		t.Errorf("one has gone: %v", all.order)
	}
}
