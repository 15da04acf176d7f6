package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"time"

	"github.com/streamcat/streamcat/internal/engine"
)

type demoCmd struct {
	Title string `default:"A harbour at dusk" help:"Title of the stream."`
}

func (d demoCmd) Run(ctx context.Context, cfg *engine.Config) error {
	return runDemo(ctx, DemoOptions{
		URL:   "http://" + dialable(cfg.HTTPAddr),
		Title: d.Title,
		Out:   os.Stdout,
		Start: func(ctx context.Context) (string, func() error, error) { return startEngine(ctx, *cfg) },
	})
}

// dialable turns an address to listen on into one to connect to on the same machine.
func dialable(addr string) string {
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		return addr
	}
	if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() {
		host = "127.0.0.1"
	}
	return net.JoinHostPort(host, port)
}

// startEngine runs a server inside this process. stop drains it.
func startEngine(ctx context.Context, cfg engine.Config) (url string, stop func() error, err error) {
	log := engine.NewLog(os.Stderr, cfg.LogLevel, cfg.LogFormat)
	e, err := engine.New(ctx, cfg, log)
	if err != nil {
		return "", nil, err
	}
	stop = func() error {
		drain, cancel := context.WithTimeout(context.WithoutCancel(ctx), drainTime)
		defer cancel()
		return e.Stop(drain)
	}
	if err := e.Start(ctx); err != nil {
		return "", nil, errors.Join(err, stop())
	}
	greet(e)
	a := e.Addresses()
	if a.HTTPS != "" { // its certificate need not be for this machine, or be there yet
		return "http://" + dialable(a.HTTP), stop, nil
	}
	return a.URL, stop, nil
}

// DemoOptions are for runDemo.
type DemoOptions struct {
	URL   string // of a server that may be running
	Title string
	Out   io.Writer // gets what the person should read

	// Start runs a server if none answers at URL, and gives its address. nil: there must be one.
	Start func(ctx context.Context) (url string, stop func() error, err error)
}

// runDemo registers a person with a made-up name, publishes the built-in clip to that person's channel
// over RTMP, and prints the channel's page when it is live. It goes on until ctx ends, which is no error.
func runDemo(ctx context.Context, o DemoOptions) (err error) {
	base := o.URL
	if !answers(ctx, base) {
		if o.Start == nil {
			return fmt.Errorf("no server answers at %s", base)
		}
		url, stop, startErr := o.Start(ctx)
		if startErr != nil {
			return startErr
		}
		defer func() { err = errors.Join(err, stop()) }()
		base = url
	}
	err = publishDemo(ctx, newAppClient(base), o)
	if ctx.Err() != nil {
		return nil
	}
	return err
}

func publishDemo(ctx context.Context, app *appClient, o DemoOptions) error {
	clip, err := loadClip()
	if err != nil {
		return err
	}
	channel, err := app.newChannel(ctx, o.Title)
	if err != nil {
		return err
	}
	out, err := dialClip(ctx, channel.publishURL)
	if err != nil {
		return err
	}
	defer out.Close()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	live := make(chan error, 1)
	go func() {
		live <- app.waitLive(ctx, channel.username)
	}()
	ended := make(chan error, 1)
	go func() { ended <- clip.play(ctx, out, time.Now()) }()
	select {
	case err = <-ended:
		cancel()
		<-live
		return err
	case err = <-live:
	}
	if err == nil {
		fmt.Fprintf(o.Out, "\n  The demo is live: %s/c/%s\n  Press Ctrl-C to end it.\n\n", app.base, channel.username)
	} else {
		cancel()
	}
	return errors.Join(err, <-ended)
}
