package engine

import (
	"errors"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"syscall"

	"github.com/streamcat/streamcat/internal/media"
	"github.com/streamcat/streamcat/internal/rtc"
	"github.com/streamcat/streamcat/internal/stage"
	"github.com/streamcat/streamcat/internal/transcode"
)

// newRTC opens the WHIP and WHEP doors on the media port: participant tokens lead to stages, stream keys to
// channels.
func (e *Engine) newRTC(udp *net.UDPConn, tcp *net.TCPListener, stages *stage.Manager, clientAddr func(*http.Request) netip.AddrPort) (*rtc.Server, error) {
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
	return rtc.NewServer(rtc.Options{
		UDP: udp, TCP: tcp, Candidates: candidates, PublicURL: e.addr.URL,
		Publishers:  []rtc.Publishers{stages, rtc.NewFrames(e.channels, rtc.FramesOptions{Log: log, Audio: e.newAudio})},
		Subscribers: stages, ClientAddr: clientAddr, Log: log, Registerer: e.reg,
	})
}

// findFFmpeg looks for the program that makes AAC of browsers' Opus, beside everything else: asking it takes
// a moment. It says once what came of it.
func (e *Engine) findFFmpeg() {
	if e.cfg.FFmpeg == "off" {
		e.log.Info("ffmpeg is off: what browsers send keeps its Opus sound, which not every player takes")
		return
	}
	program := e.cfg.FFmpeg
	if program == "" {
		program = "ffmpeg"
	}
	found, err := transcode.FindFFmpeg(program)
	if err != nil {
		e.log.Warn("no usable ffmpeg: what browsers send keeps its Opus sound, which not every player takes", "err", err)
		return
	}
	e.log.Info("ffmpeg makes AAC of browsers' Opus", "version", found.Version())
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

// listenMedia binds a UDP port and the same TCP port: clients that may not send UDP come by TCP. Where any
// port will do, a few are tried until both are free.
func listenMedia(addr string) (*net.UDPConn, *net.TCPListener, error) {
	_, port, err := net.SplitHostPort(addr)
	if err != nil {
		return nil, nil, &BadConfig{"webrtc-addr", "is not host:port"}
	}
	for tries := 20; ; tries-- {
		tcp, err := net.Listen("tcp", addr)
		if err != nil {
			return nil, nil, &BadConfig{"webrtc-addr", strings.TrimPrefix(err.Error(), "listen ")}
		}
		bound := tcp.Addr().(*net.TCPAddr)
		udp, err := net.ListenUDP("udp", &net.UDPAddr{IP: bound.IP, Port: bound.Port, Zone: bound.Zone})
		if err == nil {
			return udp, tcp.(*net.TCPListener), nil
		}
		tcp.Close()
		if port != "0" || tries == 0 || !errors.Is(err, syscall.EADDRINUSE) {
			return nil, nil, &BadConfig{"webrtc-addr", strings.TrimPrefix(err.Error(), "listen ")}
		}
	}
}
