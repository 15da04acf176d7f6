package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"time"

	"github.com/streamcat/streamcat/internal/engine"
	"github.com/streamcat/streamcat/internal/ingest"
)

type demoCmd struct {
	Title string `default:"A harbour at dusk" help:"Title of the stream."`
}

func (d demoCmd) Run(ctx context.Context, cfg *engine.Config) error {
	return runDemo(ctx, DemoOptions{
		Server: demoServer{URL: "http://" + dialable(cfg.HTTPAddr), RTMP: plainRTMP(cfg, cfg.RTMPAddr), Public: cfg.PublicURL},
		Title:  d.Title,
		Out:    os.Stdout,
		Start:  func(ctx context.Context) (demoServer, func() error, error) { return startEngine(ctx, *cfg) },
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
func startEngine(ctx context.Context, cfg engine.Config) (s demoServer, stop func() error, err error) {
	log := engine.NewLog(os.Stderr, cfg.LogLevel, cfg.LogFormat)
	e, err := engine.New(ctx, cfg, log)
	if err != nil {
		return s, nil, err
	}
	stop = func() error {
		drain, cancel := context.WithTimeout(context.WithoutCancel(ctx), drainTime)
		defer cancel()
		return e.Stop(drain)
	}
	if err := e.Start(ctx); err != nil {
		return s, nil, errors.Join(err, stop())
	}
	greet(e)
	a := e.Addresses()
	s = demoServer{URL: a.URL, RTMP: plainRTMP(&cfg, a.RTMP), Public: a.URL}
	if a.HTTPS != "" { // its certificate need not be for this machine, or be there yet
		s.URL = "http://" + dialable(a.HTTP)
	}
	return s, stop, nil
}

// demoServer is where the demo finds a server.
type demoServer struct {
	URL    string // of the web app, as this machine reaches it
	Public string // the same as people reach it, where a page's media comes from; empty: URL
	RTMP   string // host:port of RTMP in clear on this machine, empty where there is none for the demo's channel
}

// plainRTMP gives what a program on this machine may dial in clear: nothing where the stream key would leave the
// machine, or where channels are another server's.
func plainRTMP(cfg *engine.Config, addr string) string {
	addr = dialable(addr)
	host, _, _ := net.SplitHostPort(addr)
	if ip := net.ParseIP(host); cfg.IVSEndpoint != "" || ip == nil || !ip.IsLoopback() {
		return ""
	}
	return addr
}

// DemoOptions are for runDemo.
type DemoOptions struct {
	Server demoServer // that may be running
	Title  string
	Out    io.Writer // gets what the person should read

	// Start runs a server if none answers. nil: there must be one.
	Start func(ctx context.Context) (s demoServer, stop func() error, err error)
}

// runDemo registers a person with a made-up name, publishes the built-in clip to that person's channel
// over RTMP, and prints the channel's page when it is live. It goes on until ctx ends, which is no error.
func runDemo(ctx context.Context, o DemoOptions) (err error) {
	if !answers(ctx, o.Server.URL) {
		if o.Start == nil {
			return fmt.Errorf("no server answers at %s", o.Server.URL)
		}
		started, stop, startErr := o.Start(ctx)
		if startErr != nil {
			return startErr
		}
		defer func() { err = errors.Join(err, stop()) }()
		o.Server = started
	}
	err = publishDemo(ctx, newAppClient(o.Server.URL), o)
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
	out, err := dialDemo(ctx, channel.publishURL, o.Server.RTMP)
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
		fmt.Fprintf(o.Out, "\n  The demo is live: %s/c/%s\n  Press Ctrl-C to end it.\n\n", cmp.Or(strings.TrimSuffix(o.Server.Public, "/"), app.base), channel.username)
	} else {
		cancel()
	}
	return errors.Join(err, <-ended)
}

// dialDemo connects to where encoders are told to stream to. Where that cannot be reached or trusted from here, as
// RTMPS with a certificate for another name or of one's own making, it is rtmp, if there is one; the server says whether
// a channel allows that.
func dialDemo(ctx context.Context, publishURL, rtmp string) (*ingest.PublishConn, error) {
	out, err := dialClip(ctx, publishURL)
	var refused *ingest.PublishRefused
	if err == nil || rtmp == "" || errors.As(err, &refused) || ctx.Err() != nil {
		return out, err
	}
	key := publishURL[strings.LastIndexByte(publishURL, '/')+1:]
	out, plainErr := dialClip(ctx, "rtmp://"+rtmp+"/app/"+key)
	if plainErr != nil {
		return nil, fmt.Errorf("%w; without TLS on this machine: %w", err, plainErr)
	}
	return out, nil
}
