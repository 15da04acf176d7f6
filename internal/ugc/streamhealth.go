package ugc

import (
	"context"
	"slices"
	"time"

	"github.com/streamcat/streamcat/internal/fault"
)

// Engine is what the app asks of /engine/v1, which Amazon does not have; *EngineClient fits.
type Engine interface {
	// Features lists what the server has besides IVS; none if it has no /engine/v1.
	Features(ctx context.Context) ([]string, error)
	// StreamHealth is NotLive of a channel that does not broadcast.
	StreamHealth(ctx context.Context, channelARN string) (StreamHealth, error)
	// SessionMetrics gives what was measured of a session from a time on.
	SessionMetrics(ctx context.Context, channelARN, streamID string, from time.Time) (SessionMetrics, error)
}

// StreamHealth is how a live stream does, as far as the app reads it.
type StreamHealth struct {
	StreamID    string    `json:"streamId"`
	StartTime   time.Time `json:"startTime"`
	Health      string    `json:"health"`
	ViewerCount int64     `json:"viewerCount"`
	Encoder     string    `json:"encoder"`
	// WaitsUntil is when the stream ends unless its encoder, which was lost, is back; nil while it is there.
	WaitsUntil *time.Time `json:"waitsUntil"`
	Advice     []Advice   `json:"advice"`
}

// Advice is what an encoder should do otherwise.
type Advice struct {
	Code     string    `json:"code"`
	Severity string    `json:"severity"` // "WARNING" or "HINT"
	Since    time.Time `json:"since"`
	Message  string    `json:"message"`
	Remedy   string    `json:"remedy"`
}

// SessionMetrics are rows of numbers, one for each timestamp.
type SessionMetrics struct {
	Timestamps []time.Time `json:"timestamps"`
	Metrics    []struct {
		Name   string     `json:"name"`
		Values []*float64 `json:"values"`
	} `json:"metrics"`
}

// row gives the values of a metric; none if it is not there.
func (m SessionMetrics) row(name string) []*float64 {
	for _, r := range m.Metrics {
		if r.Name == name && len(r.Values) == len(m.Timestamps) {
			return r.Values
		}
	}
	return make([]*float64, len(m.Timestamps))
}

const (
	healthFeature = "stream-health"
	healthMemory  = 10 * time.Minute // of a stream, shown at once
	askFeatures   = time.Minute      // between questions of a server what it has
)

// Doing is what the owner of a channel sees of how their stream does.
type Doing struct {
	Available bool          `json:"available"` // false: the streaming service does not measure, and nothing else is there
	Stream    *StreamHealth `json:"stream"`    // null: off air
	Wait      *float64      `json:"wait"`      // seconds until Stream.WaitsUntil, whatever the time is where the page is; null: no wait
	History   *DoingHistory `json:"history"`   // null: off air
}

// DoingHistory has one value of each for each time; null where nothing is known.
type DoingHistory struct {
	Times     []int64    `json:"times"` // seconds since 1970, the beginnings of five seconds
	Bitrate   []*float64 `json:"bitrate"`
	FrameRate []*float64 `json:"frameRate"`
	Keyframes []*float64 `json:"keyframes"`
	Viewers   []*float64 `json:"viewers"`
}

// StreamHealth tells the owner how their stream does, with what was measured after a time: at most the last ten
// minutes.
func (a *App) StreamHealth(ctx context.Context, userID string, after time.Time) (Doing, error) {
	if !a.measures(ctx) {
		return Doing{}, nil
	}
	c, err := a.rows.Channel(ctx, userID)
	if err != nil {
		return Doing{}, err
	}
	h, err := a.Engine.StreamHealth(ctx, c.ChannelARN)
	if fault.Of(err) == fault.NotLive {
		return Doing{Available: true}, nil
	}
	if err != nil {
		return Doing{}, err
	}
	from := a.Now().Add(-healthMemory)
	if after.After(from) {
		from = after.Add(time.Second)
	}
	m, err := a.Engine.SessionMetrics(ctx, c.ChannelARN, h.StreamID, from)
	if err != nil {
		return Doing{}, err
	}
	out := &DoingHistory{
		Times: make([]int64, len(m.Timestamps)), Bitrate: sum(m.row("IngestVideoBitrate"), m.row("IngestAudioBitrate")),
		FrameRate: m.row("IngestFramerate"), Keyframes: m.row("KeyframeInterval"), Viewers: m.row("ConcurrentViews"),
	}
	for i, t := range m.Timestamps {
		out.Times[i] = t.Unix()
	}
	doing := Doing{Available: true, Stream: &h, History: out}
	if h.WaitsUntil != nil {
		doing.Wait = new(max(0, h.WaitsUntil.Sub(a.Now()).Seconds()))
	}
	return doing, nil
}

func sum(a, b []*float64) []*float64 {
	out := make([]*float64, len(a))
	for i := range a {
		if a[i] != nil && b[i] != nil {
			out[i] = new(*a[i] + *b[i])
		}
	}
	return out
}

// measures says whether the streaming service measures streams.
func (a *App) measures(ctx context.Context) bool { return a.has(ctx, healthFeature) }

// has says whether the streaming service has something besides IVS. It is asked once if it does, and now and then if
// it does not, or does not answer.
func (a *App) has(ctx context.Context, feature string) bool {
	if a.Engine == nil {
		return false
	}
	a.mu.Lock()
	known, at := slices.Contains(a.features, feature), a.askedFeatures
	a.mu.Unlock()
	now := a.Now()
	if known || now.Sub(at) < askFeatures {
		return known
	}
	features, err := a.Engine.Features(ctx)
	if err != nil {
		a.Log.InfoContext(ctx, "the streaming service does not tell what it has besides IVS", "err", err)
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.askedFeatures = now
	if err == nil {
		a.features = features
	}
	return slices.Contains(a.features, feature)
}
