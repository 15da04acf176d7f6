package ivsrealtime

import (
	"context"

	"github.com/streamcat/streamcat/internal/fault"
	"github.com/streamcat/streamcat/internal/store"
)

// refUses names, among the refs of a composition that has not ended, what it uses: its stage, encoder and
// storage configurations and channels.
const refUses = "uses"

// inUse is a Conflict if a composition that has not ended uses the resource of this name. Who asks before a
// delete holds the resource in the same transaction, and so does whoever starts a composition.
func (s *Service) inUse(ctx context.Context, name string) error {
	n, err := s.compositions.Count(ctx, store.Ref{Name: refUses, Value: name})
	if err == nil && n > 0 {
		err = fault.InConflict("%s is in use by a composition that has not ended", name)
	}
	return err
}
