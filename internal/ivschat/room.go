package ivschat

import (
	"context"
	"slices"

	"github.com/streamcat/streamcat/internal/api"
	"github.com/streamcat/streamcat/internal/arn"
	"github.com/streamcat/streamcat/internal/store"
)

const (
	defaultRate   = 10  // messages per second
	defaultLength = 500 // code points of a message
	defaultPage   = 50
)

// Names of the refs by which rooms are found.
const (
	refName    = "name"
	refHandler = "handler"
	refLogging = "logging"
)

// room is what the database keeps of a room. Its tags stand in their own table.
type room struct {
	Name      string   `json:"name"`
	MaxRate   int      `json:"maxRate"`
	MaxLength int      `json:"maxLength"`
	Handler   *handler `json:"handler,omitempty"` // nil: messages are not reviewed
	Logging   []string `json:"logging,omitempty"` // ARNs of logging configurations
}

// handler is who reviews messages, and what holds if it cannot.
type handler struct {
	URI      string `json:"uri"`
	Fallback string `json:"fallback"`
}

func collection(db *store.DB) *store.Collection[room] {
	return store.NewCollection(db, arn.Room, func(r *room) []store.Ref {
		refs := []store.Ref{{Name: refName, Value: r.Name}}
		if r.Handler != nil {
			refs = append(refs, store.Ref{Name: refHandler, Value: r.Handler.URI})
		}
		for _, l := range r.Logging {
			refs = append(refs, store.Ref{Name: refLogging, Value: l})
		}
		return refs
	})
}

// CreateRoom makes a room.
func (s *Service) CreateRoom(ctx context.Context, in *CreateRoomInput) (*CreateRoomOutput, error) {
	doc := room{MaxRate: defaultRate, MaxLength: defaultLength}
	doc.apply(&UpdateRoomInput{
		Name: in.Name, MaximumMessageRatePerSecond: in.MaximumMessageRatePerSecond, MaximumMessageLength: in.MaximumMessageLength,
		MessageReviewHandler: in.MessageReviewHandler, LoggingConfigurationIdentifiers: in.LoggingConfigurationIdentifiers,
	})
	var row *store.Row[room]
	err := s.DB.Tx(ctx, func(ctx context.Context) (err error) {
		if err := s.holdLogging(ctx, doc.Logging); err != nil {
			return err
		}
		row, err = s.rooms.InsertWithin(ctx, s.Quotas[arn.Room], s.Minter.New(arn.Room), &doc, in.Tags)
		return err
	})
	if err != nil {
		return nil, err
	}
	return (*CreateRoomOutput)(shape(row, in.Tags)), nil
}

// GetRoom gives one room.
func (s *Service) GetRoom(ctx context.Context, in *GetRoomInput) (*GetRoomOutput, error) {
	row, err := s.room(ctx, in.Identifier)
	if err != nil {
		return nil, err
	}
	tags, err := s.DB.Tags(ctx, row.ARN)
	if err != nil {
		return nil, err
	}
	return shape(row, tags[row.ARN]), nil
}

// UpdateRoom changes what the request names and leaves the rest. Members who are connected feel a new
// rate or length within moments.
func (s *Service) UpdateRoom(ctx context.Context, in *UpdateRoomInput) (*UpdateRoomOutput, error) {
	if _, err := s.Minter.Own(arn.Room, in.Identifier); err != nil {
		return nil, err
	}
	var row *store.Row[room]
	err := s.DB.Tx(ctx, func(ctx context.Context) (err error) {
		row, err = s.rooms.Update(ctx, in.Identifier, func(doc *room) error {
			doc.apply(in)
			if in.LoggingConfigurationIdentifiers == nil {
				return nil
			}
			return s.holdLogging(ctx, doc.Logging)
		})
		return err
	})
	if err != nil {
		return nil, err
	}
	tags, err := s.DB.Tags(ctx, row.ARN)
	if err != nil {
		return nil, err
	}
	return (*UpdateRoomOutput)(shape(row, tags[row.ARN])), nil
}

// DeleteRoom removes a room and disconnects its members. The room is gone even if they could not be
// reached: they can say nothing any more.
func (s *Service) DeleteRoom(ctx context.Context, in *DeleteRoomInput) (*DeleteRoomOutput, error) {
	if _, err := s.Minter.Own(arn.Room, in.Identifier); err != nil {
		return nil, err
	}
	if err := s.rooms.Delete(ctx, in.Identifier); err != nil {
		return nil, err
	}
	if err := s.Rooms.CloseRoom(ctx, in.Identifier); err != nil {
		s.Log.Warn("members of a deleted room were not disconnected", "room", in.Identifier, "error", err)
	}
	return &DeleteRoomOutput{}, nil
}

// ListRooms gives the rooms that all filters fit, the last changed first.
func (s *Service) ListRooms(ctx context.Context, in *ListRoomsInput) (*ListRoomsOutput, error) {
	var refs []store.Ref
	listing := []string{"ListRooms"}
	for _, f := range []struct {
		name  string
		value *string
	}{{refLogging, in.LoggingConfigurationIdentifier}, {refHandler, in.MessageReviewHandlerUri}, {refName, in.Name}} {
		if f.value != nil && *f.value != "" { // empty means any, as an empty nextToken means the first page
			refs = append(refs, store.Ref{Name: f.name, Value: *f.value})
			listing = append(listing, f.name, *f.value)
		}
	}
	if in.LoggingConfigurationIdentifier != nil {
		if _, err := s.loggingConfiguration(ctx, *in.LoggingConfigurationIdentifier); err != nil {
			return nil, err
		}
	}
	after, err := api.Page[store.Cursor](in.NextToken, listing...)
	if err != nil {
		return nil, err
	}
	limit := defaultPage
	if in.MaxResults != nil {
		limit = *in.MaxResults
	}
	rows, next, err := s.rooms.List(ctx, store.Query{Refs: refs, Limit: limit, After: after, ByUpdate: true})
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
	out := &ListRoomsOutput{Rooms: make([]RoomSummary, len(rows)), NextToken: api.NextToken(next, listing...)}
	for i := range rows {
		r := shape(&rows[i], tags[rows[i].ARN])
		out.Rooms[i] = RoomSummary{
			Arn: r.Arn, Id: r.Id, Name: r.Name, CreateTime: r.CreateTime, UpdateTime: r.UpdateTime, Tags: r.Tags,
			MessageReviewHandler: r.MessageReviewHandler, LoggingConfigurationIdentifiers: r.LoggingConfigurationIdentifiers,
		}
	}
	return out, nil
}

// apply changes a room by what is present. A handler without an address is none; a list of logging
// configurations replaces the one before, so an empty one detaches all; named twice is named once.
func (r *room) apply(in *UpdateRoomInput) {
	if in.Name != nil {
		r.Name = *in.Name
	}
	if in.MaximumMessageRatePerSecond != nil {
		r.MaxRate = *in.MaximumMessageRatePerSecond
	}
	if in.MaximumMessageLength != nil {
		r.MaxLength = *in.MaximumMessageLength
	}
	if h := in.MessageReviewHandler; h != nil {
		next := handler{Fallback: FallbackResultAllow}
		if r.Handler != nil {
			next = *r.Handler
		}
		if h.Uri != nil {
			next.URI = *h.Uri
		}
		if h.FallbackResult != nil {
			next.Fallback = *h.FallbackResult
		}
		r.Handler = &next
		if next.URI == "" {
			r.Handler = nil
		}
	}
	if in.LoggingConfigurationIdentifiers != nil {
		r.Logging = nil
		for _, name := range in.LoggingConfigurationIdentifiers {
			if !slices.Contains(r.Logging, name) {
				r.Logging = append(r.Logging, name)
			}
		}
	}
}

// room reads a room of this region and account.
func (s *Service) room(ctx context.Context, name string) (*store.Row[room], error) {
	if _, err := s.Minter.Own(arn.Room, name); err != nil {
		return nil, err
	}
	return s.rooms.Get(ctx, name)
}

// shape shows a room. The answers of all operations have the same members.
func shape(row *store.Row[room], tags map[string]string) *GetRoomOutput {
	if tags == nil {
		tags = map[string]string{}
	}
	out := &GetRoomOutput{
		Arn:                             &row.ARN,
		Id:                              new(arn.ID(row.ARN)),
		Name:                            &row.Doc.Name,
		MaximumMessageRatePerSecond:     &row.Doc.MaxRate,
		MaximumMessageLength:            &row.Doc.MaxLength,
		LoggingConfigurationIdentifiers: row.Doc.Logging,
		CreateTime:                      &api.Millis{Time: row.Created},
		UpdateTime:                      &api.Millis{Time: row.Updated},
		Tags:                            tags,
	}
	if h := row.Doc.Handler; h != nil {
		out.MessageReviewHandler = &MessageReviewHandler{Uri: &h.URI, FallbackResult: &h.Fallback}
	}
	return out
}
