package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/ivsrealtime"
	realtimetypes "github.com/aws/aws-sdk-go-v2/service/ivsrealtime/types"
	"github.com/pion/stun/v4"

	"github.com/streamcat/streamcat/internal/engine"
)

// ownPort is webrtc-addr opened by the doctor: it answers every binding request.
type ownPort struct {
	at  netip.AddrPort
	udp net.PacketConn
	tcp net.Listener

	serving sync.WaitGroup
	mu      sync.Mutex
	conns   []net.Conn
	shut    bool
}

// openPort binds a UDP port and the same TCP port. Where any will do, a few are tried until both are free.
func openPort(addr string) (*ownPort, error) {
	_, port, err := net.SplitHostPort(addr)
	if err != nil {
		return nil, err
	}
	for tries := 20; ; tries-- {
		tcp, err := net.Listen("tcp", addr)
		if err != nil {
			return nil, err
		}
		udp, err := net.ListenPacket("udp", tcp.Addr().String())
		if err == nil {
			p := &ownPort{at: tcp.Addr().(*net.TCPAddr).AddrPort(), udp: udp, tcp: tcp}
			p.serving.Go(p.serveUDP)
			p.serving.Go(p.serveTCP)
			return p, nil
		}
		tcp.Close()
		if port != "0" || tries == 0 || !errors.Is(err, syscall.EADDRINUSE) {
			return nil, err
		}
	}
}

func (p *ownPort) close() {
	p.udp.Close()
	p.tcp.Close()
	p.mu.Lock()
	p.shut = true
	for _, c := range p.conns {
		c.Close()
	}
	p.mu.Unlock()
	p.serving.Wait()
}

func (p *ownPort) serveUDP() {
	b := make([]byte, 1500)
	for {
		n, from, err := p.udp.ReadFrom(b)
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if out := reply(b[:n]); err == nil && out != nil {
			p.udp.WriteTo(out, from)
		}
	}
}

func (p *ownPort) serveTCP() {
	for {
		c, err := p.tcp.Accept()
		if err != nil {
			return
		}
		p.mu.Lock()
		if p.shut || len(p.conns) == 64 {
			c.Close()
		} else {
			p.conns = append(p.conns, c)
			p.serving.Go(func() {
				defer c.Close()
				c.SetDeadline(time.Now().Add(lookTime))
				if b, err := readFrame(bufio.NewReader(c)); err == nil {
					if out := reply(b); out != nil {
						c.Write(framed(out))
					}
				}
			})
		}
		p.mu.Unlock()
	}
}

// reply answers a binding request; nil for anything else.
func reply(b []byte) []byte {
	m := &stun.Message{Raw: append([]byte(nil), b...)}
	if !stun.IsMessage(b) || m.Decode() != nil || m.Type != stun.BindingRequest {
		return nil
	}
	out, err := stun.Build(stun.NewTransactionIDSetter(m.TransactionID), stun.BindingSuccess, stun.Fingerprint)
	if err != nil {
		return nil
	}
	return out.Raw
}

// knock is the offer of somebody who would send Opus; no media ever flows, so the fingerprint is nobody's.
const knock = "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\na=group:BUNDLE 0\r\n" +
	"m=audio 9 UDP/TLS/RTP/SAVPF 111\r\nc=IN IP4 0.0.0.0\r\na=mid:0\r\na=sendonly\r\na=rtcp-mux\r\na=rtpmap:111 opus/48000/2\r\n" +
	"a=ice-ufrag:drdr\r\na=ice-pwd:doctordoctordoctordoctor\r\na=setup:actpass\r\n" +
	"a=fingerprint:sha-256 00:01:02:03:04:05:06:07:08:09:0A:0B:0C:0D:0E:0F:10:11:12:13:14:15:16:17:18:19:1A:1B:1C:1D:1E:1F\r\n"

// answer is what a server tells a client who may send.
type answer struct {
	told   []candidate
	as     ice
	relays []relayed
}

// askForAnswer joins a stage of its own at the server that runs here, with the root key in the data directory, and
// reads the WebRTC answer. Nothing of it is left once leave was called, which is never nil.
func askForAnswer(ctx context.Context, cfg engine.Config, on *engine.Addresses) (a answer, leave func(), err error) {
	leave = func() {}
	base := "http://" + here(on.HTTP)
	conf, err := config.LoadDefaultConfig(ctx,
		config.WithSharedCredentialsFiles([]string{filepath.Join(cfg.DataDir, "credentials")}), config.WithSharedConfigFiles([]string{}),
		config.WithSharedConfigProfile("default"), config.WithRegion(cfg.Region))
	if err != nil {
		return a, leave, err
	}
	client := ivsrealtime.NewFromConfig(conf, func(o *ivsrealtime.Options) { o.BaseEndpoint = &base })
	made, err := client.CreateStage(ctx, &ivsrealtime.CreateStageInput{Name: aws.String("doctor")})
	if err != nil {
		return a, leave, err
	}
	leave = func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), lookTime)
		defer cancel()
		client.DeleteStage(ctx, &ivsrealtime.DeleteStageInput{Arn: made.Stage.Arn}) // an empty stage does no harm
	}
	token, err := client.CreateParticipantToken(ctx, &ivsrealtime.CreateParticipantTokenInput{
		StageArn: made.Stage.Arn, Capabilities: []realtimetypes.ParticipantTokenCapability{realtimetypes.ParticipantTokenCapabilityPublish},
	})
	if err != nil {
		return a, leave, err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, base+"/whip", strings.NewReader(knock))
	if err != nil {
		return a, leave, err
	}
	req.Header.Set("Content-Type", "application/sdp")
	req.Header.Set("Authorization", "Bearer "+aws.ToString(token.ParticipantToken.Token))
	resp, err := (&http.Client{Timeout: lookTime}).Do(req)
	if err != nil {
		return a, leave, err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(io.LimitReader(resp.Body, 64<<10))
	if err != nil {
		return a, leave, err
	}
	if resp.StatusCode != http.StatusCreated {
		return a, leave, fmt.Errorf("it answers %s: %s", resp.Status, strings.TrimSpace(string(text)))
	}
	a.told, a.as = readAnswer(string(text))
	a.relays = readRelays(resp.Header)
	return a, leave, nil
}

// readAnswer gives the host candidates of a description (RFC 8839 §5.1) and what a check must say.
func readAnswer(sdp string) (told []candidate, as ice) {
	for line := range strings.Lines(sdp) {
		line = strings.TrimSpace(line)
		if ufrag, ok := strings.CutPrefix(line, "a=ice-ufrag:"); ok {
			as.user = ufrag + ":drdr"
		} else if pwd, ok := strings.CutPrefix(line, "a=ice-pwd:"); ok {
			as.password = pwd
		} else if text, ok := strings.CutPrefix(line, "a=candidate:"); ok {
			words := strings.Fields(text) // foundation component transport priority address port …
			if len(words) < 6 {
				continue
			}
			ip, err := netip.ParseAddr(words[4])
			port, err2 := strconv.ParseUint(words[5], 10, 16)
			if err == nil && err2 == nil {
				told = append(told, candidate{strings.ToLower(words[2]), netip.AddrPortFrom(ip, uint16(port))})
			}
		}
	}
	return told, as
}
