package stage_test

import (
	"context"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync/atomic"
	"testing"

	"github.com/streamcat/streamcat/internal/auth"
	"github.com/streamcat/streamcat/internal/rtc"
	"github.com/streamcat/streamcat/internal/rtc/rtctest"
)

// wire gives the WHIP endpoint of a real door before a node's stages.
func (n *node) wire() (whip string) {
	n.t.Helper()
	udp, err := net.ListenPacket("udp4", "127.0.0.1:0")
	check(n.t, err)
	return n.wireBy(udp)
}

// wireBy is wire with a given port for media, which clients reach by the candidates, if there are any.
func (n *node) wireBy(udp net.PacketConn, candidates ...rtc.Candidate) (whip string) {
	n.t.Helper()
	tcp, err := net.Listen("tcp4", "127.0.0.1:0")
	check(n.t, err)
	front := httptest.NewUnstartedServer(nil)
	media, err := rtc.NewServer(rtc.Options{
		UDP: udp, TCP: tcp, PublicURL: "http://" + front.Listener.Addr().String(), Candidates: candidates,
		Publishers: []rtc.Publishers{n.m}, Subscribers: n.m, Log: quiet, Registerer: n.reg, Now: n.clock,
	})
	check(n.t, err)
	front.Config.Handler = media.Door()
	front.Start()
	n.t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		check(n.t, media.Shutdown(ctx))
		front.Close()
		http.DefaultTransport.(*http.Transport).CloseIdleConnections()
	})
	return front.URL + "/whip"
}

// Real sessions over real sockets: who publishes is seen, over a return, until it is sent away.
func TestMediaFlowsFromAPublisherToASubscriber(t *testing.T) {
	n := newNode(t)
	whip := n.wire()
	host := n.token("host")
	guest := n.token("guest", func(s *auth.Seat) { s.Publish = false })
	looker := n.join(guest)

	first := rtctest.Publish(t, whip, host, rtctest.Options{Media: rtctest.Media{Mark: 0x11}})
	looker.until(func() bool { return looker.here["host"].IsPublishing })
	var keys, sound atomic.Int64
	var mark atomic.Uint32
	sub := rtctest.Subscribe(t, whip+"/subscribe/host", guest, rtctest.Options{OnPacket: func(p rtctest.Packet) {
		if p.Kind == rtctest.Audio {
			sound.Add(1)
			return
		}
		if p.KeyFrame() {
			keys.Add(1)
		}
		if b := p.RTP.Payload; len(b) > 0 {
			mark.Store(uint32(b[len(b)-1]))
		}
	}})
	eventually(t, "picture and sound come", func() bool { return keys.Load() > 0 && sound.Load() > 5 && mark.Load() == 0x11 })

	second := rtctest.Publish(t, whip, host, rtctest.Options{Media: rtctest.Media{Mark: 0x22}})
	before := keys.Load()
	eventually(t, "the same subscription shows the newer session", func() bool { return keys.Load() > before && mark.Load() == 0x22 })
	_, err := rtctest.DialPublisher(t.Context(), whip, guest, rtctest.Options{})
	if r, ok := err.(*rtctest.Refused); !ok || r.Status != 403 || r.Code != "TOKEN_NOT_ALLOWED" {
		t.Errorf("without the capability: %v", err)
	}
	check(t, n.m.Disconnect(t.Context(), n.stage, "host", "enough"))
	looker.until(func() bool { _, here := looker.here["host"]; return !here })
	eventually(t, "the subscription is ended", func() bool { return n.metric("subscriptions") == 0 })
	_, err = rtctest.DialPublisher(t.Context(), whip, host, rtctest.Options{})
	if r, ok := err.(*rtctest.Refused); !ok || r.Status != 403 || r.Code != "PARTICIPANT_DISCONNECTED" {
		t.Errorf("after the disconnection: %v", err)
	}
	first.Close()
	second.Close()
	sub.Close()
	want := []string{"JOINED", "PUBLISH_STARTED", "PUBLISH_STOPPED", "PUBLISH_STARTED", "PUBLISH_STOPPED", "LEFT"}
	if got := n.history("host"); !slices.Equal(got, want) {
		t.Errorf("the host's history: %v", got)
	}
}
