package ivsrealtime

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/streamcat/streamcat/internal/arn"
	"github.com/streamcat/streamcat/internal/fault"
	live "github.com/streamcat/streamcat/internal/stage"
	"github.com/streamcat/streamcat/internal/store"
)

// destination makes what is kept of a destination: c with its defaults written out.
func (s *Service) destination(c DestinationConfiguration) (*live.Destination, error) {
	if (c.Channel == nil) == (c.S3 == nil) {
		return nil, fault.InvalidInput("a destination names either a channel or s3")
	}
	d := &live.Destination{ID: arn.NewID(12), State: DestinationStateStarting}
	kind := arn.Channel
	if c.Channel != nil {
		d.Target, d.Encoder = c.Channel.ChannelArn, text(c.Channel.EncoderConfigurationArn)
	} else {
		kind = arn.StorageConfiguration
		d.Target, d.Encoder = c.S3.StorageConfigurationArn, c.S3.EncoderConfigurationArns[0]
		c.S3 = recordingOf(*c.S3)
	}
	if _, err := s.Minter.Own(kind, d.Target); err != nil {
		return nil, err
	}
	if d.Encoder != "" {
		if _, err := s.Minter.Own(arn.EncoderConfiguration, d.Encoder); err != nil {
			return nil, err
		}
	}
	defaulted(&c.Name, "")
	var err error
	d.Configuration, err = json.Marshal(&c)
	return d, err
}

// recordingOf gives the configuration of an s3 destination in full.
func recordingOf(c S3DestinationConfiguration) *S3DestinationConfiguration {
	r := RecordingConfiguration{}
	if c.RecordingConfiguration != nil {
		r = *c.RecordingConfiguration
	}
	defaulted(&r.Format, RecordingConfigurationFormatHls)
	h := CompositionRecordingHlsConfiguration{}
	if r.HlsConfiguration != nil {
		h = *r.HlsConfiguration
	}
	defaulted(&h.TargetSegmentDurationSeconds, 2)
	r.HlsConfiguration = &h
	c.RecordingConfiguration = &r
	var thumbnails []CompositionThumbnailConfiguration
	for _, t := range c.ThumbnailConfigurations {
		defaulted(&t.TargetIntervalSeconds, 60)
		if len(t.Storage) == 0 {
			t.Storage = []string{ThumbnailStorageTypeSequential}
		}
		thumbnails = append(thumbnails, t)
	}
	c.ThumbnailConfigurations = thumbnails
	return &c
}

// layoutOf gives a layout in full: the grid if none is asked for.
func layoutOf(asked *LayoutConfiguration) (*LayoutConfiguration, error) {
	switch {
	case asked == nil:
		asked = &LayoutConfiguration{}
	case asked.Grid != nil && asked.Pip != nil:
		return nil, fault.InvalidInput("a layout is either grid or pip")
	}
	if asked.Pip != nil {
		p := *asked.Pip
		defaulted(&p.FeaturedParticipantAttribute, "")
		defaulted(&p.GridGap, 0)
		defaulted(&p.OmitStoppedVideo, false)
		defaulted(&p.ParticipantOrderAttribute, "")
		defaulted(&p.PipBehavior, PipBehaviorStatic)
		defaulted(&p.PipOffset, 0)
		defaulted(&p.PipParticipantAttribute, "")
		defaulted(&p.PipPosition, PipPositionBottomRight)
		defaulted(&p.VideoFillMode, VideoFillModeCover)
		return &LayoutConfiguration{Pip: &p}, nil
	}
	g := GridConfiguration{}
	if asked.Grid != nil {
		g = *asked.Grid
	}
	defaulted(&g.FeaturedParticipantAttribute, "")
	defaulted(&g.GridGap, 2)
	defaulted(&g.OmitStoppedVideo, false)
	defaulted(&g.ParticipantOrderAttribute, "")
	defaulted(&g.VideoAspectRatio, VideoAspectRatioVideo)
	defaulted(&g.VideoFillMode, "") // which then depends on the tile
	return &LayoutConfiguration{Grid: &g}, nil
}

// defaulted writes the default of what is absent.
func defaulted[T any](to **T, v T) {
	if *to == nil {
		*to = &v
	}
}

// showComposition shows a composition with its tags.
func (s *Service) showComposition(ctx context.Context, row *store.Row[live.Composition]) (*Composition, error) {
	tags, err := s.DB.Tags(ctx, row.ARN)
	if err != nil {
		return nil, err
	}
	return compositionShape(row, tags[row.ARN])
}

func compositionShape(row *store.Row[live.Composition], tags map[string]string) (*Composition, error) {
	if tags == nil {
		tags = map[string]string{}
	}
	doc := &row.Doc
	out := &Composition{
		Arn: row.ARN, StageArn: doc.StageARN, State: doc.State, StartTime: moment(doc.Started), EndTime: moment(doc.Ended), Tags: tags,
		Destinations: make([]Destination, len(doc.Destinations)),
	}
	if err := json.Unmarshal(doc.Layout, &out.Layout); err != nil {
		return nil, fmt.Errorf("layout of composition %s: %w", row.ARN, err)
	}
	for i, d := range doc.Destinations {
		shown := Destination{Id: d.ID, State: d.State, StartTime: moment(d.Started), EndTime: moment(d.Ended)}
		if err := json.Unmarshal(d.Configuration, &shown.Configuration); err != nil {
			return nil, fmt.Errorf("destination of composition %s: %w", row.ARN, err)
		}
		if shown.Configuration.S3 != nil {
			prefix := arn.ID(doc.StageARN) + "/" + arn.ID(row.ARN) + "/" + d.ID + "/composite"
			shown.Detail = &DestinationDetail{S3: &S3Detail{RecordingPrefix: prefix}}
		}
		out.Destinations[i] = shown
	}
	return out, nil
}

func compositionSummary(row *store.Row[live.Composition], tags map[string]string) CompositionSummary {
	doc := &row.Doc
	out := CompositionSummary{
		Arn: row.ARN, StageArn: doc.StageARN, State: doc.State, StartTime: moment(doc.Started), EndTime: moment(doc.Ended), Tags: tags,
		Destinations: make([]DestinationSummary, len(doc.Destinations)),
	}
	for i, d := range doc.Destinations {
		out.Destinations[i] = DestinationSummary{Id: d.ID, State: d.State, StartTime: moment(d.Started), EndTime: moment(d.Ended)}
	}
	return out
}
