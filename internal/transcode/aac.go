package transcode

import (
	"bufio"
	"errors"
	"io"
	"log/slog"
	"strconv"
	"time"

	"github.com/streamcat/streamcat/internal/media"
)

const (
	aacFrame   = 1024     // samples
	aacPriming = 1024     // samples that ffmpeg's encoder puts before the first
	longGap    = opusRate // samples of a gap that is not filled with silence
	aacBitrate = media.Bitrate(128e3)
)

// AACOptions are for NewAAC; the zero value is fine.
type AACOptions struct {
	Log     *slog.Logger
	Bitrate media.Bitrate // default 128 kb/s

	stall time.Duration
}

// AAC makes AAC-LC, stereo, 48 kHz, of one stream's Opus frames. What is missing of them is heard as silence.
type AAC struct {
	sound
	bitrate media.Bitrate
	write   func(*media.Frame)
}

// NewAAC starts a child. Its frames go to write, from one goroutine, with timestamps in step with those of
// the Opus frames. The caller must Close it.
func (f *FFmpeg) NewAAC(o AACOptions, write func(*media.Frame)) *AAC {
	if o.Bitrate <= 0 {
		o.Bitrate = aacBitrate
	}
	a := &AAC{bitrate: o.Bitrate, write: write}
	a.init(f, "AAC encoder", opusRate, o.Log, o.stall)
	go a.run(a.feed, a.read,
		// Little is to be read before anything comes out: what comes is known. Nothing of it may be thrown
		// away, as -fflags nobuffer does with what was probed: then the sound would come early.
		"-probesize", "32", "-analyzeduration", "0", "-f", "ogg", "-i", "pipe:0",
		"-map", "0:a:0", "-c:a", "aac", "-b:a", strconv.FormatInt(int64(a.bitrate), 10), "-ar", "48000", "-ac", "2", "-threads", "1",
		"-f", "adts", "-flush_packets", "1", "pipe:1",
	)
	return a
}

// feed writes what comes to the child, as Ogg.
func (a *AAC) feed(w io.Writer, ended <-chan struct{}) {
	var o oggWriter
	a.each(w, ended, o.appendHead(nil, 2), func(b []byte, f *media.Frame) []byte { return a.place(b, &o, f) })
}

// place appends a frame where it belongs: after silence if some came before is missing, and not at all if there
// is too much for the time. A long gap stays one.
func (a *AAC) place(b []byte, o *oggWriter, f *media.Frame) []byte {
	n := opusSamples(f.Payload)
	if n == 0 {
		return b
	}
	drift := a.drift(f, longGap)
	if drift <= -silenceSamples {
		return b
	}
	fed := a.fed.Load()
	for ; drift >= silenceSamples; drift -= silenceSamples {
		b = o.appendPacket(b, opusSilence, silenceSamples)
		fed += silenceSamples
	}
	b = o.appendPacket(b, f.Payload, n)
	a.fed.Store(fed + n)
	return b
}

// read makes frames of what the child writes.
func (a *AAC) read(r io.Reader) error {
	in := bufio.NewReaderSize(r, 8<<10)
	var track *media.Track
	var config [2]byte
	for next := int64(-aacPriming); ; next += aacFrame {
		f, err := readADTS(in)
		if err != nil {
			if errors.Is(err, io.EOF) {
				return nil
			}
			return err
		}
		if track == nil || f.config != config {
			config = f.config
			track = &media.Track{
				ID: media.FirstAudio, Kind: media.Audio, Codec: media.AAC, Config: config[:],
				SampleRate: f.rate, Channels: 2, Bitrate: a.bitrate,
			}
		}
		a.made.Store(next + 2*aacFrame)
		if at := a.timeOf(next); at >= 0 {
			a.write(&media.Frame{Track: track, DTS: at, PTS: at, Arrived: time.Now(), Key: true, Payload: f.payload})
		}
	}
}
