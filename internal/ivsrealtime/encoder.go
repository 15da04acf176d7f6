package ivsrealtime

import (
	"context"

	"github.com/streamcat/streamcat/internal/arn"
	"github.com/streamcat/streamcat/internal/fault"
	"github.com/streamcat/streamcat/internal/store"
)

// maxPixels is the area of 1080p, however a picture lies.
const maxPixels = 1920 * 1080

// encoder is what the database keeps of an encoder configuration.
type encoder struct {
	Name  string `json:"name"`
	Video Video  `json:"video"` // in full, defaults written out
}

// defaultVideo is what a composition looks like that was told nothing else.
func defaultVideo() Video {
	return Video{Bitrate: new(2_500_000), Framerate: new(30.0), Height: new(720), Width: new(1280)}
}

// CreateEncoderConfiguration keeps how compositions are to be encoded.
func (s *Service) CreateEncoderConfiguration(ctx context.Context, in *CreateEncoderConfigurationInput) (*CreateEncoderConfigurationOutput, error) {
	doc := encoder{Name: text(in.Name), Video: defaultVideo()}
	if v := in.Video; v != nil {
		set(&doc.Video.Bitrate, v.Bitrate)
		set(&doc.Video.Framerate, v.Framerate)
		set(&doc.Video.Height, v.Height)
		set(&doc.Video.Width, v.Width)
	}
	switch w, h := *doc.Video.Width, *doc.Video.Height; {
	case w%2 != 0 || h%2 != 0:
		return nil, fault.InvalidInput("video.width and video.height must be even, they are %d and %d", w, h)
	case w*h > maxPixels:
		return nil, fault.InvalidInput("video.width times video.height must be at most %d, it is %d", maxPixels, w*h)
	}
	row, err := s.encoders.InsertWithin(ctx, s.Quotas[arn.EncoderConfiguration], s.Minter.New(arn.EncoderConfiguration), &doc, in.Tags)
	if err != nil {
		return nil, err
	}
	return &CreateEncoderConfigurationOutput{EncoderConfiguration: showEncoder(row, in.Tags)}, nil
}

func showEncoder(row *store.Row[encoder], tags map[string]string) *EncoderConfiguration {
	return &EncoderConfiguration{Arn: row.ARN, Name: &row.Doc.Name, Video: &row.Doc.Video, Tags: orEmpty(tags)}
}

// GetEncoderConfiguration gives one encoder configuration.
func (s *Service) GetEncoderConfiguration(ctx context.Context, in *GetEncoderConfigurationInput) (*GetEncoderConfigurationOutput, error) {
	row, tags, err := get(ctx, s, s.encoders, arn.EncoderConfiguration, in.Arn)
	if err != nil {
		return nil, err
	}
	return &GetEncoderConfigurationOutput{EncoderConfiguration: showEncoder(row, tags)}, nil
}

// ListEncoderConfigurations gives the encoder configurations, newest first.
func (s *Service) ListEncoderConfigurations(ctx context.Context, in *ListEncoderConfigurationsInput) (*ListEncoderConfigurationsOutput, error) {
	out := &ListEncoderConfigurationsOutput{EncoderConfigurations: []EncoderConfigurationSummary{}}
	var err error
	out.NextToken, err = list(ctx, s, s.encoders, "ListEncoderConfigurations", in.NextToken, limit(in.MaxResults, 100),
		func(row *store.Row[encoder], tags map[string]string) {
			out.EncoderConfigurations = append(out.EncoderConfigurations, EncoderConfigurationSummary{Arn: row.ARN, Name: &row.Doc.Name, Tags: tags})
		})
	if err != nil {
		return nil, err
	}
	return out, nil
}

// DeleteEncoderConfiguration removes an encoder configuration that no composition uses.
func (s *Service) DeleteEncoderConfiguration(ctx context.Context, in *DeleteEncoderConfigurationInput) (*DeleteEncoderConfigurationOutput, error) {
	if _, err := s.Minter.Own(arn.EncoderConfiguration, in.Arn); err != nil {
		return nil, err
	}
	err := s.DB.Tx(ctx, func(ctx context.Context) error {
		if err := s.DB.Hold(ctx, in.Arn); err != nil {
			return err
		}
		if err := s.inUse(ctx, in.Arn); err != nil {
			return err
		}
		return s.encoders.Delete(ctx, in.Arn)
	})
	if err != nil {
		return nil, err
	}
	return &DeleteEncoderConfigurationOutput{}, nil
}
