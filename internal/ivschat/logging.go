package ivschat

import (
	"context"

	"github.com/streamcat/streamcat/internal/api"
	"github.com/streamcat/streamcat/internal/arn"
	"github.com/streamcat/streamcat/internal/fault"
	"github.com/streamcat/streamcat/internal/store"
)

// logging is what the database keeps of a logging configuration. Rooms name it in their own documents,
// so whoever attaches or deletes one holds its row meanwhile.
type logging struct {
	Name        string                    `json:"name"`
	Destination *DestinationConfiguration `json:"destination"`
	State       string                    `json:"state"` // a LoggingConfigurationState
}

// CreateLoggingConfiguration makes a logging configuration. That its destination exists is for those to
// find out who write to it.
func (s *Service) CreateLoggingConfiguration(ctx context.Context, in *CreateLoggingConfigurationInput) (*CreateLoggingConfigurationOutput, error) {
	doc := logging{Name: optional(in.Name), Destination: in.DestinationConfiguration, State: LoggingConfigurationStateActive}
	row, err := s.logging.InsertWithin(ctx, s.Quotas[arn.LoggingConfiguration], s.Minter.New(arn.LoggingConfiguration), &doc, in.Tags)
	if err != nil {
		return nil, err
	}
	return (*CreateLoggingConfigurationOutput)(showLogging(row, in.Tags)), nil
}

// GetLoggingConfiguration gives one logging configuration.
func (s *Service) GetLoggingConfiguration(ctx context.Context, in *GetLoggingConfigurationInput) (*GetLoggingConfigurationOutput, error) {
	row, err := s.loggingConfiguration(ctx, in.Identifier)
	if err != nil {
		return nil, err
	}
	tags, err := s.DB.Tags(ctx, row.ARN)
	if err != nil {
		return nil, err
	}
	return (*GetLoggingConfigurationOutput)(showLogging(row, tags[row.ARN])), nil
}

// UpdateLoggingConfiguration changes what the request names and leaves the rest. The rooms that use it
// go on using it.
func (s *Service) UpdateLoggingConfiguration(ctx context.Context, in *UpdateLoggingConfigurationInput) (*UpdateLoggingConfigurationOutput, error) {
	if _, err := s.Minter.Own(arn.LoggingConfiguration, in.Identifier); err != nil {
		return nil, err
	}
	row, err := s.logging.Update(ctx, in.Identifier, func(doc *logging) error {
		if in.Name != nil {
			doc.Name = *in.Name
		}
		if in.DestinationConfiguration != nil {
			doc.Destination = in.DestinationConfiguration
		}
		doc.State = LoggingConfigurationStateActive
		return nil
	})
	if err != nil {
		return nil, err
	}
	tags, err := s.DB.Tags(ctx, row.ARN)
	if err != nil {
		return nil, err
	}
	return (*UpdateLoggingConfigurationOutput)(showLogging(row, tags[row.ARN])), nil
}

// DeleteLoggingConfiguration removes a logging configuration that no room uses.
func (s *Service) DeleteLoggingConfiguration(ctx context.Context, in *DeleteLoggingConfigurationInput) (*DeleteLoggingConfigurationOutput, error) {
	if _, err := s.Minter.Own(arn.LoggingConfiguration, in.Identifier); err != nil {
		return nil, err
	}
	err := s.DB.Tx(ctx, func(ctx context.Context) error {
		if err := s.DB.Hold(ctx, in.Identifier); err != nil {
			return err
		}
		n, err := s.rooms.Count(ctx, store.Ref{Name: refLogging, Value: in.Identifier})
		if err != nil {
			return err
		}
		if n > 0 {
			return loggingConflict(in.Identifier, "is used by a room")
		}
		return s.logging.Delete(ctx, in.Identifier)
	})
	if err != nil {
		return nil, err
	}
	return &DeleteLoggingConfigurationOutput{}, nil
}

// ListLoggingConfigurations gives the logging configurations, the newest first.
func (s *Service) ListLoggingConfigurations(ctx context.Context, in *ListLoggingConfigurationsInput) (*ListLoggingConfigurationsOutput, error) {
	const listing = "ListLoggingConfigurations"
	after, err := api.Page[store.Cursor](in.NextToken, listing)
	if err != nil {
		return nil, err
	}
	limit := defaultPage
	if in.MaxResults != nil {
		limit = *in.MaxResults
	}
	rows, next, err := s.logging.List(ctx, store.Query{Limit: limit, After: after})
	if err != nil {
		return nil, err
	}
	names := make([]string, len(rows))
	for i, row := range rows {
		names[i] = row.ARN
	}
	tags, err := s.DB.Tags(ctx, names...)
	if err != nil {
		return nil, err
	}
	out := &ListLoggingConfigurationsOutput{LoggingConfigurations: make([]LoggingConfigurationSummary, len(rows)), NextToken: api.NextToken(next, listing)}
	for i := range rows {
		out.LoggingConfigurations[i] = *showLogging(&rows[i], tags[rows[i].ARN])
	}
	return out, nil
}

// holdLogging wants logging configurations of this region and account that rooms may use now, and keeps
// them until the transaction ends.
func (s *Service) holdLogging(ctx context.Context, names []string) error {
	for _, name := range names {
		if _, err := s.Minter.Own(arn.LoggingConfiguration, name); err != nil {
			return err
		}
	}
	if err := s.DB.Hold(ctx, names...); err != nil {
		return err
	}
	rows, err := s.logging.GetMany(ctx, names)
	if err != nil {
		return err
	}
	for _, name := range names {
		if rows[name].Doc.State != LoggingConfigurationStateActive {
			return loggingConflict(name, "is not active")
		}
	}
	return nil
}

func loggingConflict(name, why string) error {
	return fault.InConflict("%s %s %s", arn.LoggingConfiguration, name, why).About("LOGGING_CONFIGURATION", arn.ID(name))
}

// loggingConfiguration reads a logging configuration of this region and account.
func (s *Service) loggingConfiguration(ctx context.Context, name string) (*store.Row[logging], error) {
	if _, err := s.Minter.Own(arn.LoggingConfiguration, name); err != nil {
		return nil, err
	}
	return s.logging.Get(ctx, name)
}

// showLogging shows a logging configuration. The answers of all operations have the same members.
func showLogging(row *store.Row[logging], tags map[string]string) *LoggingConfigurationSummary {
	if tags == nil {
		tags = map[string]string{}
	}
	return &LoggingConfigurationSummary{
		Arn:                      &row.ARN,
		Id:                       new(arn.ID(row.ARN)),
		Name:                     &row.Doc.Name,
		DestinationConfiguration: row.Doc.Destination,
		State:                    &row.Doc.State,
		CreateTime:               &api.Millis{Time: row.Created},
		UpdateTime:               &api.Millis{Time: row.Updated},
		Tags:                     tags,
	}
}
