package ivsrealtime

import (
	"context"
	"slices"
	"strings"

	"github.com/streamcat/streamcat/internal/api"
	"github.com/streamcat/streamcat/internal/arn"
	"github.com/streamcat/streamcat/internal/fault"
	"github.com/streamcat/streamcat/internal/store"
)

// ListIngestConfigurations gives the ingest configurations, newest first, under at most one filter.
func (s *Service) ListIngestConfigurations(ctx context.Context, in *ListIngestConfigurationsInput) (*ListIngestConfigurationsOutput, error) {
	if in.FilterByStageArn != nil && in.FilterByState != nil {
		return nil, fault.InvalidInput("only one of filterByStageArn and filterByState may be given")
	}
	listing := []string{"ListIngestConfigurations", text(in.FilterByStageArn), text(in.FilterByState)}
	after, err := api.Page[store.Cursor](in.NextToken, listing...)
	if err != nil {
		return nil, err
	}
	active, err := s.activeIngests(ctx)
	if err != nil {
		return nil, err
	}
	query := store.Query{Limit: limit(in.MaxResults, defaultPage), After: after}
	if in.FilterByStageArn != nil {
		query.Refs = []store.Ref{{Name: refStage, Value: *in.FilterByStageArn}}
	}
	var rows []store.Row[ingest]
	var next *store.Cursor
	switch text(in.FilterByState) {
	case IngestConfigurationStateActive:
		rows, next, err = s.listActive(ctx, active, query)
	case IngestConfigurationStateInactive:
		rows, next, err = s.listInactive(ctx, active, query)
	default:
		rows, next, err = s.ingests.List(ctx, query)
	}
	if err != nil {
		return nil, err
	}
	out := &ListIngestConfigurationsOutput{IngestConfigurations: make([]IngestConfigurationSummary, len(rows)), NextToken: api.NextToken(next, listing...)}
	for i := range rows {
		doc := &rows[i].Doc
		out.IngestConfigurations[i] = IngestConfigurationSummary{
			Arn: rows[i].ARN, Name: &doc.Name, StageArn: doc.StageArn, ParticipantId: doc.ParticipantID, UserId: &doc.UserID,
			IngestProtocol: doc.Protocol, RedundantIngest: new(doc.redundant()), State: ingestState(active[rows[i].ARN]),
		}
	}
	return out, nil
}

// activeIngests gives the configurations through which somebody publishes now: no more than publishers.
func (s *Service) activeIngests(ctx context.Context) (map[string]bool, error) {
	names, err := s.DB.PublishingBy(ctx, arn.IngestConfiguration, refParticipant, refStage)
	if err != nil {
		return nil, err
	}
	active := make(map[string]bool, len(names))
	for _, name := range names {
		active[name] = true
	}
	return active, nil
}

// listActive gives a page of the active ones.
func (s *Service) listActive(ctx context.Context, active map[string]bool, q store.Query) ([]store.Row[ingest], *store.Cursor, error) {
	names := make([]string, 0, len(active))
	for name := range active {
		names = append(names, name)
	}
	found, err := s.ingests.GetMany(ctx, names)
	if err != nil {
		return nil, nil, err
	}
	var rows []store.Row[ingest]
	for _, row := range found {
		if at := row.Created.UnixMicro(); q.After == nil || at < q.After.Time || at == q.After.Time && row.ARN < q.After.ARN {
			rows = append(rows, *row)
		}
	}
	slices.SortFunc(rows, func(a, b store.Row[ingest]) int {
		if n := b.Created.Compare(a.Created); n != 0 {
			return n
		}
		return strings.Compare(b.ARN, a.ARN)
	})
	if len(rows) <= q.Limit {
		return rows, nil, nil
	}
	rows = rows[:q.Limit]
	return rows, cursorAt(rows), nil
}

// listInactive gives a page of the others: it reads on where active ones are left out.
func (s *Service) listInactive(ctx context.Context, active map[string]bool, q store.Query) ([]store.Row[ingest], *store.Cursor, error) {
	var rows []store.Row[ingest]
	for {
		page, next, err := s.ingests.List(ctx, q)
		if err != nil {
			return nil, nil, err
		}
		for _, row := range page {
			if active[row.ARN] {
				continue
			}
			if len(rows) == q.Limit {
				return rows, cursorAt(rows), nil
			}
			rows = append(rows, row)
		}
		if next == nil {
			return rows, nil, nil
		}
		q.After = next
	}
}

func cursorAt(rows []store.Row[ingest]) *store.Cursor {
	last := rows[len(rows)-1]
	return &store.Cursor{Time: last.Created.UnixMicro(), ARN: last.ARN}
}
