package engine

import (
	"errors"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"syscall"
	"time"

	"github.com/streamcat/streamcat/internal/fault"
	"github.com/streamcat/streamcat/internal/media"
	"github.com/streamcat/streamcat/internal/rtc"
	"github.com/streamcat/streamcat/internal/stage"
	"github.com/streamcat/streamcat/internal/transcode"
)

// newRTC opens the WHIP and WHEP doors on the media port: participant tokens lead to stages, stream keys to
// channels.
func (e *Engine) newRTC(udp *net.UDPConn, tcp *net.TCPListener, stages *stage.Manager, clientAddr func(*http.Request) netip.AddrPort, by *relay) (*rtc.Server, error) {
	log := e.log.With("part", "rtc")
	public, err := e.cfg.publicIPs()
	if err != nil {
		return nil, err
	}
	bound := uint16(tcp.Addr().(*net.TCPAddr).Port)
	var candidates []rtc.Candidate
	for _, at := range public {
		port := at.Port()
		if port == 0 {
			port = bound
		}
		candidates = append(candidates, rtc.Candidate{IP: at.Addr(), UDP: port, TCP: port})
	}
	var relays func(string, time.Time) []rtc.ICEServer
	if by != nil {
		relays = by.iceServers
	}
	server, err := rtc.NewServer(rtc.Options{
		UDP: udp, TCP: tcp, Candidates: candidates, PublicURL: e.addr.URL,
		Publishers:  []rtc.Publishers{stages, rtc.NewFrames(e.channels, rtc.FramesOptions{Log: log, Audio: e.newAudio})},
		Subscribers: stages, ClientAddr: clientAddr, ICEServers: relays, Log: log, Registerer: e.reg,
	})
	if err != nil || by == nil {
		return server, err
	}
	return server, e.serveTURN(by, server)
}

// findFFmpeg looks for the program that makes AAC of browsers' Opus and the other way round, beside everything else: asking it takes
// a moment. It says once what came of it.
func (e *Engine) findFFmpeg() {
	defer e.sought.Store(true)
	if e.cfg.FFmpeg == "off" {
		e.log.Info("ffmpeg is off: what browsers send keeps its Opus sound, which not every player takes, and stages take no AAC")
		return
	}
	program := e.cfg.FFmpeg
	if program == "" {
		program = "ffmpeg"
	}
	found, err := transcode.FindFFmpeg(program)
	if err != nil {
		e.log.Warn("no usable ffmpeg: what browsers send keeps its Opus sound, which not every player takes, and stages take no AAC", "err", err)
		return
	}
	e.log.Info("ffmpeg makes AAC of browsers' Opus, and Opus of encoders' AAC", "version", found.Version())
	e.ffmpeg.Store(found)
}

// newAudio makes AAC of a stream's Opus, where there is an ffmpeg.
func (e *Engine) newAudio(write func(*media.Frame)) rtc.AudioSink {
	found := e.ffmpeg.Load()
	if found == nil {
		return nil
	}
	return found.NewAAC(transcode.AACOptions{Log: e.log.With("part", "transcode")}, write)
}

// encoderRules is what holds for who publishes to stages, and how long for who watches.
func (e *Engine) encoderRules(enforced bool) stage.EncoderRules {
	r := stage.EncoderRules{Opus: e.newOpus, EnforceSecure: enforced, ExceptLoopback: e.cfg.InsecureIngest == "auto"}
	if e.cfg.awsLimits() {
		r.MaxBitrate, r.MaxSound, r.MaxLines, r.MaxTime = 8_500_000, 160_000, 720, 24*time.Hour
	}
	return r
}

// newOpus makes Opus of an encoder's AAC.
func (e *Engine) newOpus(t *media.Track, write func(*media.Frame)) (rtc.AudioSink, error) {
	sought, found := e.sought.Load(), e.ffmpeg.Load() // in this order
	switch {
	case found == nil && !sought:
		return nil, nil // it cannot be told yet
	case found == nil:
		return nil, errNoOpus
	}
	made, err := found.NewOpus(t, transcode.OpusOptions{Log: e.log.With("part", "transcode")}, write)
	switch {
	case err == nil:
		return made, nil
	case errors.Is(err, transcode.ErrNotAAC):
		return nil, fault.InvalidInput("audio not supported on a stage: use AAC-LC of one or two channels, or Opus")
	}
	return nil, errNoOpus
}

var errNoOpus = fault.Down("this server has no ffmpeg that makes Opus of the encoder's AAC: send Opus, by Enhanced RTMP")

// listenBoth binds a UDP port and the same TCP port: clients that may not send UDP come by TCP. Where any
// port will do, a few are tried until both are free.
func listenBoth(setting, addr string) (*net.UDPConn, *net.TCPListener, error) {
	_, port, err := net.SplitHostPort(addr)
	if err != nil {
		return nil, nil, &BadConfig{setting, "is not host:port"}
	}
	for tries := 20; ; tries-- {
		tcp, err := net.Listen("tcp", addr)
		if err != nil {
			return nil, nil, &BadConfig{setting, strings.TrimPrefix(err.Error(), "listen ")}
		}
		bound := tcp.Addr().(*net.TCPAddr)
		udp, err := net.ListenUDP("udp", &net.UDPAddr{IP: bound.IP, Port: bound.Port, Zone: bound.Zone})
		if err == nil {
			return udp, tcp.(*net.TCPListener), nil
		}
		tcp.Close()
		if port != "0" || tries == 0 || !errors.Is(err, syscall.EADDRINUSE) {
			return nil, nil, &BadConfig{setting, strings.TrimPrefix(err.Error(), "listen ")}
		}
	}
}
