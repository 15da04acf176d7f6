package sfubench

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/pion/interceptor"
	"github.com/pion/interceptor/pkg/nack"
	"github.com/pion/transport/v5"
	"github.com/pion/transport/v5/stdnet"
	"github.com/pion/webrtc/v4"
)

// newPeer makes a connection that does no more than it must: H.264 only. A subscriber asks for nothing again, so
// that what is counted is forwarding. A publisher answers who does, so that a server that could not take a key
// frame at once is not without it.
func newPeer(publishes bool) (*webrtc.PeerConnection, error) {
	also := &interceptor.Registry{}
	if publishes {
		answers, err := nack.NewResponderInterceptor()
		if err != nil {
			return nil, err
		}
		also.Add(answers)
	}
	m := &webrtc.MediaEngine{}
	err := m.RegisterCodec(webrtc.RTPCodecParameters{RTPCodecCapability: webrtc.RTPCodecCapability{
		MimeType: webrtc.MimeTypeH264, ClockRate: 90000, SDPFmtpLine: "level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f",
		RTCPFeedback: []webrtc.RTCPFeedback{{Type: "nack"}, {Type: "nack", Parameter: "pli"}},
	}, PayloadType: 102}, webrtc.RTPCodecTypeVideo)
	if err != nil {
		return nil, err
	}
	sockets, err := roomy()
	if err != nil {
		return nil, err
	}
	s := webrtc.SettingEngine{}
	s.SetNet(sockets)
	s.SetIncludeLoopbackCandidate(true)
	s.SetNetworkTypes([]webrtc.NetworkType{webrtc.NetworkTypeUDP4})
	return webrtc.NewAPI(webrtc.WithMediaEngine(m), webrtc.WithInterceptorRegistry(also), webrtc.WithSettingEngine(s)).NewPeerConnection(webrtc.Configuration{})
}

// roomyNet gives sockets room for some key frames, so that a load that gets its turn late loses nothing itself.
type roomyNet struct{ *stdnet.Net }

var roomy = sync.OnceValues(func() (roomyNet, error) {
	n, err := stdnet.NewNet()
	return roomyNet{n}, err
})

func (n roomyNet) ListenUDP(network string, at *net.UDPAddr) (transport.UDPConn, error) {
	c, err := n.Net.ListenUDP(network, at)
	if err != nil {
		return nil, err
	}
	return c, c.SetReadBuffer(1 << 20)
}

// dial posts the offer with all candidates and takes the answer.
func dial(ctx context.Context, pc *webrtc.PeerConnection, door Door) (session string, err error) {
	offer, err := pc.CreateOffer(nil)
	if err != nil {
		return "", err
	}
	gathered := webrtc.GatheringCompletePromise(pc)
	if err := pc.SetLocalDescription(offer); err != nil {
		return "", err
	}
	<-gathered
	answer, at, err := post(ctx, door, pc.LocalDescription().SDP)
	for end := time.Now().Add(5 * time.Second); errors.Is(err, errNotThere) && time.Now().Before(end); {
		wait(ctx, 50*time.Millisecond)
		answer, at, err = post(ctx, door, pc.LocalDescription().SDP)
	}
	if err != nil {
		return "", err
	}
	return at, pc.SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeAnswer, SDP: answer})
}

// errNotThere is what some servers say until they have seen a publisher's tracks.
var errNotThere = errors.New("status 404")

func post(ctx context.Context, door Door, offer string) (answer, session string, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, door.URL, strings.NewReader(offer))
	if err != nil {
		return "", "", err
	}
	maps.Copy(req.Header, door.Header)
	req.Header.Set("Content-Type", "application/sdp")
	if door.Token != "" {
		req.Header.Set("Authorization", "Bearer "+door.Token)
	}
	res, err := client.Do(req)
	if err != nil {
		return "", "", err
	}
	defer res.Body.Close()
	text, err := io.ReadAll(io.LimitReader(res.Body, 64<<10))
	if err != nil {
		return "", "", err
	}
	switch res.StatusCode {
	case http.StatusCreated:
	case http.StatusNotFound:
		return "", "", fmt.Errorf("%w: %s", errNotThere, text)
	default:
		return "", "", fmt.Errorf("status %d: %s", res.StatusCode, text)
	}
	at, err := req.URL.Parse(res.Header.Get("Location"))
	if err != nil {
		return "", "", err
	}
	return string(text), at.String(), nil
}

// leave says goodbye.
func leave(pc *webrtc.PeerConnection, session string) {
	if req, err := http.NewRequest(http.MethodDelete, session, nil); err == nil {
		if res, err := client.Do(req); err == nil {
			res.Body.Close()
		}
	}
	_ = pc.Close()
}
