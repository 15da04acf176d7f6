package ivs

import (
	"context"
	"time"

	"github.com/streamcat/streamcat/internal/arn"
	"github.com/streamcat/streamcat/internal/store"
)

// adDoc is an ad configuration as the database keeps it.
type adDoc struct {
	Name     string
	Playback []string // ARNs of AWS MediaTailor's playback configurations, which may be empty; the first is the default
}

// adConfigurations is where ad configurations are kept.
func adConfigurations(db *store.DB) *store.Collection[adDoc] {
	return store.NewCollection[adDoc](db, arn.AdConfiguration, nil)
}

// CreateAdConfiguration makes an ad configuration. MediaTailor is not ours to ask: what is named is taken
// as it is.
func (s *Service) CreateAdConfiguration(ctx context.Context, in *CreateAdConfigurationInput) (*CreateAdConfigurationOutput, error) {
	doc := adDoc{Name: text(in.Name)}
	for _, m := range in.MediaTailorPlaybackConfigurations {
		doc.Playback = append(doc.Playback, text(m.PlaybackConfigurationArn))
	}
	name, err := create(ctx, s, s.ads, arn.AdConfiguration, &doc, in.Tags)
	if err != nil {
		return nil, err
	}
	return &CreateAdConfigurationOutput{AdConfiguration: showAds(name, &doc, in.Tags)}, nil
}

func showAds(name string, d *adDoc, tags map[string]string) *AdConfiguration {
	shown := &AdConfiguration{Arn: name, Name: &d.Name, MediaTailorPlaybackConfigurations: []MediaTailorPlaybackConfiguration{}, Tags: orEmpty(tags)}
	for _, p := range d.Playback {
		m := MediaTailorPlaybackConfiguration{}
		if p != "" {
			m.PlaybackConfigurationArn = &p
		}
		shown.MediaTailorPlaybackConfigurations = append(shown.MediaTailorPlaybackConfigurations, m)
	}
	return shown
}

// GetAdConfiguration tells of one ad configuration.
func (s *Service) GetAdConfiguration(ctx context.Context, in *GetAdConfigurationInput) (*GetAdConfigurationOutput, error) {
	row, tags, err := read(ctx, s, s.ads, arn.AdConfiguration, in.Arn)
	if err != nil {
		return nil, err
	}
	return &GetAdConfigurationOutput{AdConfiguration: showAds(row.ARN, &row.Doc, tags)}, nil
}

// ListAdConfigurations lists the ad configurations, newest first.
func (s *Service) ListAdConfigurations(ctx context.Context, in *ListAdConfigurationsInput) (*ListAdConfigurationsOutput, error) {
	p, err := list(ctx, s, s.ads, "ListAdConfigurations", limit(in.MaxResults, s.usual(arn.AdConfiguration)), in.NextToken)
	if err != nil {
		return nil, err
	}
	out := &ListAdConfigurationsOutput{AdConfigurations: []AdConfigurationSummary{}, NextToken: p.next}
	for i := range p.rows {
		shown := showAds(p.rows[i].ARN, &p.rows[i].Doc, p.tags[p.rows[i].ARN])
		out.AdConfigurations = append(out.AdConfigurations, AdConfigurationSummary(*shown))
	}
	return out, nil
}

// DeleteAdConfiguration removes an ad configuration that no channel has.
func (s *Service) DeleteAdConfiguration(ctx context.Context, in *DeleteAdConfigurationInput) (*DeleteAdConfigurationOutput, error) {
	if err := deleteUnused(ctx, s, s.ads, arn.AdConfiguration, refAds, in.Arn); err != nil {
		return nil, err
	}
	return &DeleteAdConfigurationOutput{}, nil
}

// InsertAdBreak begins an ad break in a live channel that has an ad configuration.
func (s *Service) InsertAdBreak(ctx context.Context, in *InsertAdBreakInput) (*InsertAdBreakOutput, error) {
	row, err := s.channel(ctx, in.ChannelArn)
	if err != nil {
		return nil, err
	}
	if row.Doc.AdConfigurationArn == "" {
		return nil, broken("channelArn", "is of a channel that has no ad configuration")
	}
	made, err := s.live.InsertAdBreak(ctx, in.ChannelArn, time.Duration(in.DurationSeconds)*time.Second)
	if err != nil {
		return nil, err
	}
	return &InsertAdBreakOutput{AdBreakId: &made.ID}, nil
}
