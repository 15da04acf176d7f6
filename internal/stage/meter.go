package stage

import (
	"time"

	"github.com/streamcat/streamcat/internal/fault"
	"github.com/streamcat/streamcat/internal/media"
	"github.com/streamcat/streamcat/internal/rtc"
)

// soundSlack is how much more than MaxSound sound may take, in percent: encoders that are set to it only keep near it.
const soundSlack = 10

// meter measures what a publisher's sound takes, over windows of measureFor.
type meter struct {
	most  media.Bitrate // 0: any
	since time.Time
	bytes int
}

// add counts bytes of sound. Its error is a violation: too much came.
func (m *meter) add(n int, now time.Time) error {
	if m.most <= 0 {
		return nil
	}
	if m.since.IsZero() {
		m.since = now
	}
	took := now.Sub(m.since)
	if took < measureFor {
		m.bytes += n
		return nil
	}
	rate := media.Bitrate(float64(m.bytes) * 8 / took.Seconds())
	m.since, m.bytes = now, n
	if rate*100 > m.most*(100+soundSlack) {
		return &violation{"BITRATE_EXCEEDED", fault.OverQuota(int(m.most), "the sound takes %v; %v are allowed", rate, m.most)}
	}
	return nil
}

// metered is the sink of a sound by WebRTC that may take only so much. over is told when it takes more.
type metered struct {
	rtc.Sink
	meter meter
	over  func(error)
}

func (m *metered) Write(packet []byte, arrived time.Time) {
	if err := m.meter.add(payloadOf(packet), arrived); err != nil {
		m.over(err)
	}
	m.Sink.Write(packet, arrived)
}

// payloadOf gives how long the payload of a RTP packet is, padding included, or 0 (RFC 3550 §5.1).
func payloadOf(b []byte) int {
	if len(b) < 12 {
		return 0
	}
	n := len(b) - 12 - 4*int(b[0]&0x0F)
	if at := len(b) - n; b[0]&0x10 != 0 && n >= 4 {
		n -= 4 + 4*(int(b[at+2])<<8|int(b[at+3]))
	}
	return max(n, 0)
}
