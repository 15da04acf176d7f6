package engine

import (
	"context"
	"errors"
	"net"
	"strings"
	"sync"

	"github.com/streamcat/streamcat/internal/ingest"
	"github.com/streamcat/streamcat/internal/media"
)

// amazonSRTPort is where clients call when srt.endpoint names no port.
const amazonSRTPort = "9000"

// listenSRT binds srt-addr; it serves once serveSRT was started.
func (e *Engine) listenSRT() (*ingest.SRTListener, error) {
	l, err := ingest.ListenSRT(e.cfg.SRTAddr)
	if err != nil {
		return nil, &BadConfig{"srt-addr", strings.TrimPrefix(err.Error(), "listen: ")}
	}
	e.add("srt listener", nil, func(context.Context) error {
		l.Close()
		return nil
	})
	return l, nil
}

// serveSRT adds the SRT server as a part.
func (e *Engine) serveSRT(l *ingest.SRTListener, passphrases ingest.Passphrases, gates ...media.Gate) {
	srt := ingest.NewSRT(ingest.SRTDeps{
		Gates: gates, Passphrases: passphrases, MaxPerIP: 1024, Log: e.log.With("part", "srt"), Registerer: e.reg,
	})
	var serving sync.WaitGroup
	e.add("srt server", func(context.Context) error {
		serving.Go(func() {
			if err := srt.Serve(l); !errors.Is(err, ingest.ErrServerClosed) {
				e.fail("srt server", err)
			}
		})
		return nil
	}, func(ctx context.Context) error {
		defer serving.Wait()
		return srt.Shutdown(ctx)
	})
}

// srtEndpoint is what channels say of their SRT ingest: as at Amazon a bare host where the port is 9000.
func srtEndpoint(public, bound string) string {
	at := publicHost(public, bound)
	if host, port, err := net.SplitHostPort(at); err == nil && port == amazonSRTPort && !strings.Contains(host, ":") {
		return host
	}
	return at
}
