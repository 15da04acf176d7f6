package ivschat

import (
	"context"

	"github.com/streamcat/streamcat/internal/arn"
	live "github.com/streamcat/streamcat/internal/room"
	"github.com/streamcat/streamcat/internal/store"
)

// Directory tells the living rooms what the database knows of them. It is a room.Directory.
type Directory struct {
	minter arn.Minter
	rooms  *store.Collection[room]
}

// NewDirectory makes the directory of one region and account.
func NewDirectory(db *store.DB, minter arn.Minter) *Directory {
	return &Directory{minter, collection(db)}
}

// Room gives a room by its name; a room that does not exist, or not any more, is a NotFound fault.
func (d *Directory) Room(ctx context.Context, name string) (live.Spec, error) {
	a, err := d.minter.Own(arn.Room, name)
	if err != nil {
		return live.Spec{}, err
	}
	row, err := d.rooms.Get(ctx, name)
	if err != nil {
		return live.Spec{}, err
	}
	return live.Spec{ARN: name, ID: a.ID, Name: row.Doc.Name, MaxRate: row.Doc.MaxRate, MaxLength: row.Doc.MaxLength, Logging: row.Doc.Logging}, nil
}
