package stage

import (
	"context"
	"fmt"
	"time"

	"github.com/streamcat/streamcat/internal/store"
)

// Recover closes the sessions that an earlier process of this node left open, and all that was open in them,
// with the events that were still owed. So it does with compositions. It is called once, before anything is
// admitted.
func (m *Manager) Recover(ctx context.Context) error {
	open, err := m.d.DB.OpenStageSessions(ctx)
	if err != nil {
		return fmt.Errorf("find open stage sessions: %w", err)
	}
	for _, s := range open {
		if s.Node != m.d.Node {
			continue
		}
		for more := true; more; {
			err := m.d.DB.Tx(ctx, func(ctx context.Context) (err error) {
				more, err = closeSome(ctx, m.d.DB, s, m.now())
				return err
			})
			if err != nil {
				return fmt.Errorf("close stage session %s: %w", s.SessionID, err)
			}
		}
		m.log.Info("closed a stage session that the last run left open", "stage", s.StageARN, "session", s.SessionID)
	}
	if len(open) > 0 {
		m.wake()
	}
	return m.endCompositions(ctx, openCompositions, verdictFailed)
}

// closeAtOnce is how many participants closeSome takes.
const closeAtOnce = 200

// closeSome writes down that participants who stand as connected have left, some of them at a time, and when
// there are none, that the session has ended. It says whether there is more to do. It is part of a transaction.
func closeSome(ctx context.Context, db *store.DB, s store.StageSession, at time.Time) (more bool, err error) {
	left, _, err := db.StageParticipants(ctx, s.StageARN, s.SessionID, store.StageParticipantFilter{State: store.Connected}, closeAtOnce, nil)
	if err != nil {
		return false, err
	}
	for _, p := range left {
		if err := closeParticipant(ctx, db, p, at); err != nil {
			return false, err
		}
	}
	if len(left) > 0 {
		return true, nil
	}
	_, err = db.EndStageSession(ctx, s.SessionID, at)
	return false, err
}

func closeParticipant(ctx context.Context, db *store.DB, p store.StageParticipant, at time.Time) error {
	watching, err := db.OpenStageSubscriptions(ctx, p.SessionID, p.ParticipantID)
	if err != nil {
		return err
	}
	replica, err := endReplications(ctx, db, p, at)
	if err != nil {
		return err
	}
	stop := func(name, remote string) error {
		return db.AppendStageEvent(ctx, store.StageEvent{
			SessionID: p.SessionID, ParticipantID: p.ParticipantID, Time: at, Name: name, RemoteParticipantID: remote, Replica: replica,
		})
	}
	for _, w := range watching {
		if err := stop("SUBSCRIBE_STOPPED", w.RemoteParticipantID); err != nil {
			return err
		}
	}
	if p.Publishing {
		if err := stop("PUBLISH_STOPPED", ""); err != nil {
			return err
		}
		err := db.AppendEvent(ctx, update(p.StageARN, p.SessionID, "Participant Unpublished", p.UserID, p.ParticipantID, "", at))
		if err != nil {
			return err
		}
	}
	if err := stop("LEFT", ""); err != nil {
		return err
	}
	p.State, p.Publishing, p.Left = store.Disconnected, false, at
	return db.PutStageParticipant(ctx, p)
}
