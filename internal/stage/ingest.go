package stage

import (
	"context"
	"net/http"
	"strings"

	"github.com/streamcat/streamcat/internal/arn"
	"github.com/streamcat/streamcat/internal/auth"
	"github.com/streamcat/streamcat/internal/fault"
	"github.com/streamcat/streamcat/internal/rtc"
)

// Ingest is what a stream key opens: it makes its bearer a participant of the stage that an ingest
// configuration is attached to.
type Ingest struct {
	ARN           string // of the ingest configuration
	StageARN      string // empty: it is attached to none
	ParticipantID string // whom this key lets in
	SeenAs        string // the participant that others see; ParticipantID unless ingest is redundant
	Redundant     bool
	Insecure      bool // it may come without encryption
	UserID        string
	Attributes    map[string]string
}

// keyPrefix begins each stream key of an ingest configuration, and nothing else that opens a door.
const keyPrefix = "rt_"

func isKey(token string) bool { return strings.HasPrefix(token, keyPrefix) }

var errUnattached = rtc.Refuse(http.StatusForbidden, codeUnattached, fault.AccessDenied("the ingest configuration of this stream key is attached to no stage"))

// byKey judges a stream key. One that is unknown here is NotFound.
func (m *Manager) byKey(key string, may func(auth.Seat) error) judgement {
	return func(ctx context.Context) (p pass, err error) {
		ctx, cancel := context.WithTimeout(ctx, lookupFor)
		defer cancel()
		p.cuts = m.cuts.Load() // before looking anything up
		p.ingest, err = m.d.Directory.ByIngestKey(ctx, key)
		switch {
		case fault.Of(err) == fault.NotFound:
			return p, err
		case err != nil:
			return p, unreachable(err)
		case p.ingest.StageARN == "":
			return p, errUnattached
		}
		p.seat = auth.Seat{
			ParticipantID: p.ingest.ParticipantID, StageARN: p.ingest.StageARN, StageID: arn.ID(p.ingest.StageARN),
			UserID: p.ingest.UserID, Attributes: p.ingest.Attributes, Publish: true,
		}
		if err := m.d.Directory.Stage(ctx, p.seat.StageARN); fault.Of(err) == fault.NotFound {
			return p, errDeleted
		} else if err != nil {
			return p, unreachable(err)
		}
		return p, may(p.seat)
	}
}

// Cut ends the doors of participants who came by an ingest configuration that was changed, here and on all
// nodes. Their keys are judged anew when they come back.
func (m *Manager) Cut(_ context.Context, stageARN string, participantIDs ...string) {
	for _, id := range participantIDs {
		m.expel(stageARN, id)
		m.tell(disconnectSubject(stageARN), note{Node: m.instance, Stage: stageARN, Participant: id})
	}
}

// reviewIngests ends the doors of those on a stage whose ingest configuration is not attached to it any more.
func (m *Manager) reviewIngests(ctx context.Context, st *stage) error {
	came := map[string][]string{} // participants by ingest configuration
	st.lock()
	for id, mem := range st.members {
		if by := mem.doc.IngestARN; by != "" && !mem.mask && !mem.replica {
			came[by] = append(came[by], id)
		}
	}
	st.unlock()
	for by, ids := range came {
		to, err := m.d.Directory.AttachedTo(ctx, by)
		if err != nil {
			return err
		}
		if to == st.arn {
			continue
		}
		st.lock()
		for _, id := range ids {
			st.expel(id)
		}
		st.unlock()
	}
	return nil
}
