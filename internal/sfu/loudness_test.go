package sfu

import (
	"testing"
	"time"
)

// said makes a packet of sound that says how loud it is.
func said(seq uint16, level uint8) []byte {
	b := wire(seq, uint32(seq)*960, false, "")
	b[0] |= 0x10
	return append(b, 0xBE, 0xDE, 0, 1, 5<<4, level, 0, 0, 'a')
}

func TestHowLoudASoundIs(t *testing.T) {
	b := newBench(Audio)
	b.up = NewUp(UpOptions{Kind: Audio, AudioLevelID: 5, Now: b.now})
	s := NewSource()
	s.Add(b.up, nil)
	want := func(what string, level int) {
		t.Helper()
		if got := s.Loudness(b.now()); got != level {
			t.Errorf("%s: %d dBov, want %d", what, got, level)
		}
	}
	want("before anything came", Inaudible)
	seq := uint16(0)
	say := func(levels ...uint8) {
		for _, l := range levels {
			b.up.Write(said(seq, l), b.now())
			seq++
			b.add(20 * time.Millisecond)
		}
	}
	say(0x80|20, 30, 40, 0x80|30, 30, 30, 30, 30, 30, 30)
	want("a moment's mean, whether somebody speaks or not", -30)
	say(127, 127)
	want("while the next one goes on", -30)
	b.add(LoudEvery - 40*time.Millisecond)
	want("silence", -127)
	say(10)
	b.add(2 * LoudEvery)
	want("after packets have stopped", Inaudible)
	for range 300 {
		b.up.Write(said(seq, 127), b.now())
		seq++
	}
	b.add(LoudEvery)
	want("more packets than anybody sends", -127)
}

// TestLevelsArePassedOn: to each of a sound's subscribers that can be told, sent again or not.
func TestLevelsArePassedOn(t *testing.T) {
	b := newBench(Audio)
	b.up = NewUp(UpOptions{Kind: Audio, AudioLevelID: 5, Now: b.now})
	d, s := b.down(Audio)
	d.Attach(b.up)
	b.up.Write(said(1, 0x80|33), b.now())
	b.write(2, 2*960, "quiet")
	b.up.Write(said(3, 44), b.now())
	got := s.take()
	if len(got) != 3 || got[0].level != 0x80|33 || got[1].level != 0 || got[2].level != 44 {
		t.Fatalf("got %+v", got)
	}
	d.Nack([]uint16{got[0].seq})
	if again := s.take(); len(again) != 1 || again[0] != got[0] {
		t.Errorf("sent again: %+v, was %+v", again, got[0])
	}
}

func TestNothingIsAllocatedPerLevel(t *testing.T) {
	u := NewUp(UpOptions{Kind: Audio, AudioLevelID: 5})
	d := NewDown(DownOptions{Kind: Audio}, deaf{})
	d.Attach(u)
	seq, now := uint16(0), time.Now()
	next := func() {
		b := packetOf[seq%2]
		b[2], b[3] = byte(seq>>8), byte(seq)
		u.Write(b, now)
		seq++
		now = now.Add(20 * time.Millisecond)
	}
	for range 2 * audioSlots {
		next()
	}
	if n := testing.AllocsPerRun(2000, next); n != 0 {
		t.Errorf("%v allocations per packet", n)
	}
}

var packetOf = [2][]byte{said(0, 30), said(0, 0x80|20)}

type deaf struct{ hole }

func (deaf) AudioLevel(uint8) {}
