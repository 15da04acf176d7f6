package ivsrealtime

import (
	"context"

	"github.com/streamcat/streamcat/internal/arn"
	"github.com/streamcat/streamcat/internal/fault"
	"github.com/streamcat/streamcat/internal/store"
)

// storage is what the database keeps of a storage configuration.
type storage struct {
	Name   string `json:"name"`
	Bucket string `json:"bucket"`
}

// CreateStorageConfiguration keeps where recordings are to go. The bucket is not looked at.
func (s *Service) CreateStorageConfiguration(ctx context.Context, in *CreateStorageConfigurationInput) (*CreateStorageConfigurationOutput, error) {
	doc := storage{Name: text(in.Name), Bucket: in.S3.BucketName}
	row, err := s.storages.InsertWithin(ctx, s.Quotas[arn.StorageConfiguration], s.Minter.New(arn.StorageConfiguration), &doc, in.Tags)
	if err != nil {
		return nil, err
	}
	return &CreateStorageConfigurationOutput{StorageConfiguration: showStorage(row, in.Tags)}, nil
}

func showStorage(row *store.Row[storage], tags map[string]string) *StorageConfiguration {
	return &StorageConfiguration{Arn: row.ARN, Name: &row.Doc.Name, S3: &S3StorageConfiguration{BucketName: row.Doc.Bucket}, Tags: orEmpty(tags)}
}

// GetStorageConfiguration gives one storage configuration.
func (s *Service) GetStorageConfiguration(ctx context.Context, in *GetStorageConfigurationInput) (*GetStorageConfigurationOutput, error) {
	row, tags, err := get(ctx, s, s.storages, arn.StorageConfiguration, in.Arn)
	if err != nil {
		return nil, err
	}
	return &GetStorageConfigurationOutput{StorageConfiguration: showStorage(row, tags)}, nil
}

// ListStorageConfigurations gives the storage configurations, newest first. A page holds as many as there
// may be, unless that is more than a hundred.
func (s *Service) ListStorageConfigurations(ctx context.Context, in *ListStorageConfigurationsInput) (*ListStorageConfigurationsOutput, error) {
	usual := 100
	if quota := s.Quotas[arn.StorageConfiguration]; quota > 0 {
		usual = min(quota, usual)
	}
	out := &ListStorageConfigurationsOutput{StorageConfigurations: []StorageConfigurationSummary{}}
	var err error
	out.NextToken, err = list(ctx, s, s.storages, "ListStorageConfigurations", in.NextToken, limit(in.MaxResults, usual),
		func(row *store.Row[storage], tags map[string]string) {
			out.StorageConfigurations = append(out.StorageConfigurations, StorageConfigurationSummary(*showStorage(row, tags)))
		})
	if err != nil {
		return nil, err
	}
	return out, nil
}

// DeleteStorageConfiguration removes a storage configuration that no composition uses and no stage records to.
func (s *Service) DeleteStorageConfiguration(ctx context.Context, in *DeleteStorageConfigurationInput) (*DeleteStorageConfigurationOutput, error) {
	if _, err := s.Minter.Own(arn.StorageConfiguration, in.Arn); err != nil {
		return nil, err
	}
	err := s.DB.Tx(ctx, func(ctx context.Context) error {
		if err := s.DB.Hold(ctx, in.Arn); err != nil {
			return err
		}
		if err := s.inUse(ctx, in.Arn); err != nil {
			return err
		}
		row, err := s.stages.Find(ctx, store.Ref{Name: refStorage, Value: in.Arn})
		if err == nil {
			return fault.InConflict("stage %s records to %s", row.ARN, in.Arn)
		}
		if fault.Of(err) != fault.NotFound {
			return err
		}
		return s.storages.Delete(ctx, in.Arn)
	})
	if err != nil {
		return nil, err
	}
	return &DeleteStorageConfigurationOutput{}, nil
}
