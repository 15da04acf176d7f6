package rtc

import (
	"bytes"
	"context"
	"encoding/binary"
	"os"
	"os/exec"
	"path/filepath"
	"sort"
	"sync"
	"testing"
	"time"

	"github.com/streamcat/streamcat/internal/media"
)

var clipStart = time.Date(2026, 11, 20, 18, 30, 0, 0, time.UTC)

const (
	videoType = 102
	audioType = 111
)

// wire is an RTP packet on its way, or a sender report.
type wire struct {
	kind   Kind
	at     time.Duration // when it comes, from the beginning
	data   []byte
	ntp    uint64 // of a sender report
	rtp    uint32
	report bool
	marker bool
}

// coded is what an encoder made.
type coded struct {
	at     time.Duration
	nals   [][]byte // of a picture
	packet []byte   // of sound
}

// encodeWHIP has ffmpeg encode a test picture and a tone as browsers send them: H.264 without B-frames,
// and Opus in packets of 20 ms. source is a lavfi graph with outputs v and a; empty is a test picture and
// a tone.
func encodeWHIP(t testing.TB, source, length string, more ...string) (video, audio []coded) {
	t.Helper()
	if source == "" {
		source = "testsrc2=size=320x180:rate=30[out0];sine=frequency=440:sample_rate=48000[out1]"
	}
	dir := t.TempDir()
	h264, ogg := filepath.Join(dir, "v.h264"), filepath.Join(dir, "a.ogg")
	args := append([]string{
		"-v", "error", "-nostdin", "-f", "lavfi", "-t", length, "-i", source,
		"-map", "0:v", "-c:v", "libx264", "-preset", "ultrafast", "-tune", "zerolatency", "-profile:v", "baseline", "-pix_fmt", "yuv420p",
		"-g", "60", "-x264-params", "aud=1:slices=1:threads=1",
	}, more...)
	args = append(args, "-f", "h264", h264, "-map", "0:a", "-c:a", "libopus", "-b:a", "48k", "-ac", "2", "-frame_duration", "20", "-page_duration", "20000", "-f", "ogg", ogg)
	if out, err := exec.Command("ffmpeg", args...).CombinedOutput(); err != nil {
		t.Fatalf("ffmpeg: %v\n%s", err, out)
	}
	stream, err := os.ReadFile(h264)
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, nal := range annexB(stream) {
		if nal[0]&0x1F == nalAUD {
			video = append(video, coded{at: time.Duration(n) * time.Second / 30})
			n++
			continue
		}
		last := &video[len(video)-1]
		last.nals = append(last.nals, nal)
	}
	if stream, err = os.ReadFile(ogg); err != nil {
		t.Fatal(err)
	}
	for i, p := range oggPackets(stream)[2:] {
		audio = append(audio, coded{at: time.Duration(i) * 20 * time.Millisecond, packet: p})
	}
	return video, audio
}

func annexB(b []byte) (nals [][]byte) {
	for _, nal := range bytes.Split(b, []byte{0, 0, 1}) {
		if nal = bytes.TrimRight(nal, "\x00"); len(nal) > 0 {
			nals = append(nals, nal)
		}
	}
	return nals
}

func oggPackets(b []byte) (packets [][]byte) {
	var open []byte
	for len(b) >= 27 && string(b[:4]) == "OggS" {
		n := int(b[26])
		at := 27 + n
		for _, lace := range b[27 : 27+n] {
			open = append(open, b[at:at+int(lace)]...)
			at += int(lace)
			if lace < 255 {
				packets = append(packets, open)
				open = nil
			}
		}
		b = b[at:]
	}
	return packets
}

// packetizer makes RTP packets of what an encoder made (RFC 6184, RFC 7587).
type packetizer struct {
	seq   uint16
	base  uint32 // RTP time of the beginning
	whole bool   // packetization mode 0: each NAL unit in one packet
}

func (p *packetizer) packet(kind Kind, at time.Duration, marker bool, payload []byte) wire {
	rate, kindOf, ssrc := uint64(90000), byte(videoType), uint32(1111)
	if kind == Audio {
		rate, kindOf, ssrc = 48000, audioType, 2222
	}
	rtp := p.base + uint32(uint64(at)*rate/uint64(time.Second))
	b := []byte{0x80, kindOf}
	if marker {
		b[1] |= 0x80
	}
	b = binary.BigEndian.AppendUint16(b, p.seq)
	b = binary.BigEndian.AppendUint32(b, rtp)
	b = binary.BigEndian.AppendUint32(b, ssrc)
	if p.seq%3 == 0 { // header extensions, as browsers send them
		b[0] |= 0x10
		b = append(b, 0xBE, 0xDE, 0, 1, 0x10, 0xAA, 0, 0)
	}
	p.seq++
	return wire{kind: kind, at: at, data: append(b, payload...), marker: marker, rtp: rtp}
}

const mtu = 1100

func (p *packetizer) picture(c coded) (out []wire) {
	var payloads [][]byte
	var stap []byte
	for _, nal := range c.nals {
		kind := nal[0] & 0x1F
		switch {
		case p.whole:
			payloads = append(payloads, nal)
		case kind == nalSPS || kind == nalPPS || kind == nalSEI && len(nal) < 200:
			if stap == nil {
				stap = []byte{0x78}
			}
			stap = append(binary.BigEndian.AppendUint16(stap, uint16(len(nal))), nal...)
		default:
			if stap != nil {
				payloads, stap = append(payloads, stap), nil
			}
			if len(nal) <= mtu {
				payloads = append(payloads, nal)
				continue
			}
			for at := 1; at < len(nal); at += mtu {
				end := min(at+mtu, len(nal))
				head := kind
				if at == 1 {
					head |= 0x80
				}
				if end == len(nal) {
					head |= 0x40
				}
				payloads = append(payloads, append([]byte{nal[0]&0xE0 | nalFUA, head}, nal[at:end]...))
			}
		}
	}
	if stap != nil {
		payloads = append(payloads, stap)
	}
	for i, b := range payloads {
		out = append(out, p.packet(Video, c.at, i == len(payloads)-1, b))
	}
	return out
}

// broadcast gives all packets of a clip in the order of their arrival.
func broadcast(video, audio []coded) []wire {
	return packets(&packetizer{seq: 65500, base: 1<<32 - 100_000}, &packetizer{seq: 7, base: 1<<32 - 30_000}, video, audio)
}

func packets(pv, pa *packetizer, video, audio []coded) (all []wire) {
	for _, c := range video {
		all = append(all, pv.picture(c)...)
	}
	for _, c := range audio {
		all = append(all, pa.packet(Audio, c.at, false, c.packet))
	}
	sortWires(all)
	return all
}

func sortWires(all []wire) {
	sort.SliceStable(all, func(i, j int) bool { return all[i].at < all[j].at })
}

// reports adds sender reports once per second, the first after a second.
func reports(all []wire) (out []wire) {
	next := map[Kind]time.Duration{Video: time.Second, Audio: time.Second}
	for _, w := range all {
		if w.at >= next[w.kind] {
			next[w.kind] += time.Second
			out = append(out, wire{kind: w.kind, at: w.at, report: true, rtp: w.rtp, ntp: ntpOf(w.at)})
		}
		out = append(out, w)
	}
	return out
}

func ntpOf(at time.Duration) uint64 {
	at += 3_900_000_000 * time.Second
	return uint64(at/time.Second)<<32 | uint64(at%time.Second)<<32/uint64(time.Second)
}

// gate admits whoever has its key.
type gate struct {
	stream *media.Stream
	asked  []media.Publisher
	err    error
}

func (g *gate) Admit(_ context.Context, p media.Publisher) (*media.Stream, error) {
	g.asked = append(g.asked, p)
	if g.err != nil {
		return nil, g.err
	}
	return g.stream, nil
}

// peer notes what is asked of the session.
type fakePeer struct {
	mu     sync.Mutex
	keys   int
	closed []error
}

func (p *fakePeer) KeyFrame(uint32) {
	p.mu.Lock()
	p.keys++
	p.mu.Unlock()
}

func (p *fakePeer) Close(err error) {
	p.mu.Lock()
	p.closed = append(p.closed, err)
	p.mu.Unlock()
}

func (p *fakePeer) asked() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.keys
}

// rig is a publication with a clock of its own, and all frames that came out of it.
type rig struct {
	t      testing.TB
	peer   *fakePeer
	pub    *framesOf
	sinks  map[Kind]Sink
	stream *media.Stream
	reader *media.Reader
	frames []*media.Frame
	now    time.Time
	looked time.Time
}

func newRig(t testing.TB, o FramesOptions) *rig {
	t.Helper()
	r := &rig{t: t, peer: &fakePeer{}, sinks: map[Kind]Sink{}, stream: media.NewStream(), now: clipStart, looked: clipStart}
	o.Now = func() time.Time { return r.now }
	// The rig looks by its own clock: the publication is not started.
	r.pub = &framesOf{stream: r.stream, o: NewFrames(nil, o).(*frames).o, over: make(chan struct{}), watched: make(chan struct{})}
	r.reader = r.stream.NewReader(media.ReaderOptions{Frames: 1 << 20, Bytes: 1 << 30})
	t.Cleanup(r.reader.Close)
	return r
}

// send lets packets arrive, and the publication look after itself in between.
func (r *rig) send(all []wire) {
	for _, w := range all {
		r.advance(w.at)
		s := r.sinks[w.kind]
		if s == nil {
			track := Track{Kind: Video, SSRC: 1111, PayloadType: videoType, ClockRate: 90000}
			if w.kind == Audio {
				track = Track{Kind: Audio, SSRC: 2222, PayloadType: audioType, ClockRate: 48000}
			}
			s = r.pub.Track(track, r.peer)
			r.sinks[w.kind] = s
		}
		if w.report {
			s.SenderReport(w.ntp, w.rtp, r.now)
			continue
		}
		s.Write(w.data, r.now)
	}
}

// rest lets time pass.
func (r *rig) rest(d time.Duration) {
	for end := r.now.Add(d); r.now.Before(end); r.pub.look(r.now) {
		r.now = r.now.Add(tick)
		r.looked = r.now
	}
}

// advance lets time pass up to at, counted from the beginning.
func (r *rig) advance(at time.Duration) {
	to := clipStart.Add(at)
	for ; r.looked.Add(tick).Before(to); r.pub.look(r.looked) {
		r.looked = r.looked.Add(tick)
		r.now = r.looked
	}
	if to.After(r.now) {
		r.now = to
	}
}

// end ends the stream in good order and gives all frames.
func (r *rig) end() (video, audio []*media.Frame) {
	r.t.Helper()
	r.stream.Close()
	for {
		fs, err := r.reader.Next(context.Background())
		if err != nil {
			break
		}
		r.frames = append(r.frames, fs...)
	}
	last := map[Kind]time.Duration{}
	for _, f := range r.frames {
		kind := Video
		if f.Track.Kind == media.Audio {
			kind = Audio
			audio = append(audio, f)
		} else {
			video = append(video, f)
		}
		if f.DTS <= last[kind] {
			r.t.Errorf("%v frame at %v after one at %v", kind, f.DTS, last[kind])
		}
		last[kind] = f.DTS
		if f.Arrived.IsZero() {
			r.t.Errorf("%v frame at %v has no arrival", kind, f.DTS)
		}
	}
	return video, audio
}
