package stage

import (
	"context"
	"encoding/json"
	"time"

	"github.com/streamcat/streamcat/internal/arn"
	"github.com/streamcat/streamcat/internal/bus"
	"github.com/streamcat/streamcat/internal/fault"
)

// note is what nodes tell each other on the subjects stage.<id>.disconnect and stage.<id>.close.
type note struct {
	Node        string `json:"node"`
	Stage       string `json:"stage"`
	Participant string `json:"participant,omitempty"`
}

func disconnectSubject(stageARN string) string { return "stage." + arn.ID(stageARN) + ".disconnect" }
func closeSubject(stageARN string) string      { return "stage." + arn.ID(stageARN) + ".close" }

// listen takes what other nodes tell.
func (m *Manager) listen() error {
	for subject, act := range map[string]func(note){
		"stage.*.disconnect": func(n note) { m.expel(n.Stage, n.Participant) },
		"stage.*.close":      func(n note) { m.closeStage(n.Stage) },
	} {
		sub, err := m.d.Bus.Subscribe(subject, func(b bus.Message) {
			var n note
			if err := json.Unmarshal(b.Data, &n); err != nil {
				m.log.Warn("stage note ignored", "subject", b.Subject, "err", err)
			} else if n.Node != m.instance {
				act(n)
			}
		})
		if err != nil {
			for _, s := range m.subs {
				s.Close()
			}
			return err
		}
		m.subs = append(m.subs, sub)
	}
	return nil
}

// tell tells the other nodes. If the bus is away they find out by their review.
func (m *Manager) tell(subject string, n note) {
	data, err := json.Marshal(n)
	if err == nil {
		err = m.d.Bus.Publish(subject, data)
	}
	if err != nil {
		m.log.Warn("other nodes were not told; they will look by themselves", "subject", subject, "err", err)
	}
}

// review finds, from time to time, participants that were disconnected and stages that were deleted without
// this node having heard of it, and forgets compositions that ended a while ago.
func (m *Manager) review() {
	tick := time.NewTicker(reviewEach)
	defer tick.Stop()
	for {
		select {
		case <-m.life.Done():
			return
		case <-tick.C:
		}
		m.reviewAll()
	}
}

func (m *Manager) reviewAll() {
	if err := ForgetCompositions(m.life, m.d.DB, m.now()); err != nil && m.life.Err() == nil {
		m.log.Warn("compositions that ended are not forgotten yet", "err", err)
	}
	for _, st := range m.running() {
		if err := m.reviewStage(st); err != nil && m.life.Err() == nil {
			m.log.Warn("could not look a stage up; everybody stays for now", "stage", st.id, "err", err)
		}
	}
}

func (m *Manager) reviewStage(st *stage) error {
	ctx, cancel := context.WithTimeout(m.life, lookupFor)
	defer cancel()
	if err := m.d.Directory.Stage(ctx, st.arn); fault.Of(err) == fault.NotFound {
		m.closeStage(st.arn)
		return nil
	} else if err != nil {
		return err
	}
	revoked, err := m.d.DB.RevokedSeats(ctx, st.arn)
	if err != nil {
		return err
	}
	st.lock()
	for _, id := range revoked {
		if mem := st.members[id]; mem == nil || mem.doc.IngestARN == "" || mem.replica { // else it has no token
			st.expel(id)
		}
	}
	st.unlock()
	return m.reviewIngests(ctx, st)
}
