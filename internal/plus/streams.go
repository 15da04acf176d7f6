package plus

import (
	"context"
	"net/http"
	"regexp"
	"slices"
	"time"

	"github.com/streamcat/streamcat/internal/api"
	"github.com/streamcat/streamcat/internal/channel"
	"github.com/streamcat/streamcat/internal/fault"
	"github.com/streamcat/streamcat/internal/media"
)

// Streams knows what is measured of the streams of channels; *channel.Manager is one.
type Streams interface {
	// Report is NotLive of a channel that does not broadcast.
	Report(ctx context.Context, channelARN string) (channel.Report, error)
	// History is NotFound of a session that the channel did not have.
	History(ctx context.Context, channelARN, streamID string, from, before time.Time) ([]channel.Point, error)
}

func (s *Service) handleStreams() {
	one := func(v *visit) string { return s.channelARN(v.PathValue("id")) }
	s.handle(operation{"GetStreamHealth", "GET channels/{id}/health", http.StatusOK, nil, one, s.getStreamHealth})
	s.handle(operation{
		"GetSessionMetrics", "GET channels/{id}/sessions/{stream}/metrics", http.StatusOK,
		[]string{"start", "end", "period", "maxResults", "nextToken"},
		one, s.getSessionMetrics,
	})
}

func (s *Service) channelARN(id string) string {
	return "arn:aws:ivs:" + s.d.Minter.Region + ":" + s.d.Minter.Account + ":channel/" + id
}

// streamHealth is how a live stream does.
type streamHealth struct {
	ChannelARN  string    `json:"channelArn"`
	StreamID    string    `json:"streamId"`
	StartTime   time.Time `json:"startTime"`
	Health      string    `json:"health"`
	ViewerCount int64     `json:"viewerCount"`
	Protocol    string    `json:"protocol"`
	Encoder     string    `json:"encoder"`
	// WaitsUntil is when the stream ends unless its encoder, which was lost, is back; null while it is there.
	WaitsUntil *time.Time `json:"waitsUntil"`
	Latest     latest     `json:"latest"`
	Advice     []advice   `json:"advice"`
}

// latest is what came in within the last five seconds that are over, under CloudWatch's names.
type latest struct {
	IngestAudioBitrate int64   `json:"IngestAudioBitrate"`
	Tracks             []track `json:"tracks"`
}

// track is one rendition that the encoder sends, the best first.
type track struct {
	Name               string   `json:"name"`
	Codec              string   `json:"codec,omitempty"`
	Width              int      `json:"width,omitempty"`
	Height             int      `json:"height,omitempty"`
	IngestVideoBitrate int64    `json:"IngestVideoBitrate"`
	IngestFramerate    float64  `json:"IngestFramerate"`
	KeyframeInterval   *float64 `json:"KeyframeInterval"` // null: there were no two key frames yet
}

// advice is what an encoder should do otherwise.
type advice struct {
	Code     string    `json:"code"`
	Severity string    `json:"severity"`
	Since    time.Time `json:"since"`
	Message  string    `json:"message"`
	Remedy   string    `json:"remedy"`
}

func (s *Service) getStreamHealth(v *visit) (any, error) {
	r, err := s.d.Streams.Report(v.Context(), s.channelARN(v.PathValue("id")))
	if err != nil {
		return nil, err
	}
	out := streamHealth{
		ChannelARN: r.ARN, StreamID: r.StreamID, StartTime: r.Started.UTC().Truncate(time.Microsecond), Health: string(r.Health),
		ViewerCount: r.Viewers, Protocol: r.Protocol, Encoder: r.Encoder,
		Latest: latest{IngestAudioBitrate: int64(r.Latest.Audio), Tracks: []track{}}, Advice: []advice{},
	}
	if !r.WaitsUntil.IsZero() {
		out.WaitsUntil = new(r.WaitsUntil.UTC().Truncate(time.Microsecond))
	}
	for i, t := range r.Latest.Videos {
		shown := track{
			Name: channel.TrackName(i), IngestVideoBitrate: int64(t.Bitrate), IngestFramerate: tenth(t.FrameRate), KeyframeInterval: seconds(t.Keyframes),
		}
		if i == 0 && r.Video != nil {
			shown.Codec, shown.Width, shown.Height = r.Video.RFC6381(), r.Video.Width, r.Video.Height
		}
		out.Latest.Tracks = append(out.Latest.Tracks, shown)
	}
	for _, a := range r.Advice {
		out.Advice = append(out.Advice, advice{a.Code.String(), string(a.Severity), a.Since.UTC().Truncate(time.Microsecond), a.Message, a.Remedy})
	}
	return out, nil
}

func tenth(v float64) float64 { return float64(int64(v*10+0.5)) / 10 }

// seconds prints a time; none is null.
func seconds(d time.Duration) *float64 {
	if d <= 0 {
		return nil
	}
	return new(d.Seconds())
}

const (
	historyStep  = 5 * time.Second
	longestAsked = 7 * 24 * time.Hour // a stream is shorter
	mostPoints   = 1440               // of an answer: two hours of five seconds
)

var streamForm = regexp.MustCompile(`^st-\w{1,64}$`)

// metric is one row of numbers, one for each timestamp.
type metric struct {
	Name      string     `json:"name"`
	Unit      string     `json:"unit"`
	Statistic string     `json:"statistic"`
	Values    []*float64 `json:"values"` // null: nothing is known
}

type sessionMetrics struct {
	ChannelARN string      `json:"channelArn"`
	StreamID   string      `json:"streamId"`
	Period     int64       `json:"period"`
	Timestamps []time.Time `json:"timestamps"`
	Metrics    []metric    `json:"metrics"`
	NextToken  *string     `json:"nextToken,omitempty"`
}

func (s *Service) getSessionMetrics(v *visit) (any, error) {
	name, id := s.channelARN(v.PathValue("id")), v.PathValue("stream")
	if !streamForm.MatchString(id) {
		return nil, fault.Missing("stream session %.64q does not exist", id)
	}
	period, err := v.number("period", 5, 5, 86400)
	if err != nil {
		return nil, err
	}
	if period%5 != 0 {
		return nil, fault.InvalidInput("period must be a multiple of 5 seconds")
	}
	limit, err := v.number("maxResults", mostPoints, 1, mostPoints)
	if err != nil {
		return nil, err
	}
	end, err := moment("end", v.param("end"))
	if err != nil {
		return nil, err
	}
	if end.IsZero() {
		end = time.Now()
	}
	start, err := moment("start", v.param("start"))
	if err != nil {
		return nil, err
	}
	if start.IsZero() {
		start = end.Add(-time.Hour)
	}
	if !start.Before(end) || end.Sub(start) > longestAsked {
		return nil, fault.InvalidInput("start must be before end, and no more than a week before it")
	}
	listing := []string{"GetSessionMetrics", name, id, v.param("start"), v.param("end"), v.param("period")}
	after, err := api.Page[int64](v.nextToken(), listing...)
	if err != nil {
		return nil, err
	}
	if after != nil {
		start = time.Unix(*after, 0)
	}
	points, err := s.d.Streams.History(v.Context(), name, id, start, end)
	if err != nil {
		return nil, err
	}
	step := time.Duration(period) * time.Second
	out := sessionMetrics{ChannelARN: name, StreamID: id, Period: period, Timestamps: []time.Time{}, Metrics: newMetrics()}
	for len(points) > 0 {
		at := points[0].Time.Truncate(step)
		if int64(len(out.Timestamps)) == limit {
			out.NextToken = api.NextToken(new(at.Unix()), listing...)
			break
		}
		n := slices.IndexFunc(points, func(p channel.Point) bool { return !p.Time.Before(at.Add(step)) })
		if n < 0 {
			n = len(points)
		}
		out.Timestamps = append(out.Timestamps, at.UTC())
		for i, value := range summarize(points[:n]) {
			out.Metrics[i].Values = append(out.Metrics[i].Values, value)
		}
		points = points[n:]
	}
	return out, nil
}

// newMetrics are rows without values, in the order of summarize, with CloudWatch's names and units.
func newMetrics() []metric {
	return []metric{
		{"ConcurrentViews", "Count", "Average", []*float64{}},
		{"IngestVideoBitrate", "Bits/Second", "Average", []*float64{}},
		{"IngestAudioBitrate", "Bits/Second", "Average", []*float64{}},
		{"IngestFramerate", "Count/Second", "Average", []*float64{}},
		{"KeyframeInterval", "Seconds", "Average", []*float64{}},
		{"LiveInputTime", "Seconds", "Sum", []*float64{}},
		{"LiveDeliveredTime", "Seconds", "Sum", []*float64{}},
	}
}

// summarize makes one value of each metric of some points, of which there is at least one.
func summarize(points []channel.Point) [7]*float64 {
	var views, rate, input float64
	var video, audio media.Bitrate
	var keyframes time.Duration
	known := 0
	for _, p := range points {
		views += float64(p.Views)
		rate += p.FrameRate
		input += p.Input.Seconds()
		video += p.Video
		audio += p.Audio
		if p.Keyframes > 0 {
			keyframes += p.Keyframes
			known++
		}
	}
	n := float64(len(points))
	interval := seconds(keyframes / time.Duration(max(known, 1)))
	return [7]*float64{
		new(views / n), new(float64(video) / n), new(float64(audio) / n), new(rate / n), interval, new(input), new(views * historyStep.Seconds()),
	}
}
