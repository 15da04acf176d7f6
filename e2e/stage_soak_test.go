//go:build soak

package e2e

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/ivsrealtime"
	"github.com/aws/aws-sdk-go-v2/service/ivsrealtime/types"
	"github.com/coder/websocket"
	"github.com/pion/webrtc/v4"

	"github.com/streamcat/streamcat/internal/arn"
	"github.com/streamcat/streamcat/internal/rtc/rtctest"
)

// talk is a conversation on a stage: everybody publishes and watches everybody else.
type talk struct {
	hosts []seat
	pubs  []*rtctest.Publisher
	ears  []*talkEar
}

type talkEar struct {
	of           int
	video, audio rtctest.Ear
	sent, seen   int // pictures of when converse returned
}

func (e *talkEar) hear(p rtctest.Packet) {
	if p.Kind == rtctest.Video {
		e.video.Hear(p)
	} else {
		e.audio.Hear(p)
	}
}

func converse(t *testing.T, th *theatre, n int) *talk {
	t.Helper()
	c := &talk{}
	for i := range n {
		host := th.seat(fmt.Sprintf("talker-%d", i))
		c.hosts = append(c.hosts, host)
		c.pubs = append(c.pubs, rtctest.Publish(t, th.whip(), host.token, rtctest.Options{H264Only: true, Media: rtctest.Media{Bitrate: 300_000}}))
	}
	for i, from := range c.hosts {
		for j, to := range c.hosts {
			if i == j {
				continue
			}
			e := &talkEar{of: i}
			c.ears = append(c.ears, e)
			var s *rtctest.Subscriber
			eventually(t, 10*time.Second, "a talker sends", func() (ok bool) {
				var err error
				s, err = rtctest.DialSubscriber(t.Context(), th.watching(from.id), to.token, rtctest.Options{H264Only: true, OnPacket: e.hear})
				var refused *rtctest.Refused
				if err != nil && !(errors.As(err, &refused) && refused.Code == "NOT_PUBLISHING") {
					t.Fatal(err)
				}
				return err == nil
			})
			t.Cleanup(s.Close)
			s.Await(t, rtctest.Video, 10)
			s.Await(t, rtctest.Audio, 10)
		}
	}
	for _, e := range c.ears {
		e.sent, e.seen = int(c.pubs[e.of].Frames.Load()), e.video.Pictures()
	}
	return c
}

// whole wants all that the talkers have sent so far to have come to all of them.
func (c *talk) whole(t *testing.T) {
	t.Helper()
	for _, e := range c.ears {
		sent := int(c.pubs[e.of].Frames.Load())
		for kind, one := range map[string]*rtctest.Ear{"video": &e.video, "audio": &e.audio} {
			_, until := one.Missing()
			eventually(t, 10*time.Second, kind+" of a talker in one piece", func() bool {
				missing, newest := one.Missing()
				return missing == 0 && newest > until
			})
		}
		// Two may have been on their way at the beginning.
		eventually(t, 10*time.Second, "all pictures of a talker", func() bool { return e.video.Pictures()-e.seen >= sent-e.sent-2 })
		t.Logf("of %d pictures of talker %d came %d", sent-e.sent, e.of, e.video.Pictures()-e.seen)
	}
}

// visitors come to a stage and go.
type visitors struct {
	th    *theatre
	talk  *talk
	offer string // of one who never comes
	joins struct{ viewers, publishers, sockets, nobodies, vanished, full atomic.Int64 }
}

// visit is one stay on the stage.
func (c *visitors) visit(ctx context.Context, n int, who seat) error {
	host := c.talk.hosts[n%len(c.talk.hosts)]
	switch n % 20 {
	case 0, 1, 2: // comes to the socket, publishes, and leaves both
		c.joins.publishers.Add(1)
		return c.socket(ctx, n, who, func() error { return c.publish(ctx, n, who) })
	case 3, 4, 5, 6:
		c.joins.sockets.Add(1)
		return c.socket(ctx, n, who, func() error { return nil })
	case 7: // asks for a session and never connects
		c.joins.nobodies.Add(1)
		return c.ask(ctx, host, who)
	}
	c.joins.viewers.Add(1)
	enough := make(chan struct{})
	var came int64
	s, err := rtctest.DialSubscriber(ctx, c.th.watching(host.id), who.token, rtctest.Options{
		H264Only: true, NoAudio: true, Mortal: true, OnPacket: func(rtctest.Packet) {
			if came++; came == 30 {
				close(enough)
			}
		},
	})
	if err != nil {
		return fmt.Errorf("subscribe: %w", err)
	}
	return c.leave(ctx, n, s.Client, enough)
}

// ask posts an offer and takes no notice of the answer.
func (c *visitors) ask(ctx context.Context, host, who seat) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, c.th.watching(host.id), strings.NewReader(c.offer))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/sdp")
	req.Header.Set("Authorization", "Bearer "+who.token)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	resp.Body.Close()
	if resp.StatusCode != http.StatusCreated {
		return fmt.Errorf("an offer: %s", resp.Status)
	}
	return nil
}

func (c *visitors) publish(ctx context.Context, n int, who seat) error {
	for {
		p, err := rtctest.DialPublisher(ctx, c.th.whip(), who.token, rtctest.Options{H264Only: true, Mortal: true, Media: rtctest.Media{Bitrate: 100_000}})
		var refused *rtctest.Refused
		if errors.As(err, &refused) && refused.Code == "STAGE_AT_CAPACITY" { // those who vanished stay for some seconds
			c.joins.full.Add(1)
			if err := wait(ctx, 250*time.Millisecond); err != nil {
				return err
			}
			continue
		}
		if err != nil {
			return fmt.Errorf("publish: %w", err)
		}
		enough := make(chan struct{})
		close(enough)
		for p.Frames.Load() < 15 {
			if err := wait(ctx, 20*time.Millisecond); err != nil {
				return err
			}
		}
		return c.leave(ctx, n, p.Client, enough)
	}
}

// leave ends a media session in one of the three ways there are, when it has lasted.
func (c *visitors) leave(ctx context.Context, n int, one *rtctest.Client, enough <-chan struct{}) error {
	defer one.Close()
	select {
	case <-enough:
	case <-time.After(20 * time.Second):
		return errors.New("nothing comes")
	case <-ctx.Done():
		return ctx.Err()
	}
	switch n / 20 % 3 {
	case 0:
		res, err := one.Do(ctx, http.MethodDelete, one.Location, nil, "")
		if err != nil || res.Status != http.StatusOK {
			return fmt.Errorf("DELETE: %+v %w", res, err)
		}
	case 1:
		c.joins.vanished.Add(1)
		one.Vanish()
	}
	return nil
}

// socket opens the events socket, and closes it in one of three ways when meanwhile is over.
func (c *visitors) socket(ctx context.Context, n int, who seat, meanwhile func() error) error {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	ws, _, err := websocket.Dial(ctx, "ws"+strings.TrimPrefix(c.th.url, "http")+"/stage-events/"+arn.ID(c.th.stage), &websocket.DialOptions{Subprotocols: []string{who.token}})
	if err != nil {
		return fmt.Errorf("socket: %w", err)
	}
	defer ws.CloseNow()
	ws.SetReadLimit(8 << 20)
	if _, text, err := ws.Read(ctx); err != nil || !strings.Contains(string(text), "STAGE_STATE") {
		return fmt.Errorf("socket: %.100s %w", text, err)
	}
	gone := make(chan struct{})
	go func() {
		defer close(gone)
		for {
			if _, _, err := ws.Read(ctx); err != nil {
				return
			}
		}
	}()
	err = meanwhile()
	switch n % 3 {
	case 0:
		if err := ws.Write(ctx, websocket.MessageText, []byte(`{"type":"LEAVE"}`)); err != nil {
			return fmt.Errorf("leave the socket: %w", err)
		}
		<-gone
	case 1:
		ws.Close(websocket.StatusNormalClosure, "")
	}
	return err
}

func wait(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// TestSoakAThousandComeAndGoWhileOthersTalk has three participants talk while 1,000 others come to their stage and go: most
// watch, some publish, some only listen to its events, and many of them say no goodbye. The talkers lose nothing, and
// the server keeps nothing.
func TestSoakAThousandComeAndGoWhileOthersTalk(t *testing.T) {
	const warm, joins, atATime = 100, 1000, 10
	p := startProcess(t, t.TempDir(), "--log-level", "error")
	th := theatreOn(t, nil, p.URL, p.aws())
	c := &visitors{th: th, talk: converse(t, th, 3), offer: sdpOffer(t, webrtc.RTPTransceiverDirectionRecvonly)}
	began := time.Now()
	visits := func(n int, lasts time.Duration) (done int) {
		ctx, cancel := context.WithTimeout(t.Context(), max(10*time.Minute, 2*lasts))
		defer cancel()
		tickets := make(chan seat)
		var visiting sync.WaitGroup
		var count atomic.Int64
		for range atATime {
			visiting.Go(func() {
				for who := range tickets {
					n := int(count.Add(1))
					if err := c.visit(ctx, n, who); err != nil {
						t.Errorf("visit %d: %v", n, err)
					}
				}
			})
		}
		for end := time.Now().Add(lasts); (done < n || time.Now().Before(end)) && !t.Failed(); done++ {
			tickets <- th.seat("visitor")
		}
		close(tickets)
		visiting.Wait()
		return done
	}
	alone := func() {
		t.Helper()
		eventually(t, time.Minute, "only the talkers are there", func() bool {
			return metric(t, p, "streamcat_stage_participants") == 3 && metric(t, p, `streamcat_rtc_sessions{kind="publish"}`) == 3 &&
				metric(t, p, `streamcat_rtc_sessions{kind="subscribe"}`) == 6
		})
	}
	visits(warm, 0)
	alone()
	resident := metric(t, p, "process_resident_memory_bytes")
	leaves(t, p, func() {
		t.Logf("%d visits", visits(joins, soakTime()))
		alone()
	})
	c.talk.whole(t)
	sessions, err := th.stages.ListStageSessions(t.Context(), &ivsrealtime.ListStageSessionsInput{StageArn: &th.stage})
	if err != nil || len(sessions.StageSessions) != 1 {
		t.Fatalf("%+v, %v", sessions, err)
	}
	eventually(t, 30*time.Second, "the API tells of the talkers as those who are there", func() bool {
		out, err := th.stages.ListParticipants(t.Context(), &ivsrealtime.ListParticipantsInput{
			StageArn: &th.stage, SessionId: sessions.StageSessions[0].SessionId, FilterByState: types.ParticipantStateConnected,
		})
		if err != nil {
			t.Fatal(err)
		}
		return len(out.Participants) == 3
	})
	t.Logf("%d watched, %d published (%d times the stage was full), %d were only on the socket, %d never connected; %d vanished; resident memory %.0f → %.0f MiB, in %v",
		c.joins.viewers.Load(), c.joins.publishers.Load(), c.joins.full.Load(), c.joins.sockets.Load(), c.joins.nobodies.Load(), c.joins.vanished.Load(),
		resident/(1<<20), metric(t, p, "process_resident_memory_bytes")/(1<<20), time.Since(began).Round(time.Second))
}
