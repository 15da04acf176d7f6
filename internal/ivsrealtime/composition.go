package ivsrealtime

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"

	"github.com/streamcat/streamcat/internal/api"
	"github.com/streamcat/streamcat/internal/arn"
	"github.com/streamcat/streamcat/internal/fault"
	live "github.com/streamcat/streamcat/internal/stage"
	"github.com/streamcat/streamcat/internal/store"
)

// Compositor is the live side of compositions; *stage.Manager fits.
type Compositor interface {
	// Compose takes up a composition that is written down as STARTING, and returns at once.
	Compose(compositionARN string)
	// StopComposition ends a composition, written down when it returns. One that has ended stays as it is.
	StopComposition(ctx context.Context, compositionARN string) error
}

// Compose is never called: StartComposition finds no compositor first.
func (nowhere) Compose(string) {}

func (nowhere) StopComposition(context.Context, string) error {
	return fault.Down("compositions do not run here")
}

const (
	compositionPage = 100
	// compositionsPerStage counts where there is a quota of compositions at all.
	compositionsPerStage = 5
)

// StartComposition starts to compose a stage. The same idempotency token with the same parameters means the
// composition that was started first.
func (s *Service) StartComposition(ctx context.Context, in *StartCompositionInput) (*StartCompositionOutput, error) {
	doc, err := s.composition(in)
	if err != nil {
		return nil, err
	}
	if out, err := s.started(ctx, doc); out != nil || err != nil {
		return out, err
	}
	name := s.Minter.New(arn.Composition)
	var row *store.Row[live.Composition]
	err = s.DB.Tx(ctx, func(ctx context.Context) error {
		if err := live.ForgetCompositions(ctx, s.DB, s.Now()); err != nil { // or a token would stay taken
			return err
		}
		if err := s.DB.Hold(ctx, doc.Uses()...); err != nil {
			return err
		}
		if limit := s.Quotas[arn.Composition]; limit > 0 {
			if err := live.CompositionQuota(ctx, s.DB, in.StageArn, limit, compositionsPerStage); err != nil {
				return err
			}
		}
		row, err = s.compositions.Insert(ctx, name, doc, in.Tags)
		return err
	})
	if fault.Of(err) == fault.Conflict { // another one with the token came first
		if out, err := s.started(ctx, doc); out != nil || err != nil {
			return out, err
		}
	}
	if err != nil {
		return nil, err
	}
	s.Compositor.Compose(name)
	out, err := compositionShape(row, in.Tags)
	return &StartCompositionOutput{out}, err
}

// started gives the composition that was started with a token; nil if there is none. It is a Conflict if
// something else was asked for then.
func (s *Service) started(ctx context.Context, asked *live.Composition) (*StartCompositionOutput, error) {
	if asked.Token == "" {
		return nil, nil
	}
	row, err := s.compositions.Find(ctx, store.Ref{Name: "token", Value: asked.Token})
	switch {
	case fault.Of(err) == fault.NotFound:
		return nil, nil
	case err != nil:
		return nil, err
	case row.Doc.Over(s.Now()):
		return nil, nil
	case row.Doc.Request != asked.Request:
		return nil, fault.InConflict("the idempotency token was used with other parameters")
	}
	out, err := s.showComposition(ctx, row)
	return &StartCompositionOutput{out}, err
}

// GetComposition gives one composition.
func (s *Service) GetComposition(ctx context.Context, in *GetCompositionInput) (*GetCompositionOutput, error) {
	row, err := s.compositionRow(ctx, in.Arn)
	if err != nil {
		return nil, err
	}
	out, err := s.showComposition(ctx, row)
	return &GetCompositionOutput{out}, err
}

// ListCompositions gives the compositions of a stage, with an encoder configuration, with both, or all; the
// newest first.
func (s *Service) ListCompositions(ctx context.Context, in *ListCompositionsInput) (*ListCompositionsOutput, error) {
	listing := []string{"ListCompositions", text(in.FilterByStageArn), text(in.FilterByEncoderConfigurationArn)}
	after, err := api.Page[store.Cursor](in.NextToken, listing...)
	if err != nil {
		return nil, err
	}
	q := store.Query{Limit: compositionPage, After: after}
	if in.MaxResults != nil {
		q.Limit = *in.MaxResults
	}
	if in.FilterByStageArn != nil {
		q.Refs = append(q.Refs, store.Ref{Name: "stage", Value: *in.FilterByStageArn})
	}
	if in.FilterByEncoderConfigurationArn != nil {
		q.Refs = append(q.Refs, store.Ref{Name: "encoder", Value: *in.FilterByEncoderConfigurationArn})
	}
	rows, next, err := s.compositions.List(ctx, q)
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
	out := &ListCompositionsOutput{Compositions: []CompositionSummary{}, NextToken: api.NextToken(next, listing...)}
	for _, row := range rows {
		if !row.Doc.Over(s.Now()) { // one that is, and not removed yet, makes a page shorter
			out.Compositions = append(out.Compositions, compositionSummary(&row, tags[row.ARN]))
		}
	}
	return out, nil
}

// StopComposition ends a composition. One that has ended stays as it is.
func (s *Service) StopComposition(ctx context.Context, in *StopCompositionInput) (*StopCompositionOutput, error) {
	row, err := s.compositionRow(ctx, in.Arn)
	if err != nil {
		return nil, err
	}
	if err := s.Compositor.StopComposition(ctx, row.ARN); err != nil {
		return nil, err
	}
	return &StopCompositionOutput{}, nil
}

// compositionRow reads a composition of this region and account that can be seen.
func (s *Service) compositionRow(ctx context.Context, name string) (*store.Row[live.Composition], error) {
	a, err := s.Minter.Own(arn.Composition, name)
	if err != nil {
		return nil, err
	}
	row, err := s.compositions.Get(ctx, name)
	if err == nil && row.Doc.Over(s.Now()) {
		err = a.Missing()
	}
	return row, err
}

// composition makes what is kept of a composition from what was asked for, with all defaults written out.
func (s *Service) composition(in *StartCompositionInput) (*live.Composition, error) {
	if _, ok := s.Compositor.(nowhere); ok {
		return nil, fault.Down("compositions do not run here")
	}
	if _, err := s.Minter.Own(arn.Stage, in.StageArn); err != nil {
		return nil, err
	}
	asked := *in
	asked.IdempotencyToken = nil // which its own request is compared without
	request, err := json.Marshal(&asked)
	if err != nil {
		return nil, fmt.Errorf("digest of a composition: %w", err)
	}
	sum := sha256.Sum256(request)
	doc := &live.Composition{
		StageARN: in.StageArn, State: CompositionStateStarting, Started: s.Now(), Token: text(in.IdempotencyToken), Request: hex.EncodeToString(sum[:]),
	}
	layout, err := layoutOf(in.Layout)
	if err != nil {
		return nil, err
	}
	if doc.Layout, err = json.Marshal(layout); err != nil {
		return nil, fmt.Errorf("layout of a composition: %w", err)
	}
	for _, c := range in.Destinations {
		d, err := s.destination(c)
		if err != nil {
			return nil, err
		}
		doc.Destinations = append(doc.Destinations, *d)
	}
	if d := in.Destinations; len(d) == 2 && (d[0].Channel == nil) == (d[1].Channel == nil) {
		return nil, fault.InvalidInput("destinations are at most one channel and one s3")
	}
	return doc, nil
}
