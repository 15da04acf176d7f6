package stage

import (
	"encoding/json"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/google/uuid"

	"github.com/streamcat/streamcat/internal/arn"
	"github.com/streamcat/streamcat/internal/auth"
	"github.com/streamcat/streamcat/internal/store"
)

// stage is a stage that somebody is on, or was a short while ago.
type stage struct {
	m   *Manager
	arn string
	id  string // last part of the ARN

	mu        sync.Mutex
	later     []func() // to be done as soon as mu is free
	over      bool
	session   *session // nil until somebody joined
	members   map[string]*member
	feeds     map[string]*feed               // by publisher
	grace     *time.Timer                    // runs while nobody is there
	replicas  map[string]map[string]*replica // on other stages: by participant and ARN
	galleries map[*gallery]struct{}          // that are up
	roster    roster
	talk      talk
	newcomers bool // sockets came that know nothing of encodings
	attends   bool // listen runs in a moment
}

// session is one time of a stage's being in use.
type session struct {
	id      string
	row     store.StageSession
	written atomic.Bool // the database has it

	unrecorded map[string]bool // participants of whom it was told that they could not be recorded; guarded by stage.mu
}

// member is a participant who has a door open. Its fields are guarded by stage.mu.
type member struct {
	seat       auth.Seat
	doc        ParticipantDoc
	joined     time.Time
	doors      int // open ones
	untold     bool
	publish    slot
	subscribe  map[string]*slot // by whom it watches
	prefers    map[string]int   // by whom it watches, how many pixels there are to be at most
	many       slot             // sessions that are galleries
	gallery    *gallery         // the one that is up; nil: none
	wishes     []wish           // whom it wants to watch in that, the most important first
	socket     *socket          // its events socket; nil: none
	publishing bool             // its media flows
	published  bool             // it did once since it joined
	audioMuted bool             // as its client says; so is the next
	noVideo    bool
	listed     bool            // sockets are told of it by name
	counted    bool            // as one of those who are though they never published
	recording  string          // what became of recording it, in the API's words
	wears      *member         // whom others see in its place; nil: itself
	mask       bool            // it is such a one itself, of whom nothing is written down
	failures   map[string]bool // errors written down since it joined; see fail
	replica    bool            // its media is another stage's
	exchanged  time.Time       // when its token was, last
}

// ParticipantDoc is what is kept of a participant besides its row's columns: store.StageParticipant.Doc. Client
// fields hold only letters, digits, spaces and -_.,:; and at most 128 of them; unknown ones are empty.
type ParticipantDoc struct {
	Attributes     map[string]string `json:"attributes"` // never null
	Protocol       string            `json:"protocol"`   // WHIP, RTMP or RTMPS once it published, UNKNOWN before
	UserAgent      string            `json:"userAgent"`
	BrowserName    string            `json:"browserName"`
	BrowserVersion string            `json:"browserVersion"`
	OsName         string            `json:"osName"`
	OsVersion      string            `json:"osVersion"`
	SdkVersion     string            `json:"sdkVersion"`
	IngestARN      string            `json:"ingest,omitempty"` // of the ingest configuration by which it came
	Redundant      bool              `json:"redundant,omitempty"`
}

func newStage(m *Manager, stageARN string) *stage {
	return &stage{m: m, arn: stageARN, id: arn.ID(stageARN), members: map[string]*member{}, feeds: map[string]*feed{}, replicas: map[string]map[string]*replica{}, galleries: map[*gallery]struct{}{}, roster: newRoster()}
}

func (st *stage) lock() { st.mu.Lock() }

// unlock frees the stage, and does what had to wait for that.
func (st *stage) unlock() {
	later := st.later
	st.later = nil
	st.mu.Unlock()
	for _, do := range later {
		do()
	}
}

// defers keeps for unlock what must not be done under the lock.
func (st *stage) defers(do func()) { st.later = append(st.later, do) }

// member gives the participant of a pass: one who is there, or a new one that enter makes a member. Customers
// choose the ids in tokens that they sign: an id is that of whoever is there under it, until they have left.
func (st *stage) member(p pass) (*member, error) {
	seat := p.seat
	if mem := st.members[seat.ParticipantID]; mem != nil {
		if mem.mask || mem.replica || mem.doc.IngestARN != p.ingest.ARN {
			return nil, errOccupied
		}
		return mem, nil
	}
	if seen := st.members[p.ingest.SeenAs]; seen != nil && !seen.mask {
		return nil, errOccupied
	}
	if len(st.members) >= st.m.d.MaxParticipants {
		return nil, errParticipants
	}
	mem := &member{seat: seat, subscribe: map[string]*slot{}}
	mem.doc = ParticipantDoc{Attributes: seat.Attributes, Protocol: "UNKNOWN"}
	if mem.doc.Attributes == nil {
		mem.doc.Attributes = map[string]string{}
	}
	mem.doc.IngestARN, mem.doc.Redundant = p.ingest.ARN, p.ingest.Redundant
	mem.wears = st.maskOf(mem, p.ingest)
	return mem, nil
}

// enter opens one more door of a participant. The first one makes it join.
func (st *stage) enter(mem *member, userAgent string) {
	if mem.doc.UserAgent == "" && userAgent != "" {
		mem.doc.describe(userAgent)
	}
	mem.doors++
	if mem.doors > 1 {
		return
	}
	mem.joined = st.m.now()
	if st.grace != nil {
		st.grace.Stop()
		st.grace = nil
	}
	if st.session == nil {
		st.begin(mem.joined)
	}
	st.members[mem.seat.ParticipantID] = mem
	if !mem.mask {
		st.m.metrics.participants.Inc()
	}
	mem.untold = !st.write(mem, "JOINED", "", "")
	if mem.wears != nil {
		st.enter(mem.wears, userAgent)
		return
	}
	st.arrive(mem)
}

// leave closes a door of a participant. With the last one it has left.
func (st *stage) leave(mem *member) {
	mem.doors--
	if mem.doors > 0 {
		return
	}
	delete(st.members, mem.seat.ParticipantID)
	if !mem.mask {
		st.m.metrics.participants.Dec()
	}
	st.write(mem, "LEFT", "", "")
	if mem.wears != nil {
		st.leave(mem.wears)
		return
	}
	st.depart(mem)
	if len(st.members) == 0 && !st.over {
		st.await()
	}
}

// await ends the session if nobody comes within the grace.
func (st *stage) await() {
	var timer *time.Timer
	timer = time.AfterFunc(st.m.d.Grace, func() {
		st.m.retire(st, func() bool { return st.grace == timer })
	})
	st.grace = timer
}

func (st *stage) begin(at time.Time) {
	s := &session{id: "st-" + arn.NewID(13)}
	s.row = store.StageSession{SessionID: s.id, StageARN: st.arn, Started: at, Node: st.m.d.Node}
	st.session = s
	st.m.metrics.stages.Inc()
	st.m.journal.add(entry{begin: &s.row, done: func() { s.written.Store(true) }})
	st.m.log.Info("stage session began", "stage", st.id, "session", s.id)
}

// departure is why everybody has to go.
type departure struct {
	reason error  // for peers
	word   string // for sockets; empty: they are told nothing
	code   string // that goes with the word
}

var (
	goneEmpty    = departure{}
	goneDeleted  = departure{errStageGone, "stage-deleted", codeDeleted}
	goneDraining = departure{errDraining, "server-draining", ""}
	goneRemoved  = departure{errRemoved, "participant-disconnected", codeDisconnected}
)

// finish ends the stage: all doors, and the session. Nothing can be opened on it any more.
func (st *stage) finish(why departure) {
	if st.over {
		return
	}
	st.over = true
	for _, mem := range st.members {
		st.remove(mem, why)
	}
	for id := range st.replicas {
		st.notify(id)
	}
	if st.grace != nil {
		st.grace.Stop()
	}
	st.roster.stop()
	if st.session != nil {
		st.m.metrics.stages.Dec()
		st.m.journal.add(entry{end: &ending{st.session.row, st.m.now()}})
		st.m.log.Info("stage session ended", "stage", st.id, "session", st.session.id)
	}
}

// expel ends all doors of a participant that may not come back, and sends those away who watch it.
func (st *stage) expel(participantID string) {
	st.notify(participantID)
	delete(st.replicas, participantID) // there is nobody to wait for
	mem := st.members[participantID]
	if mem == nil {
		return
	}
	st.remove(mem, goneRemoved)
	if f := st.feeds[mem.seen().seat.ParticipantID]; f != nil && f.publisher == nil {
		st.abandon(f)
	}
}

// remove ends all doors of a participant. It has left when remove returns, whenever its peers are done.
func (st *stage) remove(mem *member, why departure) {
	for _, s := range mem.subscribe {
		s.end(why.reason)
	}
	mem.many.end(why.reason)
	mem.publish.end(why.reason)
	if mem.socket != nil {
		mem.socket.leave(why.word, why.code)
	}
}

// write puts what happened to a participant into the journal, with its state as it is now. It says whether
// the journal took it: that of mere viewers it refuses when it is far behind.
func (st *stage) write(mem *member, event, errorCode, remote string, tell ...store.Event) bool {
	return st.record(mem, st.event(mem, st.m.now(), event, errorCode, remote), tell...)
}

// record is write for an event that is made already.
func (st *stage) record(mem *member, event store.StageEvent, tell ...store.Event) bool {
	if mem.mask {
		return true
	}
	e := entry{tell: tell, minor: !mem.published}
	if mem.untold {
		if e.minor {
			return false
		}
		mem.untold = false
		e.events = append(e.events, st.event(mem, mem.joined, "JOINED", "", ""))
	}
	e.events = append(e.events, event)
	doc, err := json.Marshal(mem.doc)
	if err != nil {
		panic("a participant's document is always JSON: " + err.Error())
	}
	e.put = &store.StageParticipant{
		SessionID: st.session.id, ParticipantID: mem.seat.ParticipantID, StageARN: st.arn, UserID: clean(mem.seat.UserID),
		State: store.Connected, Published: mem.published, Publishing: mem.publishing, Joined: mem.joined, Recording: mem.recording, Doc: doc, Node: st.m.d.Node,
	}
	if mem.doors == 0 {
		e.put.State, e.put.Left = store.Disconnected, event.Time
	}
	return st.m.journal.add(e)
}

func (st *stage) event(mem *member, at time.Time, name, errorCode, remote string) store.StageEvent {
	return store.StageEvent{
		SessionID: st.session.id, ParticipantID: mem.seat.ParticipantID, Time: at,
		Name: name, ErrorCode: errorCode, RemoteParticipantID: remote, Replica: mem.replica,
	}
}

// maxFailures bounds how many different errors of a participant are written down.
const maxFailures = 32

// fail writes down that a participant, if it is there, met with an error: once for each until it succeeds,
// since clients try again and again.
func (st *stage) fail(participantID, event, errorCode, remote string) {
	mem := st.members[participantID]
	key := event + " " + errorCode + " " + remote
	if mem == nil || mem.failures[key] || len(mem.failures) >= maxFailures {
		return
	}
	if mem.failures == nil {
		mem.failures = map[string]bool{}
	}
	mem.failures[key] = true
	var tell []store.Event
	if event == "PUBLISH_ERROR" {
		tell = append(tell, update(st.arn, st.session.id, "Participant Publish Error", clean(mem.seat.UserID), participantID, errorCode, st.m.now()))
	}
	st.write(mem, event, errorCode, remote, tell...)
}

// succeed lets fail write the errors of a kind, and about one remote participant, down again.
func (mem *member) succeed(event, remote string) {
	for key := range mem.failures {
		if strings.HasPrefix(key, event+" ") && strings.HasSuffix(key, " "+remote) {
			delete(mem.failures, key)
		}
	}
}

const stageUpdate = "IVS Stage Update"

// update makes the event that EventBridge gets of a participant.
func update(stageARN, sessionID, name, userID, participantID, errorCode string, at time.Time) store.Event {
	detail, err := json.Marshal(struct {
		SessionID     string `json:"session_id"`
		EventName     string `json:"event_name"`
		EventTime     string `json:"event_time"`
		UserID        string `json:"user_id"`
		ParticipantID string `json:"participant_id"`
		ErrorCode     string `json:"error_code,omitempty"`
	}{sessionID, name, at.UTC().Format("2006-01-02T15:04:05.000Z"), userID, participantID, errorCode})
	if err != nil {
		panic("an event's detail is always JSON: " + err.Error())
	}
	return store.Event{ID: uuid.NewString(), DetailType: stageUpdate, Resources: []string{stageARN}, Time: at, Detail: detail}
}

// clean takes out of a text what no database keeps.
func clean(s string) string { return strings.ReplaceAll(s, "\x00", "") }
