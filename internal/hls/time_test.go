package hls

import (
	"testing"
	"time"
)

func TestTicksAreDates(t *testing.T) {
	for _, at := range []time.Time{epoch, testStart, testStart.Add(123456789 * time.Microsecond), epoch.AddDate(30, 0, 0)} {
		if off := ticksAt(at).date().Sub(at).Abs(); off > 12*time.Microsecond {
			t.Errorf("%v is %v off", at, off)
		}
	}
	if got := ticksAt(time.Time{}); got != 0 {
		t.Errorf("a clock that is not set gives %d", got)
	}
	far := ticksAt(epoch.AddDate(30, 0, 0))
	if back := ticksIn(far.scale(96000), 96000); far-back > 1 || back > far {
		t.Errorf("%d became %d", far, back)
	}
}

func TestSequenceNumbersFitAnInt(t *testing.T) {
	if n := sequenceAt(time.Date(2043, 1, 1, 0, 0, 0, 0, time.UTC)); n >= 1<<31 {
		t.Errorf("%d in 2043", n)
	}
	if a, b := sequenceAt(testStart), sequenceAt(testStart.Add(250*time.Millisecond)); b != a+1 {
		t.Errorf("%d, then %d", a, b)
	}
}

func TestSecondsArePrintedToTenMicroseconds(t *testing.T) {
	for v, want := range map[ticks]string{0: "0.00000", 1: "0.00001", second: "1.00000", 30030: "0.33367", 4*second - 1: "3.99999", 360360: "4.00400"} {
		if got := string(appendSeconds(nil, v)); got != want {
			t.Errorf("%d: %s, want %s", v, got, want)
		}
	}
}

func TestFrameRate(t *testing.T) {
	for _, rate := range []float64{15, 24000. / 1001, 24, 25, 30000. / 1001, 30, 50, 60000. / 1001, 60} {
		for _, declared := range []float64{0, rate} {
			p := newPacer(declared)
			at := fps(rate)
			for n := range 60 * 60 {
				p.step(ticksOf(at(n+1).Round(time.Millisecond) - at(n).Round(time.Millisecond)))
			}
			if got := p.perSecond(); got != rate || !p.steady() {
				t.Errorf("%v (declared %v): %v, steady %v", rate, declared, got, p.steady())
			}
		}
	}
	p := newPacer(30) // and the encoder does something else
	for range 10 {
		p.step(second / 48)
	}
	if got := p.perSecond(); got != 48 || !p.steady() {
		t.Errorf("48: %v, steady %v", got, p.steady())
	}
}
