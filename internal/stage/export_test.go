package stage

import (
	"time"

	"github.com/streamcat/streamcat/internal/rtc"
	"github.com/streamcat/streamcat/internal/sfu"
)

// Abandon stops a manager as kill -9 would: nothing more is written, told or ended.
func (m *Manager) Abandon() {
	m.journal.abandon()
	for _, s := range m.subs {
		s.Close()
	}
	m.end()
	for _, st := range m.running() {
		st.lock()
		for s := range st.roster.sockets {
			s.cut()
		}
		for s := range st.roster.fresh {
			s.cut()
		}
		st.roster.stop()
		if st.grace != nil {
			st.grace.Stop()
		}
		for _, f := range st.feeds {
			if f.away != nil {
				f.away.Stop()
			}
		}
		st.over = true
		st.unlock()
	}
	m.work.Wait()
}

// Broadcast leaves a frame for every socket.
func (m *Manager) Broadcast(frame []byte) {
	for _, st := range m.running() {
		st.lock()
		for s := range st.roster.sockets {
			s.offer(frame)
		}
		st.unlock()
	}
}

// List sets how many participants who never published are told of by name.
func (m *Manager) List(n int) { m.listed = n }

// Review looks at once for what the bus may have failed to tell.
func (m *Manager) Review() { m.reviewAll() }

// Idle says that nothing waits to be written.
func (m *Manager) Idle() bool { return m.journal.depth() == 0 }

// Feeds counts what is kept of publishers, on all stages.
func (m *Manager) Feeds() (n int) {
	for _, st := range m.running() {
		st.lock()
		n += len(st.feeds)
		st.unlock()
	}
	return n
}

// Stages counts the stages that are kept.
func (m *Manager) Stages() int { return len(m.running()) }

// ParseFrame is parseFrame for fuzzing.
func ParseFrame(b []byte) (kind string, audioMuted, noVideo bool, err error) {
	f, err := parseFrame(b)
	return f.Type, f.AudioMuted, f.NoVideo, err
}

// Describe fills a document from a User-Agent.
func Describe(userAgent string) (d ParticipantDoc) {
	d.describe(userAgent)
	return d
}

// Wish is a wish as a client says it.
type Wish struct {
	ParticipantID string `json:"participantId"`
	Audio         bool   `json:"audio"`
	Video         bool   `json:"video"`
	Initial       string `json:"initial,omitempty"`
}

// ParseSubscribe reads the payload of a SUBSCRIBE frame.
func ParseSubscribe(payload []byte) (list []Wish, err error) {
	f, err := parseFrame(append(append([]byte(`{"type":"SUBSCRIBE","payload":`), payload...), '}'))
	for _, w := range f.Wishes {
		initial := [...]string{sfu.Fitting: "", sfu.Smallest: "lowest", sfu.Largest: "highest"}[w.first]
		list = append(list, Wish{w.remote, w.kinds[index(rtc.Audio)], w.kinds[index(rtc.Video)], initial})
	}
	return list, err
}

// LayersNews gives a function that takes a picture's encodings as they are at a time, and says what sockets are told of
// them; nil: nothing.
func LayersNews() func(list []sfu.Layer, now time.Time) []sfu.Layer {
	var m menu
	return func(list []sfu.Layer, now time.Time) []sfu.Layer {
		if !m.take(list, now) {
			return nil
		}
		told := []sfu.Layer{}
		for _, l := range m.list {
			told = append(told, sfu.Layer{Name: l.Label, Width: l.Width, Height: l.Height, Bitrate: l.BitrateBps, FrameRate: l.FramesPerSecond})
		}
		return told
	}
}

const (
	MaxWishes      = maxWishes
	MaxClientFrame = maxClientFrame
	MaxTokenFrame  = maxTokenFrame
	MaxFrameRate   = maxRate
)

// Taken says whether a rendition of an encoder becomes an encoding.
func Taken(number, of int) bool { return taken(number, of) }
