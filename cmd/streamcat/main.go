// Command streamcat is the whole of StreamCat: the engine that speaks Amazon IVS, and the web app.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/alecthomas/kong"

	"github.com/streamcat/streamcat/internal/engine"
)

var version = "dev" // set by the linker

const (
	exitFailed    = 1
	exitBadConfig = 2
)

type cli struct {
	Serve   serveCmd   `cmd:"" help:"Run the server."`
	Demo    demoCmd    `cmd:"" help:"Publish a built-in test clip to a fresh channel over RTMP and print its page."`
	Keys    keysCmd    `cmd:"" help:"Manage API access keys and what they may do."`
	Doctor  doctorCmd  `cmd:"" help:"Look for what would keep a server with these settings from being reached, and say what to change."`
	Version versionCmd `cmd:"" help:"Print the version."`

	Config   kong.ConfigFlag `name:"config" type:"existingfile" help:"YAML file whose names are those of the flags." env:"STREAMCAT_CONFIG"`
	Settings engine.Config   `embed:""`
}

func main() { os.Exit(run(os.Args[1:])) }

func run(args []string) int {
	var c cli
	parser := kong.Must(&c,
		kong.Name("streamcat"),
		kong.Description("Live streaming on your own servers, spoken to as Amazon IVS."),
		kong.Configuration(yamlSettings),
		kong.DefaultEnvars("STREAMCAT"),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true}),
	)
	command, err := parser.Parse(args)
	if err != nil {
		return bad(err)
	}

	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop) // from then on a second signal ends the process at once
	command.BindTo(ctx, (*context.Context)(nil))
	if err := command.Run(&c.Settings); err != nil {
		return bad(err)
	}
	return 0
}

// bad prints one line and gives the exit code that goes with it.
func bad(err error) int {
	fmt.Fprintln(os.Stderr, "streamcat: "+err.Error())
	var config *engine.BadConfig
	var usage *kong.ParseError
	if errors.As(err, &config) || errors.As(err, &usage) {
		return exitBadConfig
	}
	return exitFailed
}

type versionCmd struct{}

func (versionCmd) Run() error {
	fmt.Println("streamcat " + version)
	return nil
}
