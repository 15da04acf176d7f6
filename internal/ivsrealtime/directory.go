package ivsrealtime

import (
	"context"

	"github.com/streamcat/streamcat/internal/arn"
	"github.com/streamcat/streamcat/internal/store"
)

// Directory is how the live side looks stages up.
type Directory struct {
	minter arn.Minter
	stages *store.Collection[stage]
}

// NewDirectory makes a directory on an open database.
func NewDirectory(db *store.DB, minter arn.Minter) *Directory {
	return &Directory{minter, store.NewCollection[stage](db, arn.Stage, nil)}
}

// Stage is a NotFound fault for a stage that does not exist here.
func (d *Directory) Stage(ctx context.Context, stageARN string) error {
	if _, err := d.minter.Own(arn.Stage, stageARN); err != nil {
		return err
	}
	_, err := d.stages.Get(ctx, stageARN)
	return err
}
