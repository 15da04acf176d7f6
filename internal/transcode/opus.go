package transcode

import (
	"bufio"
	"encoding/binary"
	"errors"
	"io"
	"log/slog"
	"strconv"
	"time"

	"github.com/streamcat/streamcat/internal/media"
)

const (
	opusBitrate = media.Bitrate(96e3)
	// opusSlip is by how many samples sound may be off its time: encoders round times to whole milliseconds. More
	// of a gap stays one, and more of too much sound is left out.
	opusSlip = 3 * aacFrame
)

// OpusOptions are for NewOpus; the zero value is fine.
type OpusOptions struct {
	Log     *slog.Logger
	Bitrate media.Bitrate // default 96 kb/s

	stall time.Duration
}

// Opus makes Opus, stereo, in packets of 20 ms, of one stream's AAC frames.
type Opus struct {
	sound
	head  adtsHead
	track *media.Track
	write func(*media.Frame)
}

// ErrNotAAC says that a track is no AAC-LC of one or two channels.
var ErrNotAAC = errors.New("transcode: the sound is not AAC-LC of one or two channels")

// ErrNoOpus says that this ffmpeg cannot make Opus.
var ErrNoOpus = errors.New("transcode: this ffmpeg has no libopus")

// NewOpus starts a child for the frames of a track of AAC-LC. Its frames go to write, from one goroutine, with
// timestamps in step with those of the AAC frames, which only grow. The caller must Close it.
func (f *FFmpeg) NewOpus(t *media.Track, o OpusOptions, write func(*media.Frame)) (*Opus, error) {
	if !lists(f.encoders, "libopus") {
		return nil, ErrNoOpus
	}
	head, ok := adtsHeadOf(t)
	if !ok {
		return nil, ErrNotAAC
	}
	if o.Bitrate <= 0 {
		o.Bitrate = opusBitrate
	}
	p := &Opus{head: head, write: write, track: &media.Track{
		ID: media.FirstAudio, Kind: media.Audio, Codec: media.Opus, Config: []byte{0, 2, 0, 0, 0, 0, 0xBB, 0x80, 0, 0, 0},
		SampleRate: opusRate, Channels: 2, Bitrate: o.Bitrate,
	}}
	p.init(f, "Opus encoder", int64(adtsRates[head.rate]), o.Log, o.stall)
	go p.run(p.feed, p.read,
		"-probesize", "32", "-analyzeduration", "0", "-f", "aac", "-i", "pipe:0",
		"-map", "0:a:0", "-c:a", "libopus", "-b:a", strconv.FormatInt(int64(o.Bitrate), 10), "-frame_duration", "20", "-ar", "48000", "-ac", "2", "-threads", "1",
		"-f", "ogg", "-page_duration", "1", "-flush_packets", "1", "pipe:1",
	)
	return p, nil
}

// feed writes what comes to the child, as ADTS.
func (p *Opus) feed(w io.Writer, ended <-chan struct{}) { p.each(w, ended, nil, p.place) }

// place appends a frame, unless there is too much sound for the time already.
func (p *Opus) place(b []byte, f *media.Frame) []byte {
	if len(f.Payload) == 0 || len(f.Payload) > adtsLongest || p.drift(f, opusSlip) < -opusSlip {
		return b
	}
	p.fed.Add(aacFrame)
	return append(p.head.append(b, len(f.Payload)), f.Payload...)
}

// read makes frames of what the child writes.
func (p *Opus) read(r io.Reader) error {
	in := oggReader{r: bufio.NewReaderSize(r, 8<<10)}
	head, err := in.next()
	if err == nil && (len(head) < 19 || string(head[:8]) != "OpusHead") {
		err = errOgg
	}
	if err != nil {
		return ended(err)
	}
	at := -int64(binary.LittleEndian.Uint16(head[10:])) // what the encoder put before the first sample
	if _, err = in.next(); err != nil {
		return ended(err)
	}
	last := time.Duration(-1)
	for {
		packet, err := in.next()
		if err != nil {
			return ended(err)
		}
		n := opusSamples(packet)
		if t := p.timeOf(floorDiv(at*p.rate, opusRate)); t >= 0 && t > last {
			last = t
			p.write(&media.Frame{Track: p.track, DTS: t, PTS: t, Arrived: time.Now(), Key: true, Payload: packet})
		}
		at += n
		p.made.Store(at * p.rate / opusRate)
	}
}

func floorDiv(a, b int64) int64 {
	q := a / b
	if a%b < 0 {
		q--
	}
	return q
}

// ended gives nil for an end in good order.
func ended(err error) error {
	if errors.Is(err, io.EOF) {
		return nil
	}
	return err
}
