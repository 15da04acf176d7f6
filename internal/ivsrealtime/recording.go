package ivsrealtime

import (
	"bytes"
	"context"
	"encoding/json"

	"github.com/streamcat/streamcat/internal/arn"
	"github.com/streamcat/streamcat/internal/fault"
)

// defaultRecording is the configuration of a stage that records nobody. Answers always show it in full.
func defaultRecording() AutoParticipantRecordingConfiguration {
	return AutoParticipantRecordingConfiguration{
		StorageConfigurationArn:         new(string),
		MediaTypes:                      []string{ParticipantRecordingMediaTypeAudioVideo},
		RecordingReconnectWindowSeconds: new(int),
		RecordParticipantReplicas:       new(true),
		HlsConfiguration:                &ParticipantRecordingHlsConfiguration{TargetSegmentDurationSeconds: new(6)},
		ThumbnailConfiguration: &ParticipantThumbnailConfiguration{
			RecordingMode:         new(ThumbnailRecordingModeDisabled),
			Storage:               []string{ThumbnailStorageTypeSequential},
			TargetIntervalSeconds: new(60),
		},
	}
}

// holdStorage wants the storage configuration that was asked for to exist until the transaction of ctx ends,
// and with it the stage of this name, if there is one already.
func (s *Service) holdStorage(ctx context.Context, asked *AutoParticipantRecordingConfiguration, stage ...string) error {
	if asked == nil || *asked.StorageConfigurationArn == "" {
		return s.DB.Hold(ctx, stage...)
	}
	if _, err := s.Minter.Own(arn.StorageConfiguration, *asked.StorageConfigurationArn); err != nil {
		return err
	}
	return s.DB.Hold(ctx, append(stage, *asked.StorageConfigurationArn)...)
}

// changeRecording is applyRecording for a stage that may be in use: while somebody publishes whom it says to
// record, it stays as it is.
func (s *Service) changeRecording(ctx context.Context, stage string, to, asked *AutoParticipantRecordingConfiguration) error {
	before, err := json.Marshal(to)
	if err != nil {
		return err
	}
	records := *to.StorageConfigurationArn != ""
	applyRecording(to, asked)
	after, err := json.Marshal(to)
	if err != nil || !records || bytes.Equal(before, after) {
		return err
	}
	running, err := s.DB.Published(ctx, stage)
	if err == nil && running {
		err = fault.InConflict("autoParticipantRecordingConfiguration of %s cannot change while participants are recorded", stage)
	}
	return err
}

// applyRecording changes to by what was asked for. Nil asks for nothing; an empty storage configuration
// turns recording off and puts everything else back to its default; otherwise what is absent stays, and
// an empty list counts as absent.
func applyRecording(to, asked *AutoParticipantRecordingConfiguration) {
	switch {
	case asked == nil:
		return
	case *asked.StorageConfigurationArn == "":
		*to = defaultRecording()
		return
	}
	to.StorageConfigurationArn = asked.StorageConfigurationArn
	setList(&to.MediaTypes, asked.MediaTypes)
	set(&to.RecordingReconnectWindowSeconds, asked.RecordingReconnectWindowSeconds)
	set(&to.RecordParticipantReplicas, asked.RecordParticipantReplicas)
	if h := asked.HlsConfiguration; h != nil {
		set(&to.HlsConfiguration.TargetSegmentDurationSeconds, h.TargetSegmentDurationSeconds)
	}
	if t := asked.ThumbnailConfiguration; t != nil {
		set(&to.ThumbnailConfiguration.RecordingMode, t.RecordingMode)
		set(&to.ThumbnailConfiguration.TargetIntervalSeconds, t.TargetIntervalSeconds)
		setList(&to.ThumbnailConfiguration.Storage, t.Storage)
	}
}

func set[T any](to **T, asked *T) {
	if asked != nil {
		*to = asked
	}
}

func setList(to *[]string, asked []string) {
	if len(asked) > 0 {
		*to = asked
	}
}

// asValidation is for operations that model no ResourceNotFoundException: what they refer to and is
// not there makes the request invalid.
func asValidation(err error) error {
	if f := fault.As(err); f != nil && f.Kind == fault.NotFound {
		return fault.InvalidInput("%s", f.Message)
	}
	return err
}
