package ivs

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/streamcat/streamcat/internal/api"
	"github.com/streamcat/streamcat/internal/channel"
	"github.com/streamcat/streamcat/internal/store"
)

// maxEvents is how many of a session's events are told.
const maxEvents = 500

// GetStreamSession tells of one broadcast of a channel: the newest one unless another is named.
func (s *Service) GetStreamSession(ctx context.Context, in *GetStreamSessionInput) (*GetStreamSessionOutput, error) {
	row, err := s.channel(ctx, in.ChannelArn)
	if err != nil {
		return nil, err
	}
	session, err := s.db.StreamSession(ctx, in.ChannelArn, text(in.StreamId))
	if err != nil {
		return nil, err
	}
	record, err := recordOf(&session)
	if err != nil {
		return nil, err
	}
	c, recording, err := s.asItWas(ctx, row, record.Channel)
	if err != nil {
		return nil, err
	}
	out := &StreamSession{
		StreamId: &session.StreamID, StartTime: &api.Seconds{Time: session.Started}, EndTime: endOf(&session),
		Channel: c, RecordingConfiguration: recording, TruncatedEvents: eventsOf(record),
	}
	if record.Video != nil || record.Audio != nil {
		out.IngestConfiguration, out.IngestConfigurations = ingested(record)
	}
	return &GetStreamSessionOutput{StreamSession: out}, nil
}

// ListStreamSessions lists the broadcasts of a channel, newest first.
func (s *Service) ListStreamSessions(ctx context.Context, in *ListStreamSessionsInput) (*ListStreamSessionsOutput, error) {
	if _, err := s.channel(ctx, in.ChannelArn); err != nil {
		return nil, err
	}
	listing := []string{"ListStreamSessions", in.ChannelArn}
	after, err := api.Page[store.Cursor](in.NextToken, listing...)
	if err != nil {
		return nil, err
	}
	sessions, next, err := s.db.StreamSessions(ctx, in.ChannelArn, limit(in.MaxResults, 100), after)
	if err != nil {
		return nil, err
	}
	out := &ListStreamSessionsOutput{StreamSessions: []StreamSessionSummary{}, NextToken: api.NextToken(next, listing...)}
	for i := range sessions {
		record, err := recordOf(&sessions[i])
		if err != nil {
			return nil, err
		}
		out.StreamSessions = append(out.StreamSessions, StreamSessionSummary{
			StreamId: &sessions[i].StreamID, StartTime: &api.Seconds{Time: sessions[i].Started}, EndTime: endOf(&sessions[i]),
			HasErrorEvent: new(slices.ContainsFunc(record.Events, isError)),
		})
	}
	return out, nil
}

func recordOf(session *store.StreamSession) (*channel.Record, error) {
	var r channel.Record
	if err := json.Unmarshal(session.Doc, &r); err != nil {
		return nil, fmt.Errorf("stream session %s: %w", session.StreamID, err)
	}
	return &r, nil
}

func endOf(session *store.StreamSession) *api.Seconds {
	if session.Ended.IsZero() {
		return nil
	}
	return &api.Seconds{Time: session.Ended}
}

// isError tells the events that speak of a quota or a failure.
func isError(h channel.Happening) bool {
	return h.Type == "IVS Limit Breach" || strings.HasSuffix(h.Name, "Failure")
}

// asItWas shows a channel and its recording configuration as they were when a session began. An old session
// noted little of its channel; the rest is shown as it is now.
func (s *Service) asItWas(ctx context.Context, row *store.Row[channelDoc], then channel.Spec) (*Channel, *RecordingConfiguration, error) {
	if then.Snapshot != nil {
		return s.showSnapshot(row.ARN, then.Snapshot)
	}
	c, err := s.withTags(ctx, row)
	if err != nil {
		return nil, nil, err
	}
	c.Name, c.Type, c.LatencyMode = &then.Name, &then.Type, &then.LatencyMode
	c.Authorized, c.InsecureIngest = &then.Authorized, &then.InsecureIngest
	return c, nil, nil
}

// eventsOf tells the newest events, newest first.
func eventsOf(r *channel.Record) []StreamEvent {
	events := make([]StreamEvent, 0, min(len(r.Events), maxEvents))
	for _, h := range slices.Backward(r.Events) {
		if len(events) == maxEvents {
			break
		}
		e := StreamEvent{Name: &h.Name, Type: &h.Type, EventTime: &api.Seconds{Time: h.Time}}
		if h.Code != "" {
			e.Code = &h.Code
		}
		events = append(events, e)
	}
	return events
}

// ingested tells what came in: the first track of each kind in the deprecated form, all of them in the one with
// tracks. Only the deprecated form has AVC's own profile and level filled.
func ingested(r *channel.Record) (*IngestConfiguration, *IngestConfigurations) {
	old := &IngestConfiguration{}
	all := &IngestConfigurations{AudioConfigurations: []AudioConfiguration{}, VideoConfigurations: []VideoConfiguration{}}
	for i, a := range tracksOf(r.Audios, r.Audio) {
		all.AudioConfigurations = append(all.AudioConfigurations, AudioConfiguration{
			Channels: new(int64(a.Channel)), Codec: &a.Codec, SampleRate: new(int64(a.SampleRate)),
			TargetBitrate: new(int64(a.Bitrate)), Track: trackName(i),
		})
	}
	for i, v := range tracksOf(r.Videos, r.Video) {
		profile, level := avc(v.Codec)
		all.VideoConfigurations = append(all.VideoConfigurations, VideoConfiguration{
			AvcProfile: new(""), AvcLevel: new(""), Profile: &profile, Level: &level, Codec: &v.Codec, Encoder: &r.Encoder,
			TargetBitrate: new(int64(v.Bitrate)), TargetFramerate: new(int64(math.Round(v.FrameRate))),
			VideoWidth: new(int64(v.Width)), VideoHeight: new(int64(v.Height)), Track: trackName(i),
		})
	}
	if len(all.AudioConfigurations) > 0 {
		old.Audio = &all.AudioConfigurations[0]
	}
	if len(all.VideoConfigurations) > 0 {
		one := all.VideoConfigurations[0]
		one.AvcProfile, one.AvcLevel = one.Profile, one.Level
		old.Video = &one
	}
	return old, all
}

// tracksOf gives all tracks of a kind. Old sessions noted one.
func tracksOf(all []channel.TrackRecord, one *channel.TrackRecord) []channel.TrackRecord {
	if len(all) == 0 && one != nil {
		return []channel.TrackRecord{*one}
	}
	return all
}

func trackName(i int) *string { return new("Track" + strconv.Itoa(i)) }

// avc reads profile and level out of a codec name such as avc1.42C01F (RFC 6381 §3.3, ISO/IEC 14496-10
// annex A). Both are empty for what is not AVC.
func avc(codec string) (profile, level string) {
	hex, ok := strings.CutPrefix(codec, "avc1.")
	n, err := strconv.ParseUint(hex, 16, 32)
	if !ok || err != nil || len(hex) != 6 {
		return "", ""
	}
	switch n >> 16 {
	case 66:
		profile = "Baseline"
	case 77:
		profile = "Main"
	case 88:
		profile = "Extended"
	case 100:
		profile = "High"
	case 110:
		profile = "High 10"
	case 122:
		profile = "High 4:2:2"
	}
	idc := n & 0xff
	level = strconv.FormatUint(idc/10, 10)
	if idc%10 != 0 {
		level += "." + strconv.FormatUint(idc%10, 10)
	}
	return profile, level
}
