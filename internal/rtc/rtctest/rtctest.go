// Package rtctest is a WHIP publisher and a WHEP subscriber for tests, made of pion's WebRTC stack: they
// speak to a server as a browser does, and can be told to misbehave.
//
// Publish and Subscribe fail the test when they cannot connect; Dial gives the refusal instead. All ends
// with the test.
package rtctest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/pion/interceptor"
	"github.com/pion/interceptor/pkg/report"
	"github.com/pion/logging"
	"github.com/pion/webrtc/v4"
)

// Options says how a client behaves. The zero value is an ordinary one with video and audio.
type Options struct {
	NoVideo, NoAudio bool
	TCP              bool          // ICE-TCP only
	Patience         time.Duration // to connect; default 10 s
	HTTP             *http.Client
	// Offer edits the offer that is posted; the client itself goes by its own.
	Offer func(sdp string) string
	// Plain leaves out pion's interceptors: no NACK, no reports, no transport-cc by themselves.
	Plain bool
	// H264Only offers no other video codec. Otherwise VP8 comes first, as in browsers.
	H264Only bool
	// Passive offers to be the DTLS server, Active to be the client; else the other side chooses.
	Passive, Active bool
	// Mortal is for clients that may Vanish: they have one UDP socket, on IPv4's loopback.
	Mortal bool

	Media // of a publisher
	// Layers, if there are any, are the encodings of a simulcast: a publisher sends them in the place of Media's
	// video.
	Layers []Layer
	// Slots is how many sections of each kind a subscriber offers; default 1.
	Slots int
	// OnPacket hears of every packet that a subscriber gets, from one goroutine per track. It may be nil.
	OnPacket func(Packet)

	// captured is when the newest picture of all layers was made, which sender reports go by, as those of browsers do. Pion's
	// own go by when a packet was written, which a busy machine does to one layer long after the other. nil: pion's own.
	captured func() time.Time
}

// Refused is a door's answer that is no session.
type Refused struct {
	Status int
	Code   string // of the problem document
	Detail string
	Header http.Header
}

func (r *Refused) Error() string { return fmt.Sprintf("status %d %s: %s", r.Status, r.Code, r.Detail) }

// patiently joins, and tries again a few times when the server says that it cannot now and when to come back, as a busy machine's
// may.
func patiently[T any](ctx context.Context, dial func(context.Context) (T, error)) (T, error) {
	for tries := 1; ; tries++ {
		c, err := dial(ctx)
		var refused *Refused
		if tries == 5 || !errors.As(err, &refused) || refused.Status != http.StatusServiceUnavailable {
			return c, err
		}
		wait, _ := strconv.Atoi(refused.Header.Get("Retry-After"))
		select {
		case <-time.After(time.Duration(max(wait, 1)) * time.Second):
		case <-ctx.Done():
			return c, err
		}
	}
}

// Client is what publishers and subscribers have in common.
type Client struct {
	PC       *webrtc.PeerConnection
	Location string // of the session
	ETag     string
	Answer   string // SDP
	Token    string

	http  *http.Client
	state chan webrtc.PeerConnectionState
	line  net.PacketConn // of a mortal client
	once  sync.Once
	stop  context.CancelFunc
	wg    sync.WaitGroup
}

// dial makes a peer connection, lets prepare add what it sends or receives, and joins.
func dial(ctx context.Context, endpoint, token string, o Options, prepare func(*Client) error) (_ *Client, err error) {
	if o.Patience <= 0 {
		o.Patience = 10 * time.Second
	}
	if o.HTTP == nil {
		o.HTTP = http.DefaultClient
	}
	ctx, cancel := context.WithTimeout(ctx, o.Patience)
	defer cancel()
	c := &Client{Token: token, http: o.HTTP, state: make(chan webrtc.PeerConnectionState, 32), stop: func() {}}
	defer func() {
		if err != nil {
			c.Close()
		}
	}()
	if o.Mortal {
		if c.line, err = net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)}); err != nil {
			return nil, err
		}
	}
	api, err := newAPI(o, c.line)
	if err != nil {
		return nil, err
	}
	if c.PC, err = api.NewPeerConnection(webrtc.Configuration{}); err != nil {
		return nil, err
	}
	c.PC.OnConnectionStateChange(func(s webrtc.PeerConnectionState) {
		select {
		case c.state <- s:
		default:
		}
	})
	if err := prepare(c); err != nil {
		return nil, err
	}
	if err := c.join(ctx, endpoint, o); err != nil {
		return nil, err
	}
	return c, c.Wait(ctx, webrtc.PeerConnectionStateConnected)
}

// audioLevel is the header extension that says how loud a packet's sound is (RFC 6464 §4).
const audioLevel = "urn:ietf:params:rtp-hdrext:ssrc-audio-level"

func newAPI(o Options, line net.PacketConn) (*webrtc.API, error) {
	m := &webrtc.MediaEngine{}
	if o.H264Only {
		for _, p := range []webrtc.RTPCodecParameters{
			{RTPCodecCapability: webrtc.RTPCodecCapability{
				MimeType: webrtc.MimeTypeH264, ClockRate: 90000, SDPFmtpLine: "level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f",
				RTCPFeedback: []webrtc.RTCPFeedback{{Type: "nack"}, {Type: "nack", Parameter: "pli"}, {Type: "ccm", Parameter: "fir"}},
			}, PayloadType: 102},
			{RTPCodecCapability: webrtc.RTPCodecCapability{MimeType: webrtc.MimeTypeRTX, ClockRate: 90000, SDPFmtpLine: "apt=102"}, PayloadType: 103},
		} {
			if err := m.RegisterCodec(p, webrtc.RTPCodecTypeVideo); err != nil {
				return nil, err
			}
		}
		if err := m.RegisterCodec(webrtc.RTPCodecParameters{RTPCodecCapability: webrtc.RTPCodecCapability{
			MimeType: webrtc.MimeTypeOpus, ClockRate: 48000, Channels: 2, SDPFmtpLine: "minptime=10;useinbandfec=1",
		}, PayloadType: 111}, webrtc.RTPCodecTypeAudio); err != nil {
			return nil, err
		}
	} else if err := m.RegisterDefaultCodecs(); err != nil {
		return nil, err
	}
	if err := m.RegisterHeaderExtension(webrtc.RTPHeaderExtensionCapability{URI: audioLevel}, webrtc.RTPCodecTypeAudio); err != nil {
		return nil, err
	}
	reg := &interceptor.Registry{}
	if !o.Plain {
		if err := webrtc.ConfigureTWCCHeaderExtensionSender(m, reg); err != nil {
			return nil, err
		}
		var reports []report.SenderOption
		if o.captured != nil {
			reports = append(reports, report.SenderNow(o.captured))
		}
		if err := webrtc.RegisterDefaultInterceptorsWithOptions(m, reg, webrtc.WithReportSenderOptions(reports...)); err != nil {
			return nil, err
		}
	}
	se := webrtc.SettingEngine{LoggerFactory: quiet()}
	se.SetIncludeLoopbackCandidate(true)
	se.SetICEMulticastDNSMode(0)
	if line != nil {
		se.SetICEUDPMux(webrtc.NewICEUDPMux(quiet().NewLogger("ice"), line))
	}
	if o.TCP {
		se.SetNetworkTypes([]webrtc.NetworkType{webrtc.NetworkTypeTCP4, webrtc.NetworkTypeTCP6})
	}
	return webrtc.NewAPI(webrtc.WithMediaEngine(m), webrtc.WithInterceptorRegistry(reg), webrtc.WithSettingEngine(se)), nil
}

// quiet is a log of errors only: warnings of a connection on its way down say nothing about a server.
func quiet() logging.LoggerFactory {
	f := logging.NewDefaultLoggerFactory()
	f.DefaultLogLevel = logging.LogLevelError
	f.Writer = io.Discard
	return f
}

// join posts the offer with all candidates and takes the answer.
func (c *Client) join(ctx context.Context, endpoint string, o Options) error {
	offer, err := c.PC.CreateOffer(nil)
	if err != nil {
		return err
	}
	gathered := webrtc.GatheringCompletePromise(c.PC)
	if err := c.PC.SetLocalDescription(offer); err != nil {
		return err
	}
	select {
	case <-gathered:
	case <-ctx.Done():
		return ctx.Err()
	}
	text := c.PC.LocalDescription().SDP
	switch {
	case o.Passive:
		text = strings.ReplaceAll(text, "a=setup:actpass", "a=setup:passive")
	case o.Active:
		text = strings.ReplaceAll(text, "a=setup:actpass", "a=setup:active")
	}
	if o.Offer != nil {
		text = o.Offer(text)
	}
	res, err := c.Do(ctx, http.MethodPost, endpoint, map[string]string{"Content-Type": "application/sdp"}, text)
	if err != nil {
		return err
	}
	if res.Status != http.StatusCreated {
		return res.refused()
	}
	at, err := url.Parse(endpoint)
	if err != nil {
		return err
	}
	to, err := at.Parse(res.Header.Get("Location"))
	if err != nil || res.Header.Get("Location") == "" {
		return fmt.Errorf("bad Location %q", res.Header.Get("Location"))
	}
	c.Location, c.ETag, c.Answer = to.String(), res.Header.Get("ETag"), res.Body
	return c.PC.SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeAnswer, SDP: c.Answer})
}

// Response is an HTTP answer, read to its end.
type Response struct {
	Status int
	Header http.Header
	Body   string
}

func (r *Response) refused() *Refused {
	f := &Refused{Status: r.Status, Header: r.Header, Detail: r.Body}
	var p struct{ Code, Detail string }
	if json.Unmarshal([]byte(r.Body), &p) == nil && p.Code != "" {
		f.Code, f.Detail = p.Code, p.Detail
	}
	return f
}

// Do makes an HTTP request with the client's token.
func (c *Client) Do(ctx context.Context, method, to string, header map[string]string, body string) (*Response, error) {
	req, err := http.NewRequestWithContext(ctx, method, to, strings.NewReader(body))
	if err != nil {
		return nil, err
	}
	if c.Token != "" {
		req.Header.Set("Authorization", "Bearer "+c.Token)
	}
	for k, v := range header {
		req.Header.Set(k, v)
	}
	res, err := c.http.Do(req)
	if err != nil {
		return nil, err
	}
	defer res.Body.Close()
	b, err := io.ReadAll(io.LimitReader(res.Body, 1<<20))
	return &Response{res.StatusCode, res.Header, string(b)}, err
}

// Wait waits until the connection has been in a state since the last call.
func (c *Client) Wait(ctx context.Context, want webrtc.PeerConnectionState) error {
	for {
		select {
		case s := <-c.state:
			if s == want {
				return nil
			}
			if s == webrtc.PeerConnectionStateFailed || s == webrtc.PeerConnectionStateClosed {
				return fmt.Errorf("the connection is %s, wanted %s", s, want)
			}
		case <-ctx.Done():
			return fmt.Errorf("waiting for the connection to be %s: %w", want, ctx.Err())
		}
	}
}

// Leave says goodbye by DELETE and closes.
func (c *Client) Leave(t testing.TB) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	res, err := c.Do(ctx, http.MethodDelete, c.Location, nil, "")
	if err != nil {
		t.Fatalf("DELETE: %v", err)
	}
	if res.Status != http.StatusOK {
		t.Errorf("DELETE: got status %d", res.Status)
	}
	c.Close()
}

// Close closes the connection as a tab does that is closed: DTLS says goodbye, HTTP does not.
func (c *Client) Close() {
	c.once.Do(func() {
		c.stop()
		if c.PC != nil {
			c.PC.Close()
		}
		if c.line != nil {
			c.line.Close()
		}
		c.wg.Wait()
	})
}

// Vanish closes a Mortal client whose line is cut: nobody hears of it.
func (c *Client) Vanish() {
	c.line.Close()
	c.Close()
}
