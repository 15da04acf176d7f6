package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/streamcat/streamcat/internal/engine"
)

// drainTime is how long a stopping server gives its parts.
const drainTime = 20 * time.Second

type serveCmd struct{}

func (serveCmd) Run(ctx context.Context, cfg *engine.Config) error {
	log := engine.NewLog(os.Stderr, cfg.LogLevel, cfg.LogFormat)
	e, err := engine.New(ctx, *cfg, log)
	if err != nil {
		return err
	}
	err = e.Start(ctx)
	if err == nil {
		greet(e)
		select {
		case <-ctx.Done():
			log.Info("stopping: draining")
		case err = <-e.Failed():
		}
	}
	drain, cancel := context.WithTimeout(context.WithoutCancel(ctx), drainTime)
	defer cancel()
	return errors.Join(err, e.Stop(drain))
}

// greet prints what somebody needs to begin, to standard output; the log goes to standard error.
func greet(e *engine.Engine) {
	a := e.Addresses()
	fmt.Printf(`
  StreamCat is running.

  Web app       %s
  API endpoint  %s   (aws --endpoint-url %[2]s ivs list-channels)
  Root key      %s   (export AWS_SHARED_CREDENTIALS_FILE=%[3]s)
`, a.URL, a.URL, e.CredentialsFile())
	if a.HTTPS != "" {
		fmt.Printf("  RTMPS ingest  %s   (HTTPS and RTMPS listen on %s)\n", a.Ingest, a.HTTPS)
	}
	fmt.Printf(`  RTMP ingest   rtmp://%s/app/
  SRT ingest    srt://%s?streamid=<stream key>
  WHIP          %s/whip   (media on %s, UDP and TCP)

`, a.RTMP, a.SRT, a.URL, a.WebRTC)
}
