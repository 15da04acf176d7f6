package channel

import (
	"fmt"
	"math"
	"strings"
	"time"
)

// Advice is one thing that an encoder should do otherwise.
type Advice struct {
	Code     AdviceCode
	Severity Severity
	Since    time.Time
	Message  string // what was found and what it does, a sentence or two
	Remedy   string // the encoder's own field, and what to set it to
}

// advice lists what the coach says now, warnings first, in the order of the codes.
func (c *coach) advice(encoder string) (warnings []Advice) {
	var hints []Advice
	kind := encoderKindOf(encoder)
	c.mu.Lock()
	defer c.mu.Unlock()
	for i := range c.verdicts {
		v := &c.verdicts[i]
		if !v.on {
			continue
		}
		code := AdviceCode(i)
		a := Advice{Code: code, Severity: code.Severity(), Since: v.since, Message: c.message(code, v.value), Remedy: c.remedy(code, kind)}
		if a.Severity == Warning {
			warnings = append(warnings, a)
		} else {
			hints = append(hints, a)
		}
	}
	return append(warnings, hints...)
}

// message says what was measured. The caller holds mu.
func (c *coach) message(code AdviceCode, value float64) string {
	switch code {
	case BFrames:
		return "The encoder sends B-frames: pictures come in another order than they are shown, which costs delay, and browsers cannot show them in real time."
	case LongKeyframeInterval:
		return fmt.Sprintf("Key frames come %.1f s apart, so viewers wait long for their first picture and lag behind.", value)
	case IrregularKeyframeInterval:
		return fmt.Sprintf("Key frames come at uneven times, up to %.1f s apart, so segments differ in length.", value)
	case VariableFrameRate:
		return fmt.Sprintf("The frame rate is not constant: %.0f %% of the pictures come too early or too late, and motion stutters.", value)
	case ClockDrift:
		if value < 0 {
			return fmt.Sprintf("The encoder's clock runs %.1f %% too fast: picture and sound come earlier and earlier.", -value)
		}
		return fmt.Sprintf("The encoder's clock runs %.1f %% too slow: picture and sound come later and later.", value)
	case FallingBehind:
		return fmt.Sprintf("Only %.0f %% of real time arrives: the upload or the encoder does not keep up, and viewers see the picture stop.", value)
	case MissingAudio:
		return "No sound arrives."
	case AudioDropouts:
		return fmt.Sprintf("The sound has holes: %.0f times within the last minute.", value)
	case LowAudioBitrate:
		return fmt.Sprintf("The sound has %.0f kb/s; music wants 96 kb/s or more.", value/1000)
	case LowVideoBitrate:
		return fmt.Sprintf("The picture has %s, far less than the %s that the encoder announces.", megabits(value), megabits(float64(c.video.Bitrate)))
	case UnsteadyVideoBitrate:
		return "The bitrate of the picture swings widely, which slow lines of viewers cannot follow."
	case HighVideoBitrate:
		return fmt.Sprintf("The picture has %s, more than the %s that a channel of this type takes.", megabits(value), megabits(float64(c.limit())))
	case LargePicture:
		return fmt.Sprintf("The picture has %d × %d pixels, more than the 1920 × 1080 that a channel takes.", c.video.Width, c.video.Height)
	}
	panic("channel: an advice without words: " + code.String())
}

func megabits(rate float64) string {
	if rate < 1e6 {
		return fmt.Sprintf("%.0f kb/s", rate/1000)
	}
	return fmt.Sprintf("%.1f Mb/s", rate/1e6)
}

// encoderKind is whose fields an advice names.
type encoderKind int

const (
	anyEncoder encoderKind = iota
	obs
	ffmpeg
	larix
	vmix
	gstreamer
	browser
)

// encoderKindOf knows encoders by what they say of themselves: the "encoder" of RTMP's metadata, or a user agent.
func encoderKindOf(name string) encoderKind {
	name = strings.ToLower(name)
	for _, k := range []struct {
		part string
		kind encoderKind
	}{
		{"obs", obs},
		{"streamlabs", obs},
		{"lavf", ffmpeg},
		{"ffmpeg", ffmpeg},
		{"larix", larix},
		{"vmix", vmix},
		{"gstreamer", gstreamer},
		{"mozilla", browser},
		{"chrom", browser},
		{"firefox", browser},
		{"safari", browser},
		{"edge", browser},
		{"browser", browser},
	} {
		if strings.Contains(name, k.part) {
			return k.kind
		}
	}
	return anyEncoder
}

// Fields of encoders, as their own manuals and windows call them. {g} is two seconds in pictures, {v} the
// highest bitrate of the picture in kbit/s.
var remedies = map[AdviceCode]map[encoderKind]string{
	BFrames: {
		anyEncoder: "B-frames: 0",
		obs:        "OBS → Settings → Output → Streaming → B-Frames: 0 (with x264, Tune: zerolatency)",
		ffmpeg:     "ffmpeg: -bf 0",
		larix:      "Larix → Settings → Video → Profile: Baseline",
		vmix:       "vMix → Settings → Outputs → Streaming quality → Profile: Baseline",
		gstreamer:  "GStreamer: x264enc bframes=0",
	},
	LongKeyframeInterval: {
		anyEncoder: "Keyframe interval: 2 s",
		obs:        "OBS → Settings → Output → Keyframe Interval: 2 s",
		ffmpeg:     "ffmpeg: -g {g}",
		larix:      "Larix → Settings → Video → Keyframe frequency: 2 s",
		vmix:       "vMix → Settings → Outputs → Streaming quality → Keyframe Latency: 2",
		gstreamer:  "GStreamer: x264enc key-int-max={g}",
	},
	VariableFrameRate: {
		anyEncoder: "Frame rate: constant",
		obs:        "OBS → View → Stats: look for frames missed or skipped; then Settings → Video → Common FPS Values: 30, or Output → a faster Encoder Preset",
		ffmpeg:     "ffmpeg: -r {f} -fps_mode cfr",
		larix:      "Larix → Settings → Video → Frame rate: 30",
		vmix:       "vMix → Settings → Display → Framerate: the one of your cameras",
		gstreamer:  "GStreamer: videorate ! video/x-raw,framerate={f}/1 before the encoder",
		browser:    "Close other tabs and programs: the browser skips pictures that it has no time for",
	},
	ClockDrift: {
		anyEncoder: "Audio clock: the same device for sound and picture",
		obs:        "OBS → Settings → Audio → Sample Rate: the one that your sound device has",
		ffmpeg:     "ffmpeg: -re for files, or -use_wallclock_as_timestamps 1 for devices",
		gstreamer:  "GStreamer: do-timestamp=true on the sources, and no sync=false",
	},
	FallingBehind: {
		anyEncoder: "Video bitrate: lower, or a faster preset",
		obs:        "OBS → Settings → Output → Video Bitrate: a third less, or Advanced → Network → Dynamically change bitrate to manage congestion",
		ffmpeg:     "ffmpeg: a lower -b:v, or -preset veryfast",
		larix:      "Larix → Settings → Video → Bitrate: lower, or Adaptive bitrate streaming: on",
		vmix:       "vMix → Settings → Outputs → Streaming quality → Video Bitrate: lower",
		gstreamer:  "GStreamer: x264enc bitrate= lower, or speed-preset=veryfast",
		browser:    "Use a faster network, or a smaller picture",
	},
	MissingAudio: {
		anyEncoder: "Audio: on",
		obs:        "OBS → Settings → Audio → Desktop Audio and Mic/Auxiliary Audio: your devices",
		ffmpeg:     "ffmpeg: -map the sound in, with -c:a aac -b:a 160k",
		larix:      "Larix → Settings → Connections → Mode: Audio + Video",
		vmix:       "vMix → Audio Mixer → Master: on",
		gstreamer:  "GStreamer: link an audio branch with an AAC encoder to the muxer",
		browser:    "Choose a microphone on the page, and allow it",
	},
	AudioDropouts: {
		anyEncoder: "Audio device: check cable and driver",
		obs:        "OBS → Settings → Advanced → Audio → Monitoring Device: another one; and Settings → Audio → Sample Rate: 48 kHz",
		ffmpeg:     "ffmpeg: -af aresample=async=1, and a larger -thread_queue_size for the input",
		gstreamer:  "GStreamer: audiorate before the encoder",
		browser:    "Choose another microphone on the page",
	},
	LowAudioBitrate: {
		anyEncoder: "Audio bitrate: 160 kb/s",
		obs:        "OBS → Settings → Output → Audio Bitrate: 160",
		ffmpeg:     "ffmpeg: -b:a 160k",
		larix:      "Larix → Settings → Audio → Bitrate: 160 kbps",
		vmix:       "vMix → Settings → Outputs → Streaming quality → Audio Bitrate: 160",
		gstreamer:  "GStreamer: avenc_aac bitrate=160000",
	},
	LowVideoBitrate: {
		anyEncoder: "Video bitrate: what your upload takes",
		obs:        "OBS → Settings → Output → Rate Control: CBR, and Video Bitrate: what your upload takes",
		ffmpeg:     "ffmpeg: -b:v with -minrate and -maxrate of the same value",
		larix:      "Larix → Settings → Video → Bitrate: what your upload takes",
		vmix:       "vMix → Settings → Outputs → Streaming quality → Video Bitrate: what your upload takes",
		gstreamer:  "GStreamer: x264enc pass=cbr bitrate={v}",
		browser:    "Use a faster network",
	},
	UnsteadyVideoBitrate: {
		anyEncoder: "Rate control: CBR",
		obs:        "OBS → Settings → Output → Rate Control: CBR",
		ffmpeg:     "ffmpeg: -maxrate and -bufsize of -b:v",
		vmix:       "vMix → Settings → Outputs → Streaming quality → Strict CBR: on",
		gstreamer:  "GStreamer: x264enc pass=cbr",
	},
	HighVideoBitrate: {
		anyEncoder: "Video bitrate: {v} kb/s or less",
		obs:        "OBS → Settings → Output → Video Bitrate: {v} Kbps or less",
		ffmpeg:     "ffmpeg: -maxrate {v}k -bufsize {v}k",
		larix:      "Larix → Settings → Video → Bitrate: {v} kbps or less",
		vmix:       "vMix → Settings → Outputs → Streaming quality → Video Bitrate: {v} or less",
		gstreamer:  "GStreamer: x264enc bitrate={v} or less",
	},
	LargePicture: {
		anyEncoder: "Output resolution: 1920 × 1080",
		obs:        "OBS → Settings → Video → Output (Scaled) Resolution: 1920x1080",
		ffmpeg:     "ffmpeg: -vf scale=-2:1080",
		larix:      "Larix → Settings → Video → Resolution: 1920x1080",
		vmix:       "vMix → Settings → Outputs → Output Size: 1920 x 1080",
		gstreamer:  "GStreamer: videoscale ! video/x-raw,width=1920,height=1080 before the encoder",
		browser:    "Choose a camera picture of at most 1920 × 1080",
	},
}

// remedy names the field of an encoder. The caller holds mu.
func (c *coach) remedy(code AdviceCode, kind encoderKind) string {
	if code == IrregularKeyframeInterval {
		code = LongKeyframeInterval
	}
	text := remedies[code][kind]
	if text == "" {
		text = remedies[code][anyEncoder]
	}
	return strings.NewReplacer(
		"{g}", fmt.Sprint(2*c.frameRate()), "{f}", fmt.Sprint(c.frameRate()), "{v}", fmt.Sprint(c.bitrateTo()),
	).Replace(text)
}

// frameRate is what the encoder announces, or else the usual.
func (c *coach) frameRate() int {
	if c.video != nil && c.video.FrameRate >= 1 {
		return int(math.Round(c.video.FrameRate))
	}
	return 30
}

// bitrateTo is what the picture may have, in kbit/s.
func (c *coach) bitrateTo() int64 { return c.limit() / 1000 }
