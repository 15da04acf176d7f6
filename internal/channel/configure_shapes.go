package channel

import (
	"encoding/json"
	"slices"
	"strings"

	"github.com/streamcat/streamcat/internal/fault"
)

// configurationRequest is what an encoder says of itself, as far as it counts here. Members that are not known
// are passed over: newer encoders have more.
type configurationRequest struct {
	Authentication string `json:"authentication"` // the stream key, a secret
	Client         struct {
		SupportedCodecs []string `json:"supported_codecs"`
	} `json:"client"`
	Capabilities struct {
		GPU []struct {
			VendorID int64 `json:"vendor_id"` // of PCI
		} `json:"gpu"`
	} `json:"capabilities"`
	Preferences configurationPreferences `json:"preferences"`
}

// configurationPreferences are the encoder's settings. Bitrates are in kbit/s.
type configurationPreferences struct {
	MaximumVideoTracks        *int64     `json:"maximum_video_tracks"`
	MaximumAggregateBitrate   *int64     `json:"maximum_aggregate_bitrate"`
	MaximumStreamingBandwidth *int64     `json:"maximum_streaming_bandwidth"` // the same by another name
	Width                     int64      `json:"width"`
	Height                    int64      `json:"height"`
	CanvasWidth               int64      `json:"canvas_width"`
	CanvasHeight              int64      `json:"canvas_height"`
	Framerate                 *framerate `json:"framerate"`
	VodTrackAudio             bool       `json:"vod_track_audio"`
}

type framerate struct {
	Numerator   int64 `json:"numerator"`
	Denominator int64 `json:"denominator"`
}

// parseConfigurationRequest reads a request. Its error is an Invalid fault that repeats nothing of it.
func parseConfigurationRequest(body []byte) (*configurationRequest, error) {
	var in configurationRequest
	if err := json.Unmarshal(body, &in); err != nil {
		return nil, fault.InvalidInput("the request is not the JSON of a GetClientConfiguration")
	}
	p := &in.Preferences
	for _, n := range []int64{p.Width, p.Height, p.CanvasWidth, p.CanvasHeight} {
		if n < 0 || n > 16384 {
			return nil, fault.InvalidInput("a picture's edge must be 0 to 16384 pixels")
		}
	}
	for _, n := range []*int64{p.MaximumVideoTracks, p.MaximumAggregateBitrate, p.MaximumStreamingBandwidth} {
		if n != nil && (*n < 0 || *n > 1<<31) {
			return nil, fault.InvalidInput("a maximum of the preferences is out of its limits")
		}
	}
	if f := p.Framerate; f != nil && (f.Numerator <= 0 || f.Denominator <= 0 || f.Numerator > 1<<31 || f.Denominator > 1<<31 || f.Numerator/f.Denominator > 1000) {
		return nil, fault.InvalidInput("the framerate is out of its limits")
	}
	if len(in.Authentication) > 256 {
		return nil, fault.InvalidInput("the stream key is too long")
	}
	return &in, nil
}

// tracks is how many video tracks the encoder wants at most; 0 where it does not say.
func (p *configurationPreferences) tracks() int {
	if p.MaximumVideoTracks == nil {
		return 0
	}
	return int(*p.MaximumVideoTracks)
}

// kbps is how much the encoder wants to send at most; 0 where it does not say.
func (p *configurationPreferences) kbps() int {
	n := int64(0)
	for _, v := range []*int64{p.MaximumAggregateBitrate, p.MaximumStreamingBandwidth} {
		if v != nil && *v > 0 && (n == 0 || *v < n) {
			n = *v
		}
	}
	return int(n)
}

// shape is the size of the picture that the encoder would send.
func (p *configurationPreferences) shape() [2]int {
	for _, s := range [][2]int64{{p.Width, p.Height}, {p.CanvasWidth, p.CanvasHeight}} {
		if s[0] >= 16 && s[1] >= 16 && max(s[0], s[1]) <= 8*min(s[0], s[1]) {
			return [2]int{int(s[0]), int(s[1])}
		}
	}
	return [2]int{1920, 1080}
}

// rate is the frame rate of a rendition of some lines.
func (p *configurationPreferences) rate(lines int) framerate {
	f := framerate{30, 1}
	if p.Framerate != nil {
		f = *p.Framerate
	}
	for f.Numerator > 60*f.Denominator || lines < smallLines && f.Numerator > fastPicture*f.Denominator {
		f.Denominator *= 2
	}
	return f
}

// encoderCodec is how a codec is called, and by which encoders of OBS it is made: by PCI vendor of the graphics
// card, 0 without one.
type encoderCodec struct {
	names    []string // in supported_codecs
	profile  string
	encoders map[int64]string
}

const (
	vendorNVIDIA = 0x10de
	vendorAMD    = 0x1002
	vendorIntel  = 0x8086
)

// encoderCodecs are in the order of our preference: what every player has comes first.
var encoderCodecs = []encoderCodec{
	{[]string{"h264", "avc"}, "high", map[int64]string{0: "obs_x264", vendorNVIDIA: "obs_nvenc_h264_tex", vendorAMD: "h264_texture_amf", vendorIntel: "obs_qsv11_v2"}},
	{[]string{"hevc", "h265"}, "main", map[int64]string{vendorNVIDIA: "obs_nvenc_hevc_tex", vendorAMD: "h265_texture_amf", vendorIntel: "obs_qsv11_hevc"}},
	{[]string{"av1"}, "main", map[int64]string{0: "ffmpeg_svt_av1", vendorNVIDIA: "obs_nvenc_av1_tex", vendorAMD: "av1_texture_amf", vendorIntel: "obs_qsv11_av1"}},
}

// chosenEncoder is what makes all renditions.
type chosenEncoder struct{ kind, profile string }

// codec chooses an encoder among those the client has; nil if there is none that we take. A client that names
// no codecs has H.264.
func (in *configurationRequest) codec() *chosenEncoder {
	for _, c := range encoderCodecs {
		has := func(name string) bool {
			return slices.ContainsFunc(in.Client.SupportedCodecs, func(s string) bool { return strings.EqualFold(s, name) })
		}
		if len(in.Client.SupportedCodecs) > 0 && !slices.ContainsFunc(c.names, has) {
			continue
		}
		for _, g := range in.Capabilities.GPU {
			if kind := c.encoders[g.VendorID]; kind != "" {
				return &chosenEncoder{kind, c.profile}
			}
		}
		if kind := c.encoders[0]; kind != "" {
			return &chosenEncoder{kind, c.profile}
		}
	}
	return nil
}

// configuration is the answer.
type configuration struct {
	Meta      configurationMeta      `json:"meta"`
	Status    *configurationStatus   `json:"status"`
	Endpoints []IngestEndpoint       `json:"ingest_endpoints"`
	Encoders  []encoderConfiguration `json:"encoder_configurations"`
	Audio     audioConfigurations    `json:"audio_configurations"`
}

type configurationMeta struct {
	ID      string `json:"config_id"`
	Schema  string `json:"schema_version"`
	Service string `json:"service"`
}

// configurationStatus: Result is "success", "warning" or "error"; the sentence goes with the latter two.
type configurationStatus struct {
	Result string `json:"result"`
	Text   string `json:"html_en_us,omitempty"`
}

type encoderConfiguration struct {
	Type      string          `json:"type"` // OBS's name of the encoder
	Width     int             `json:"width"`
	Height    int             `json:"height"`
	Framerate framerate       `json:"framerate"`
	Scaling   string          `json:"gpu_scale_type"`
	Settings  encoderSettings `json:"settings"`
}

type encoderSettings struct {
	Bitrate     int    `json:"bitrate"` // kbit/s
	KeyInterval int    `json:"keyint_sec"`
	BFrames     int    `json:"bf"`
	Profile     string `json:"profile"`
	RateControl string `json:"rate_control"`
	Lookahead   bool   `json:"lookahead"`
}

type audioConfigurations struct {
	Live []audioConfiguration `json:"live"`
	Vod  []audioConfiguration `json:"vod,omitempty"`
}

type audioConfiguration struct {
	Codec    string `json:"codec"`
	Channels int    `json:"channels"`
	Track    int    `json:"track_id"`
	Settings struct {
		Bitrate int `json:"bitrate"` // kbit/s
	} `json:"settings"`
}

// encoderOf describes a rendition. B-frames are left out: viewers in real time cannot have them.
func encoderOf(r rung, shape [2]int, p *configurationPreferences, c *chosenEncoder) encoderConfiguration {
	width, height := scaled(shape[0], shape[1], r.lines)
	return encoderConfiguration{
		Type: c.kind, Width: width, Height: height, Framerate: p.rate(r.lines), Scaling: "OBS_SCALE_BICUBIC",
		Settings: encoderSettings{Bitrate: r.kbps, KeyInterval: 2, Profile: c.profile, RateControl: "CBR"},
	}
}

// soundOf gives one track for viewers, and one for recordings where the encoder keeps them apart.
func soundOf(p *configurationPreferences) audioConfigurations {
	sound := audioConfiguration{Codec: "aac", Channels: 2, Track: 1}
	sound.Settings.Bitrate = soundKbps
	out := audioConfigurations{Live: []audioConfiguration{sound}}
	if p.VodTrackAudio {
		sound.Track = 2
		out.Vod = []audioConfiguration{sound}
	}
	return out
}
