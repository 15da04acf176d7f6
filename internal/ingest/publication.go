package ingest

import (
	"bytes"
	"math"
	"runtime"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/streamcat/streamcat/internal/media"
)

// declared is what onMetaData says of the tracks; zero where it says nothing.
type declared struct {
	frameRate    float64
	video, audio media.Bitrate
}

// publication turns the messages of one publisher into the frames of its stream.
type publication struct {
	stream *media.Stream
	arena  arena
	clock  clock
	pace   schedule
	since  time.Time // what is taken next came after that; zero: when it was read
	said   declared
	info   media.Info

	pictures videoTracks

	audioConfig []byte       // as it came
	audio       *media.Track // nil until there is a decoder configuration
	audioClock  trackClock

	videos, audios int64 // frames written
	early          int64 // frames that came before their configuration, or held no picture
}

// alloc is where messages of this publisher are put together: frames stay where they are.
func (p *publication) alloc(kind byte, n int) []byte {
	if kind == msgVideo || kind == msgAudio {
		return p.arena.buffer(n)
	}
	return make([]byte, 0, n)
}

// spare is how long nobody waits for what comes next.
func (p *publication) spare(now time.Time) time.Duration {
	d := p.pace.spare(p.stream.Due(), now)
	if d < 0 {
		runtime.Gosched() // who got what it waited for has not said yet what it wants next
		d = p.pace.spare(p.stream.Due(), now)
	}
	return d
}

// onVideo takes the body of a video tag; b becomes the frames'.
func (p *publication) onVideo(b []byte, timestamp uint32, arrived time.Time) error {
	return eachVideo(b, func(tag flvTag) error {
		switch tag.packet {
		case packetConfig:
			return p.configureVideo(tag)
		case packetFrame:
			return p.picture(tag, timestamp, arrived)
		}
		return nil
	})
}

func (p *publication) picture(tag flvTag, timestamp uint32, arrived time.Time) error {
	v := p.pictures.find(tag.track)
	if v == nil || v.codec != tag.codec {
		p.early++
		return nil
	}
	shown := time.Duration(tag.offset) * time.Millisecond
	if shown.Abs() > maxShown {
		return errShown
	}
	pic, err := v.decoder.accessUnit(tag.data)
	if err != nil {
		return err
	}
	if pic.changed && v.decoder.whole() {
		if err := v.decoder.rebuild(); err != nil {
			return err
		}
		if err := p.describe(v); err != nil {
			return err
		}
	}
	if pic.payload == nil || v.track == nil {
		p.early++
		return nil
	}
	if !p.pictures.settled {
		p.pictures.settle()
		p.count()
	}
	f := p.arena.frame()
	f.Track, f.Key, f.Payload = v.track, pic.key, pic.payload
	f.DTS = p.clock.at(&v.clock, timestamp) + time.Duration(tag.nano)
	p.pace.note(f.DTS, p.since, arrived)
	f.Arrived = p.pace.came(f.DTS, p.since, arrived)
	f.PTS = max(f.DTS+shown, 0)
	p.videos++
	return p.stream.Write(f)
}

func (p *publication) configureVideo(tag flvTag) error {
	d, err := parseVideoConfig(tag.codec, tag.data)
	if err != nil {
		return err
	}
	v := p.pictures.find(tag.track)
	if v == nil {
		if v, err = p.pictures.add(tag.track); err != nil {
			return err
		}
		p.count()
	} else if v.decoder.same(d) {
		return nil // encoders repeat it: the track stays the same one
	}
	v.codec, v.decoder = tag.codec, d
	if !d.whole() {
		v.track = nil
		return nil
	}
	return p.describe(v)
}

// describe makes the track of what v's decoder now says.
func (p *publication) describe(v *videoTrack) (err error) {
	said := p.said
	if own, ok := p.pictures.said[v.number]; ok {
		said = own
	}
	v.track, err = v.decoder.track(v.id, said)
	return err
}

// count tells readers how many video tracks there will be, as far as that is known. Frames of the first
// one come after the configurations of all from encoders that keep to good manners.
func (p *publication) count() {
	p.tell(func(i *media.Info) { i.Videos = p.pictures.expected() })
}

func (p *publication) tell(change func(*media.Info)) {
	i := p.info
	if change(&i); i != p.info {
		p.info = i
		p.stream.Describe(i)
	}
}

// onAudio takes the body of an audio tag; b becomes the frame's.
func (p *publication) onAudio(b []byte, timestamp uint32, arrived time.Time) error {
	return eachAudio(b, func(tag flvTag) error {
		switch tag.packet {
		case packetConfig:
			return p.configureAudio(tag)
		case packetChannels:
			// Its second byte is the number of channels. Other codecs say it in their configuration.
			if tag.codec == media.Opus && len(tag.data) >= 2 && tag.data[1] > 2 {
				return badAudio(media.Opus, tooManyChannels)
			}
		case packetFrame:
			return p.sound(tag, timestamp, arrived)
		}
		return nil
	})
}

func (p *publication) sound(tag flvTag, timestamp uint32, arrived time.Time) error {
	if p.audio == nil || p.audio.Codec != tag.codec || len(tag.data) == 0 {
		p.early++
		return nil
	}
	f := p.arena.frame()
	f.Track, f.Key, f.Payload = p.audio, true, tag.data
	f.DTS = p.clock.at(&p.audioClock, timestamp) + time.Duration(tag.nano)
	f.Arrived = p.pace.came(f.DTS, p.since, arrived)
	f.PTS = f.DTS
	p.audios++
	return p.stream.Write(f)
}

func (p *publication) configureAudio(tag flvTag) error {
	known := p.audio != nil && p.audio.Codec == tag.codec
	if len(tag.data) == 0 && tag.codec == media.AAC || known && bytes.Equal(p.audioConfig, tag.data) {
		return nil
	}
	t, err := parseAudioConfig(tag.codec, bytes.Clone(tag.data))
	if err != nil {
		return err
	}
	t.Bitrate = p.said.audio
	p.audioConfig, p.audio = bytes.Clone(tag.data), t
	return nil
}

// onData takes the values of a data message. Only metadata means something here; tracks that are
// described already stay as they are, since a new Track would tell readers of a change of parameters.
func (p *publication) onData(values []any) {
	if len(values) > 0 && values[0] == "@setDataFrame" {
		values = values[1:]
	}
	if len(values) < 2 || values[0] != "onMetaData" {
		return
	}
	m, _ := values[1].(amfObject)
	p.said = declaredIn(m, declared{})
	p.pictures.said = map[byte]declared{}
	more, _ := m.get("videoTrackIdInfoMap").(amfObject)
	for _, track := range more {
		n, err := strconv.ParseUint(track.Name, 10, 8)
		if o, ok := track.Value.(amfObject); ok && err == nil && len(p.pictures.said) < maxVideoTracks {
			p.pictures.said[byte(n)] = declaredIn(o, p.said)
		}
	}
	p.tell(func(i *media.Info) {
		if e := printable(m.text("encoder"), 128); e != "" {
			i.Encoder = e
		}
		if len(p.pictures.said) > 0 {
			i.Videos = p.pictures.expected()
		}
	})
}

// declaredIn reads metadata; what is not in it is as in or.
func declaredIn(m amfObject, or declared) declared {
	either := func(name string, most, or float64) float64 {
		if v := positive(m.number(name), most); v > 0 {
			return v
		}
		return or
	}
	return declared{
		frameRate: either("framerate", 1000, or.frameRate),
		video:     media.Bitrate(either("videodatarate", 1e6, float64(or.video)/1000) * 1000),
		audio:     media.Bitrate(either("audiodatarate", 1e6, float64(or.audio)/1000) * 1000),
	}
}

func positive(v, most float64) float64 {
	if v > 0 && v <= most {
		return v
	}
	return 0
}

// printable cuts s to n bytes and takes out what is not text, since it will be logged and shown.
func printable(s string, n int) string {
	s = strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7F || r == utf8.RuneError {
			return -1
		}
		return r
	}, s)
	for len(s) > n {
		_, size := utf8.DecodeLastRuneInString(s)
		s = s[:len(s)-size]
	}
	return strings.TrimSpace(s)
}

// seconds rounds a duration for logs.
func seconds(d time.Duration) float64 { return math.Round(d.Seconds()*10) / 10 }
