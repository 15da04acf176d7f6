package stage

import (
	"context"
	"sync/atomic"

	"github.com/streamcat/streamcat/internal/auth"
	"github.com/streamcat/streamcat/internal/fault"
	"github.com/streamcat/streamcat/internal/rtc"
	"github.com/streamcat/streamcat/internal/sfu"
	"github.com/streamcat/streamcat/internal/store"
)

// publication is one publishing session.
type publication struct {
	door
	protocol string   // in the API's words
	flows    bool     // a first packet came; guarded by stage.mu, as is what follows
	silent   bool     // and none for a while
	begun    bool     // the participant publishes by it
	bucket   string   // to which it is to be recorded; empty: not at all
	replica  *replica // whose media is another stage's; nil: its own

	sound, picture atomic.Pointer[sfu.Source] // of sources, for those who have not locked the feed

	sources [2]*sfu.Source       // by kind; guarded by feed.mu, as is what follows; see set
	ups     map[encoding]*sfu.Up // the newest of each; without a replica's
	dropped bool
}

// encoding names one of a publication's tracks: a kind, and which encoding of a picture it is.
type encoding struct {
	kind rtc.Kind
	rid  string // empty without simulcast
}

func index(k rtc.Kind) int { return int(k - rtc.Video) }

func kindOf(k rtc.Kind) sfu.Kind {
	if k == rtc.Audio {
		return sfu.Audio
	}
	return sfu.Video
}

// Publish lets a participant publish. What has the form of neither a participant token nor a stream key of a
// stage is NotFound, and so is such a key that nobody has: it may be a channel's, which another gate knows.
func (m *Manager) Publish(ctx context.Context, r rtc.Request) (rtc.Publication, error) {
	may := func(s auth.Seat) error {
		switch {
		case !s.Publish:
			m.note(s, "PUBLISH_ERROR", "INSUFFICIENT_CAPABILITIES", "")
			return errNoPublish
		case !r.Audio && !r.Video:
			return errNoMedia
		}
		return nil
	}
	var judge judgement
	switch {
	case isSeat(r.Token):
		judge = m.byToken(r.Token, may)
	case isKey(r.Token):
		judge = m.byKey(r.Token, may)
	default:
		return nil, fault.Missing("this is no participant token")
	}
	p := &publication{protocol: "WHIP"}
	if err := m.publish(ctx, p, judge, r.UserAgent, func(*stage, *member, Ingest) error { return nil }); err != nil {
		return nil, err
	}
	return p, nil
}

// publish lets a publication in, if its bearer may publish and it may be the participant's.
func (m *Manager) publish(ctx context.Context, p *publication, judge judgement, userAgent string, may func(*stage, *member, Ingest) error) error {
	return m.admit(ctx, m.toRecord(judge), func(st *stage, by pass) error {
		mem, err := st.member(by)
		if err == nil {
			err = may(st, mem, by.ingest)
		}
		if err != nil {
			return err
		}
		if !mem.seen().present() && st.publishers() >= m.d.MaxPublishers {
			st.fail(by.seat.ParticipantID, "PUBLISH_ERROR", "QUOTA_EXCEEDED", "")
			return errPublishers
		}
		p.st, p.mem, p.slot, p.shut = st, mem, &mem.publish, p.close
		p.bucket = by.bucket
		p.open(userAgent)
		return nil
	})
}

// toRecord adds to a judgement whether the participant is to be recorded.
func (m *Manager) toRecord(judge judgement) judgement {
	return func(ctx context.Context) (pass, error) {
		p, err := judge(ctx)
		if err != nil {
			return p, err
		}
		ctx, cancel := context.WithTimeout(ctx, lookupFor)
		defer cancel()
		if p.bucket, err = m.d.Directory.RecordingBucket(ctx, p.seat.StageARN, false); err != nil && fault.Of(err) != fault.NotFound {
			return p, unreachable(err)
		}
		return p, nil // a stage that was deleted just now is found out by the count of cuts
	}
}

// note writes down an error of a participant who is there already.
func (m *Manager) note(s auth.Seat, event, errorCode, remote string) {
	if st := m.find(s.StageARN); st != nil {
		st.lock()
		defer st.unlock()
		st.fail(s.ParticipantID, event, errorCode, remote)
	}
}

// publishers counts who publishes or is about to.
func (st *stage) publishers() (n int) {
	for _, mem := range st.members {
		if mem.wears == nil && mem.present() {
			n++
		}
	}
	return n
}

// Start takes the peer.
func (p *publication) Start(peer rtc.Peer) {
	p.st.lock()
	defer p.st.unlock()
	p.start(peer)
	if p.protocol == "WHIP" { // encoders are looked after by watch
		p.expire()
	}
}

// feed gives the feed by which the participant is watched.
func (p *publication) feed() *feed { return p.st.feed(p.mem.seen().seat.ParticipantID) }

// Connected makes this the participant's publication. Those who watch it go on with this one.
func (p *publication) Connected() {
	p.st.lock()
	defer p.st.unlock()
	if !p.connect() {
		return
	}
	p.feed().back(p)
	if p.flows {
		p.begin()
	}
}

// TakeLayers says that all encodings of a picture are wanted (simulcast): each subscriber gets one of them.
func (p *publication) TakeLayers() bool { return true }

// maxBitrate is what a participant may publish, in bit/s: all tracks and encodings together.
const maxBitrate = 8_500_000

// MaxBitrate gives what may come.
func (p *publication) MaxBitrate() int { return maxBitrate }

// Track makes an Up of a track whose first packet came: the participant publishes. Without a peer nobody is
// asked for key frames.
func (p *publication) Track(t rtc.Track, peer rtc.Peer) rtc.Sink {
	options := sfu.UpOptions{Kind: kindOf(t.Kind), Name: t.RID, ClockRate: t.ClockRate, AudioLevelID: t.AudioLevelID, Now: p.st.m.now}
	if peer != nil {
		options.KeyFrame = func() { peer.KeyFrame(t.SSRC) }
		options.Sized = func(width, height int) {
			if err := p.st.m.d.Encoders.takes(width, height); err != nil {
				peer.Close(err)
			}
		}
		options.Reordered = func() { peer.Close(reordered()) }
	}
	up := sfu.NewUp(options)
	p.st.lock()
	defer p.st.unlock()
	if p.over {
		up.Close()
		return up
	}
	p.st.m.metrics.ups.add(up)
	f := p.feed()
	p.st.defers(func() { f.bring(p, encoding{t.Kind, t.RID}, up) })
	if !p.flows {
		p.flows = true
		if p.slot.live == &p.door {
			p.begin()
			f.prefer(p)
		}
	}
	if most := p.st.m.d.Encoders.MaxSound; t.Kind == rtc.Audio && peer != nil && most > 0 {
		return &metered{Sink: up, meter: meter{most: most}, over: peer.Close}
	}
	return up
}

// sends says whether media flows now.
func (p *publication) sends() bool { return p.flows && !p.silent }

// rests says that media has stopped to come, or that it comes again. Of a redundant ingest the other one is
// seen then.
func (p *publication) rests(silent bool) {
	p.st.lock()
	defer p.st.unlock()
	if p.over || p.silent == silent {
		return
	}
	p.silent = silent
	if f := p.feed(); silent {
		f.yield(p)
	} else {
		f.prefer(p)
	}
}

// begin tells that the participant publishes.
func (p *publication) begin() {
	st, mem := p.st, p.mem
	p.begun, mem.publishing, mem.published = true, true, true
	if p.replica == nil {
		mem.doc.Protocol = p.protocol
	}
	mem.succeed("PUBLISH_ERROR", "")
	st.m.metrics.publishers.Inc()
	tell := append([]store.Event{st.tellPublished(mem, "Participant Published")}, st.failRecording(mem, p.bucket)...)
	st.write(mem, "PUBLISH_STARTED", "", "", tell...)
	st.show(mem)
}

// Ended ends the publication; those who watch it wait for it to come back.
func (p *publication) Ended(reason error) {
	p.st.lock()
	defer p.st.unlock()
	p.blame("PUBLISH_ERROR", reason, "")
	p.ended(reason)
}

// close is what the end means. The Ups are closed here, and by rtc, in any order.
func (p *publication) close() {
	f := p.feed()
	p.st.defers(func() { f.drop(p) })
	if p.replica != nil {
		p.replica.over(p.st)
	}
	p.rest()
	f.lose(p)
	p.st.tidy(f)
}

// rest tells that the participant does not publish by this now.
func (p *publication) rest() {
	if !p.begun {
		return
	}
	st, mem := p.st, p.mem
	p.begun, mem.publishing = false, false
	st.m.metrics.publishers.Dec()
	st.write(mem, "PUBLISH_STOPPED", "", "", st.tellPublished(mem, "Participant Unpublished"))
	st.show(mem)
}

func (st *stage) tellPublished(mem *member, name string) store.Event {
	return update(st.arn, st.session.id, name, clean(mem.seat.UserID), mem.seat.ParticipantID, "", st.m.now())
}
