package stage

import (
	"context"
	"encoding/json"
	"maps"
	"sync"
	"sync/atomic"
	"time"

	"github.com/google/uuid"

	"github.com/streamcat/streamcat/internal/arn"
	"github.com/streamcat/streamcat/internal/auth"
	"github.com/streamcat/streamcat/internal/fault"
	"github.com/streamcat/streamcat/internal/store"
)

const (
	maxReplicas        = 5    // of a participant at a time
	maxAttributesBytes = 1024 // of a participant, keys and values together
)

// Replication asks for a participant of one stage to be shown on another one, too.
type Replication struct {
	SourceStage, DestinationStage string
	ParticipantID                 string
	Attributes                    map[string]string // that it has besides its own, there; these win
	Window                        time.Duration     // for which it may stop publishing before the replication ends
}

// replica is a replication that runs. On its destination it is a participant with one door, a publication
// without a peer whose Ups are those of the source: the replication lasts exactly as long as that door is
// open. What changes at the source is followed, under a lock of its own, with one stage locked at a time.
type replica struct {
	from *stage
	pub  atomic.Pointer[publication] // on the destination; nil until it is there
	row  store.Replication
	span time.Duration // its window

	began, ended chan struct{} // closed when that is written down

	lost *time.Timer // runs while the source does not publish; guarded by from.mu

	mu sync.Mutex // held while it follows; before any stage.mu
}

// Replicate begins a replication. It is NotFound if the participant is not there, a Conflict if it does not
// publish or is replicated there already, and a Quota fault if it is replicated to as many stages as may be.
func (m *Manager) Replicate(ctx context.Context, asked Replication) error {
	r := &replica{span: asked.Window, began: make(chan struct{}), ended: make(chan struct{}), row: store.Replication{
		ID: arn.NewID(16), ParticipantID: asked.ParticipantID, SourceStage: asked.SourceStage, DestinationStage: asked.DestinationStage,
	}}
	seat, doc, err := m.reserve(r, asked)
	if err != nil {
		return err
	}
	if err := m.show(ctx, r, seat, doc); err != nil {
		r.forget()
		return err
	}
	r.follow() // what happened meanwhile
	await(ctx, r.began)
	return nil
}

// await waits until something is written down, so that whoever asks next finds it; not for long.
func await(ctx context.Context, written <-chan struct{}) {
	ctx, cancel := context.WithTimeout(ctx, lookupFor)
	defer cancel()
	select {
	case <-written:
	case <-ctx.Done():
	}
}

// reserve takes the replication's place at its source, and gives who the participant will be elsewhere.
func (m *Manager) reserve(r *replica, asked Replication) (seat auth.Seat, doc ParticipantDoc, err error) {
	id := asked.ParticipantID
	st := m.find(asked.SourceStage)
	if st == nil {
		return seat, doc, fault.Missing("participant %s is not on stage %s", id, asked.SourceStage)
	}
	st.lock()
	defer st.unlock()
	mem, all := st.members[id], st.replicas[id]
	switch {
	case mem == nil:
		return seat, doc, fault.Missing("participant %s is not on stage %s", id, asked.SourceStage)
	case !mem.publishing:
		return seat, doc, fault.InConflict("participant %s does not publish now", id)
	case mem.replica:
		return seat, doc, fault.InConflict("participant %s is replicated from another stage itself", id)
	case mem.mask || mem.wears != nil:
		return seat, doc, fault.InConflict("participant %s comes by a redundant ingest, which is not replicated", id)
	case all[asked.DestinationStage] != nil:
		return seat, doc, fault.InConflict("participant %s is replicated to stage %s already", id, asked.DestinationStage)
	case len(all) >= maxReplicas:
		return seat, doc, fault.OverQuota(maxReplicas, "participant %s is replicated to %d stages already", id, maxReplicas)
	}
	attributes := maps.Clone(mem.doc.Attributes)
	maps.Copy(attributes, asked.Attributes)
	size := 0
	for key, value := range attributes {
		size += len(key) + len(value)
	}
	if size > maxAttributesBytes {
		return seat, doc, fault.InvalidInput("the participant's attributes would have %d bytes with these, more than %d", size, maxAttributesBytes)
	}
	doc = mem.doc
	doc.Attributes = attributes
	seat = auth.Seat{
		ParticipantID: id, StageARN: asked.DestinationStage, StageID: arn.ID(asked.DestinationStage),
		UserID: mem.seat.UserID, Attributes: attributes, Publish: true,
	}
	r.from, r.row.SourceSession, r.row.UserID = st, st.session.id, clean(mem.seat.UserID)
	if all == nil {
		st.replicas[id] = map[string]*replica{}
	}
	st.replicas[id][asked.DestinationStage] = r
	return seat, doc, nil
}

// show makes the participant one of the destination.
func (m *Manager) show(ctx context.Context, r *replica, seat auth.Seat, doc ParticipantDoc) error {
	for range maxJudgements {
		cuts := m.cuts.Load()
		if err := m.d.Directory.Stage(ctx, seat.StageARN); err != nil {
			return err
		}
		if revoked, err := m.d.DB.SeatRevoked(ctx, seat.StageARN, seat.ParticipantID); err != nil {
			return err
		} else if revoked {
			return fault.InConflict("participant %s was disconnected from stage %s", seat.ParticipantID, seat.StageARN)
		}
		bucket, err := m.d.Directory.RecordingBucket(ctx, seat.StageARN, true)
		if err != nil {
			return err
		}
		err = m.with(seat.StageARN, func(st *stage) error {
			if m.cuts.Load() != cuts {
				return errAgain
			}
			return st.admitReplica(r, seat, doc, bucket)
		})
		switch err {
		case errAgain:
		case errNotNow:
			return fault.Down("the server is going away")
		default:
			return err
		}
	}
	return fault.Down("the stage is busy, try again")
}

func (st *stage) admitReplica(r *replica, seat auth.Seat, doc ParticipantDoc, bucket string) error {
	id := seat.ParticipantID
	switch {
	case st.members[id] != nil:
		return fault.InConflict("a participant %s is on stage %s already", id, st.arn)
	case st.publishers() >= st.m.d.MaxPublishers:
		return fault.OverQuota(st.m.d.MaxPublishers, "as many participants publish on stage %s as may", st.arn)
	}
	mem, err := st.member(pass{seat: seat})
	if err != nil {
		return fault.OverQuota(st.m.d.MaxParticipants, "as many participants are on stage %s as may be", st.arn)
	}
	mem.doc, mem.replica = doc, true
	p := &publication{replica: r, bucket: bucket, flows: true}
	p.door = door{st: st, mem: mem, slot: &mem.publish, shut: p.close}
	p.open("")
	r.row.DestinationSession, r.row.Started = st.session.id, st.m.now()
	row := r.row
	st.m.journal.add(entry{copied: &row, done: func() { close(r.began) }})
	p.connect()
	st.feed(id).back(p)
	p.begin()
	r.pub.Store(p)
	return nil
}

// follow brings the replica to the state of its source. It is called with no stage locked.
func (r *replica) follow() {
	if r.pub.Load() == nil { // it follows when it is there
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	id := r.row.ParticipantID
	r.from.lock()
	gone := r.from.over || r.from.replicas[id][r.row.DestinationStage] != r
	mem := r.from.members[id]
	publishing := mem != nil && mem.publishing
	var muted, noVideo bool
	var f *feed
	if publishing {
		muted, noVideo, f = mem.audioMuted, mem.noVideo, r.from.feed(id)
	}
	switch {
	case (publishing || gone) && r.lost != nil:
		r.lost.Stop()
		r.lost = nil
	case !publishing && !gone && r.lost == nil:
		r.wait()
	}
	r.from.unlock()
	if gone {
		r.end(errPublisherGone)
		return
	}
	r.mirror(publishing, muted, noVideo, f)
}

// mirror is what follow does at the destination. source is nil if the source does not publish.
func (r *replica) mirror(publishing, muted, noVideo bool, source *feed) {
	p := r.pub.Load()
	st, mem := p.st, p.mem
	st.lock()
	if p.over {
		st.unlock()
		return
	}
	f := st.feed(mem.seat.ParticipantID)
	switch {
	case publishing && !mem.publishing:
		mem.audioMuted, mem.noVideo = muted, noVideo
		f.back(p)
		p.begin()
	case !publishing:
		p.rest()
		f.lose(p)
	case mem.audioMuted != muted || mem.noVideo != noVideo:
		mem.audioMuted, mem.noVideo = muted, noVideo
		st.change(mem)
	}
	st.unlock()
	if !publishing {
		return
	}
	source.copyTo(p, f)
	st.lock()
	over := p.over
	st.unlock()
	if over { // it ended meanwhile, perhaps before there was a copy to take back
		source.uncopy(p)
	}
}

// wait ends the replication if the source does not publish again within the window.
func (r *replica) wait() {
	var timer *time.Timer
	timer = time.AfterFunc(r.span, func() {
		r.from.lock()
		late := r.lost == timer
		r.from.unlock()
		if late {
			r.end(errPublisherGone)
		}
	})
	r.lost = timer
}

// end ends the replication. It is called with no stage locked.
func (r *replica) end(why error) {
	p := r.pub.Load()
	p.st.lock()
	defer p.st.unlock()
	p.end(why)
}

// over writes down that the replication ended, with the destination locked.
func (r *replica) over(st *stage) {
	row := r.row
	row.Ended = st.m.now()
	st.m.journal.add(entry{copied: &row, done: func() { close(r.ended) }})
	st.defers(r.forget)
}

// forget frees the replication's place at its source.
func (r *replica) forget() {
	id, st := r.row.ParticipantID, r.from
	st.lock()
	defer st.unlock()
	if st.replicas[id][r.row.DestinationStage] == r {
		delete(st.replicas[id], r.row.DestinationStage)
	}
	if len(st.replicas[id]) == 0 {
		delete(st.replicas, id)
	}
	if r.lost != nil {
		r.lost.Stop()
		r.lost = nil
	}
	if f := st.feeds[id]; f != nil {
		st.defers(func() { f.uncopy(r.pub.Load()) })
		st.tidy(f)
	}
}

// replicating says whether a replication needs the feed of a participant: as its source, or as a replica.
func (st *stage) replicating(participantID string) bool {
	mem := st.members[participantID]
	return len(st.replicas[participantID]) > 0 || mem != nil && mem.replica && mem.publish.live != nil
}

// notify makes a participant's replicas follow it.
func (st *stage) notify(participantID string) {
	for _, r := range st.replicas[participantID] {
		st.defers(r.follow)
	}
}

// StopReplication ends a replication. It is NotFound if there is none.
func (m *Manager) StopReplication(ctx context.Context, sourceStage, destinationStage, participantID string) error {
	var r *replica
	if st := m.find(sourceStage); st != nil {
		st.lock()
		r = st.replicas[participantID][destinationStage]
		st.unlock()
	}
	if r == nil || r.pub.Load() == nil {
		return fault.Missing("participant %s is not replicated to stage %s", participantID, destinationStage)
	}
	r.end(errReplicationStopped)
	await(ctx, r.ended)
	return nil
}

var errReplicationStopped = fault.InConflict("the replication was stopped")

// putReplication writes down that a replication began, or ended, with the events that tell of it.
func putReplication(ctx context.Context, db *store.DB, r store.Replication) error {
	at, name, told := r.Started, "REPLICATION_STARTED", "Participant Replication Start"
	if !r.Ended.IsZero() {
		at, name, told = r.Ended, "REPLICATION_STOPPED", "Participant Replication End"
	}
	if err := db.PutReplication(ctx, r); err != nil {
		return err
	}
	for _, session := range []string{r.SourceSession, r.DestinationSession} {
		err := db.AppendStageEvent(ctx, store.StageEvent{
			SessionID: session, ParticipantID: r.ParticipantID, Time: at, Name: name,
			DestinationStage: r.DestinationStage, DestinationSession: r.DestinationSession, Replica: session == r.DestinationSession,
		})
		if err != nil {
			return err
		}
	}
	detail, err := json.Marshal(struct {
		SessionID          string `json:"session_id"`
		EventName          string `json:"event_name"`
		EventTime          string `json:"event_time"`
		UserID             string `json:"user_id"`
		ParticipantID      string `json:"participant_id"`
		DestinationStage   string `json:"destination_stage_arn"`
		DestinationSession string `json:"destination_session_id"`
	}{
		r.SourceSession, told, at.UTC().Format("2006-01-02T15:04:05.000Z"), r.UserID, r.ParticipantID, r.DestinationStage, r.DestinationSession,
	})
	if err != nil {
		return err
	}
	return db.AppendEvent(ctx, store.Event{ID: uuid.NewString(), DetailType: stageUpdate, Resources: []string{r.SourceStage}, Time: at, Detail: detail})
}

// endReplications writes down that the replications of a participant that a session left running have ended.
// It says whether the participant is a replica there.
func endReplications(ctx context.Context, db *store.DB, p store.StageParticipant, at time.Time) (replica bool, err error) {
	all, err := db.ReplicationsInSession(ctx, p.SessionID, p.ParticipantID)
	if err != nil {
		return false, err
	}
	for _, r := range all {
		replica = replica || r.DestinationSession == p.SessionID
		if !r.Ended.IsZero() {
			continue
		}
		r.Ended = at
		if err := putReplication(ctx, db, r); err != nil {
			return false, err
		}
	}
	return replica, nil
}
