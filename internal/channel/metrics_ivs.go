package channel

import (
	"strconv"

	"github.com/prometheus/client_golang/prometheus"
)

// ivsMetrics shows what CloudWatch has in its namespace AWS/IVS, under the same names in Prometheus' form: the
// metric IngestVideoBitrate with the dimensions Channel and Track is streamcat_ivs_ingest_video_bitrate with the
// labels channel and track. Only channels that are live are shown, so there are never more series than streams
// allow. RecordedTime is not among them: nothing is recorded.
type ivsMetrics struct{ m *Manager }

// TrackName is what AWS calls a video track: "Track0" is the best one.
func TrackName(n int) string { return "Track" + strconv.Itoa(n) }

// maxShownChannels bounds a scrape, whatever is live.
const maxShownChannels = 5000

func ivsDesc(name, help string, labels ...string) *prometheus.Desc {
	return prometheus.NewDesc("streamcat_ivs_"+name, help, labels, nil)
}

var (
	concurrentStreams  = ivsDesc("concurrent_streams", "ConcurrentStreams: live streams, by health.", "health")
	concurrentViews    = ivsDesc("concurrent_views", "ConcurrentViews: who watches a live stream, by playback session.", "channel")
	liveDeliveredTime  = ivsDesc("live_delivered_time_seconds_total", "LiveDeliveredTime: seconds that viewers have watched the running stream, of all together.", "channel")
	liveInputTime      = ivsDesc("live_input_time_seconds_total", "LiveInputTime: seconds of media that came of the running stream.", "channel")
	ingestBitrate      = ivsDesc("ingest_bitrate", "IngestBitrate: bits per second of picture and sound, over five seconds.", "channel")
	ingestAudioBitrate = ivsDesc("ingest_audio_bitrate", "IngestAudioBitrate: bits per second of the sound, over five seconds.", "channel")
	ingestVideoBitrate = ivsDesc("ingest_video_bitrate", "IngestVideoBitrate: bits per second of a picture, over five seconds.", "channel", "track")
	ingestFramerate    = ivsDesc("ingest_framerate", "IngestFramerate: pictures per second, over five seconds.", "channel", "track")
	keyframeInterval   = ivsDesc("keyframe_interval_seconds", "KeyframeInterval: seconds between the last two key frames.", "channel", "track")
)

// Describe implements prometheus.Collector.
func (ivsMetrics) Describe(out chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{
		concurrentStreams, concurrentViews, liveDeliveredTime, liveInputTime, ingestBitrate, ingestAudioBitrate, ingestVideoBitrate,
		ingestFramerate, keyframeInterval,
	} {
		out <- d
	}
}

// Collect implements prometheus.Collector.
func (i ivsMetrics) Collect(out chan<- prometheus.Metric) {
	m := i.m
	m.mu.Lock()
	all := make([]*channel, 0, len(m.channels))
	for _, c := range m.channels {
		all = append(all, c)
	}
	m.mu.Unlock()
	now := m.d.Now()
	health := map[Health]int{Healthy: 0, Starving: 0}
	for _, c := range all {
		s := c.live()
		if s == nil {
			continue
		}
		l, ok := s.status(now)
		if !ok {
			continue
		}
		health[l.Health]++
		if health[Healthy]+health[Starving] > maxShownChannels {
			continue
		}
		latest, input, delivered := s.numbers.totals()
		gauge := func(d *prometheus.Desc, v float64, labels ...string) {
			out <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, append([]string{l.ID}, labels...)...)
		}
		gauge(concurrentViews, float64(l.Viewers))
		out <- prometheus.MustNewConstMetric(liveDeliveredTime, prometheus.CounterValue, delivered.Seconds(), l.ID)
		out <- prometheus.MustNewConstMetric(liveInputTime, prometheus.CounterValue, input.Seconds(), l.ID)
		gauge(ingestBitrate, float64(latest.Bitrate()+latest.Audio))
		gauge(ingestAudioBitrate, float64(latest.Audio))
		for n, v := range latest.Videos {
			track := TrackName(n)
			gauge(ingestVideoBitrate, float64(v.Bitrate), track)
			gauge(ingestFramerate, v.FrameRate, track)
			if v.Keyframes > 0 {
				gauge(keyframeInterval, v.Keyframes.Seconds(), track)
			}
		}
	}
	for h, n := range health {
		out <- prometheus.MustNewConstMetric(concurrentStreams, prometheus.GaugeValue, float64(n), string(h))
	}
}
