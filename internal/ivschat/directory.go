package ivschat

import (
	"context"

	"github.com/streamcat/streamcat/internal/arn"
	"github.com/streamcat/streamcat/internal/chatlog"
	live "github.com/streamcat/streamcat/internal/room"
	"github.com/streamcat/streamcat/internal/store"
)

// Directory tells the living rooms and their logs what the database knows of them. It is a room.Directory
// and a chatlog.Directory.
type Directory struct {
	minter  arn.Minter
	rooms   *store.Collection[room]
	logging *store.Collection[logging]
}

// NewDirectory makes the directory of one region and account.
func NewDirectory(db *store.DB, minter arn.Minter) *Directory {
	return &Directory{minter, collection(db), store.NewCollection[logging](db, arn.LoggingConfiguration, nil)}
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
	s := live.Spec{ARN: name, ID: a.ID, Name: row.Doc.Name, MaxRate: row.Doc.MaxRate, MaxLength: row.Doc.MaxLength, Logging: row.Doc.Logging}
	if h := row.Doc.Handler; h != nil {
		s.ReviewHandler, s.DenyUnreviewed = h.URI, h.Fallback == FallbackResultDeny
	}
	return s, nil
}

// LogDestination gives where a logging configuration leads; one that does not exist, or not any more, is a
// NotFound fault.
func (d *Directory) LogDestination(ctx context.Context, name string) (chatlog.Destination, error) {
	if _, err := d.minter.Own(arn.LoggingConfiguration, name); err != nil {
		return chatlog.Destination{}, err
	}
	row, err := d.logging.Get(ctx, name)
	if err != nil {
		return chatlog.Destination{}, err
	}
	switch to := row.Doc.Destination; {
	case to.S3 != nil:
		return chatlog.Destination{Bucket: to.S3.BucketName}, nil
	case to.CloudWatchLogs != nil:
		return chatlog.Destination{LogGroup: to.CloudWatchLogs.LogGroupName}, nil
	default: // Validate lets nothing else in
		return chatlog.Destination{Stream: to.Firehose.DeliveryStreamName}, nil
	}
}
