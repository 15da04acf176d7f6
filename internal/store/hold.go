package store

import (
	"context"
	"slices"
)

// Hold is called in a transaction: until that ends, nobody changes or deletes the resources of these names.
// It is NotFound if one of them does not exist.
func (db *DB) Hold(ctx context.Context, names ...string) error {
	if db.txOf(ctx) == nil {
		panic("store: Hold outside of a transaction")
	}
	names = slices.Clone(names)
	slices.Sort(names) // in one order, or two transactions could wait for each other
	for _, name := range slices.Compact(names) {
		if err := db.lockResource(ctx, name); err != nil {
			return err
		}
	}
	return nil
}
