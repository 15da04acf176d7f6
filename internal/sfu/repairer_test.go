package sfu

import (
	"testing"

	"github.com/pion/rtp"
)

// twoWays is a Writer with a way of its own for repairs.
type twoWays struct {
	slip
	repairs slip
}

func (w *twoWays) WriteRepair(h *rtp.Header, payload []byte) error {
	return w.repairs.WriteRTP(h, payload)
}

// TestRepairsGoTheirOwnWay, the same as they were the first time; sender reports do not count them, statistics do.
func TestRepairsGoTheirOwnWay(t *testing.T) {
	b := newBench(Audio)
	w := &twoWays{}
	d := NewDown(DownOptions{Kind: Audio, Now: b.now}, w)
	d.Attach(b.up)
	for i := range uint16(3) {
		b.write(i, uint32(i)*960, string(rune('a'+i)))
	}
	first := w.take()
	d.Nack([]uint16{first[1].seq})
	if again := w.repairs.take(); len(again) != 1 || again[0] != first[1] {
		t.Errorf("sent again: %+v, was %+v", again, first[1])
	}
	if more := w.take(); len(more) != 0 {
		t.Errorf("beside it came %+v", more)
	}
	if s := d.Stats(); s.Packets != 4 || s.Retransmitted != 1 || d.sent.packets != 3 {
		t.Errorf("%+v, reports count %d", s, d.sent.packets)
	}
	w.repairs.fail = true
	d.Nack([]uint16{first[2].seq})
	if s := d.Stats(); s.WriteErrors != 1 || s.Packets != 4 {
		t.Errorf("after a repair that failed: %+v", s)
	}
}
