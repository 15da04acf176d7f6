package ivs

import (
	"context"
	"time"

	"github.com/streamcat/streamcat/internal/arn"
	"github.com/streamcat/streamcat/internal/store"
)

// recordingDoc is a recording configuration as the database keeps it. It never changes.
type recordingDoc struct {
	Name            string
	Bucket          string
	ReconnectWindow time.Duration // a stream that comes back within it goes on in the same recording
	Renditions      renditions
	Thumbnails      thumbnails
}

type renditions struct {
	Selection string
	Chosen    []string // with CUSTOM only
}

type thumbnails struct {
	Mode       string
	Interval   time.Duration // with INTERVAL only
	Resolution string        // "" is that of the source
	Storage    []string
}

// activation is how long a recording configuration is being made. At AWS the bucket is looked at meanwhile;
// here nothing is, but clients wait for the state to change, and must have something to wait for.
const activation = time.Second

// recordings is where recording configurations are kept.
func recordings(db *store.DB) *store.Collection[recordingDoc] {
	return store.NewCollection[recordingDoc](db, arn.RecordingConfiguration, nil)
}

// recordingState is the state at a time of what was created at another: it follows from these alone, and so
// it is the same on every node and after every restart.
func recordingState(created, now time.Time) string {
	if now.Sub(created) < activation {
		return RecordingConfigurationStateCreating
	}
	return RecordingConfigurationStateActive
}

// newRecording makes the document that a request asks for, and makes the rules hold that concern several
// members at once.
func newRecording(in *CreateRecordingConfigurationInput) (*recordingDoc, error) {
	if in.DestinationConfiguration.S3 == nil {
		return nil, broken("destinationConfiguration", "needs exactly one destination: s3")
	}
	d := &recordingDoc{
		Name: text(in.Name), Bucket: in.DestinationConfiguration.S3.BucketName,
		Renditions: renditions{Selection: RenditionConfigurationRenditionSelectionAll},
		Thumbnails: thumbnails{
			Mode: RecordingModeInterval, Interval: time.Minute, Storage: []string{ThumbnailConfigurationStorageSequential},
		},
	}
	if w := in.RecordingReconnectWindowSeconds; w != nil {
		d.ReconnectWindow = time.Duration(*w) * time.Second
	}
	if r := in.RenditionConfiguration; r != nil {
		set(&d.Renditions.Selection, r.RenditionSelection)
		if d.Renditions.Selection == RenditionConfigurationRenditionSelectionCustom {
			if len(r.Renditions) == 0 {
				return nil, broken("renditionConfiguration.renditions", "is required when renditionSelection is CUSTOM")
			}
			d.Renditions.Chosen = r.Renditions
		}
	}
	if t := in.ThumbnailConfiguration; t != nil {
		set(&d.Thumbnails.Mode, t.RecordingMode)
		set(&d.Thumbnails.Resolution, t.Resolution)
		if len(t.Storage) > 0 {
			d.Thumbnails.Storage = t.Storage
		}
		if t.TargetIntervalSeconds != nil {
			d.Thumbnails.Interval = time.Duration(*t.TargetIntervalSeconds) * time.Second
		}
		if d.Thumbnails.Mode == RecordingModeDisabled {
			d.Thumbnails.Interval = 0
		}
	}
	return d, nil
}

// CreateRecordingConfiguration makes a recording configuration, which becomes active a moment later.
func (s *Service) CreateRecordingConfiguration(ctx context.Context, in *CreateRecordingConfigurationInput) (*CreateRecordingConfigurationOutput, error) {
	doc, err := newRecording(in)
	if err != nil {
		return nil, err
	}
	name, err := create(ctx, s, s.recordings, arn.RecordingConfiguration, doc, in.Tags)
	if err != nil {
		return nil, err
	}
	return &CreateRecordingConfigurationOutput{RecordingConfiguration: doc.show(name, RecordingConfigurationStateCreating, in.Tags)}, nil
}

func (d *recordingDoc) show(name, state string, tags map[string]string) *RecordingConfiguration {
	shown := &RecordingConfiguration{
		Arn: name, Name: &d.Name, State: state, Tags: orEmpty(tags),
		DestinationConfiguration:        &DestinationConfiguration{S3: &S3DestinationConfiguration{BucketName: d.Bucket}},
		RecordingReconnectWindowSeconds: new(int(d.ReconnectWindow / time.Second)),
		RenditionConfiguration:          &RenditionConfiguration{RenditionSelection: &d.Renditions.Selection, Renditions: d.Renditions.Chosen},
		ThumbnailConfiguration:          &ThumbnailConfiguration{RecordingMode: &d.Thumbnails.Mode, Storage: d.Thumbnails.Storage},
	}
	if t := d.Thumbnails; t.Resolution != "" {
		shown.ThumbnailConfiguration.Resolution = &t.Resolution
	}
	if t := d.Thumbnails; t.Interval > 0 {
		shown.ThumbnailConfiguration.TargetIntervalSeconds = new(int64(t.Interval / time.Second))
	}
	return shown
}

// GetRecordingConfiguration tells of one recording configuration.
func (s *Service) GetRecordingConfiguration(ctx context.Context, in *GetRecordingConfigurationInput) (*GetRecordingConfigurationOutput, error) {
	row, tags, err := read(ctx, s, s.recordings, arn.RecordingConfiguration, in.Arn)
	if err != nil {
		return nil, err
	}
	return &GetRecordingConfigurationOutput{RecordingConfiguration: row.Doc.show(row.ARN, recordingState(row.Created, s.now()), tags)}, nil
}

// ListRecordingConfigurations lists the recording configurations, newest first.
func (s *Service) ListRecordingConfigurations(ctx context.Context, in *ListRecordingConfigurationsInput) (*ListRecordingConfigurationsOutput, error) {
	p, err := list(ctx, s, s.recordings, "ListRecordingConfigurations", limit(in.MaxResults, s.usual(arn.RecordingConfiguration)), in.NextToken)
	if err != nil {
		return nil, err
	}
	out := &ListRecordingConfigurationsOutput{RecordingConfigurations: []RecordingConfigurationSummary{}, NextToken: p.next}
	for i := range p.rows {
		row := &p.rows[i]
		shown := row.Doc.show(row.ARN, recordingState(row.Created, s.now()), p.tags[row.ARN])
		out.RecordingConfigurations = append(out.RecordingConfigurations, RecordingConfigurationSummary{
			Arn: shown.Arn, Name: shown.Name, State: shown.State, Tags: shown.Tags, DestinationConfiguration: shown.DestinationConfiguration,
		})
	}
	return out, nil
}

// DeleteRecordingConfiguration removes a recording configuration that no channel has.
func (s *Service) DeleteRecordingConfiguration(ctx context.Context, in *DeleteRecordingConfigurationInput) (*DeleteRecordingConfigurationOutput, error) {
	if err := deleteUnused(ctx, s, s.recordings, arn.RecordingConfiguration, refRecording, in.Arn); err != nil {
		return nil, err
	}
	return &DeleteRecordingConfigurationOutput{}, nil
}
