package sfu

import (
	"testing"
	"time"
)

// TestReportsGoOnWhenTheClockIsSetBack: the next one is not put off until the old time has come again.
func TestReportsGoOnWhenTheClockIsSetBack(t *testing.T) {
	b := newBench(Audio)
	d, s := b.down(Audio)
	d.Attach(b.up)
	b.up.SenderReport(1<<32, 0, b.now())
	b.write(1, 960, "a")
	b.write(2, 1920, "b")
	if len(s.reports) != 1 {
		t.Fatalf("%d reports at once, want 1", len(s.reports))
	}
	b.add(-time.Hour)
	b.write(3, 2880, "c")
	if len(s.reports) != 2 {
		t.Errorf("%d reports after the clock was set back, want 2", len(s.reports))
	}
}
