package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"time"

	"github.com/streamcat/streamcat/internal/engine"
)

// doctorTime bounds the whole examination.
const doctorTime = time.Minute

// doctorCmd looks at this machine with the settings that serve would have. It changes nothing: while a server runs on
// the data directory it makes a stage there for a moment, to be answered as a guest is, and removes it.
type doctorCmd struct {
	JSON bool `name:"json" help:"Print findings as a JSON array."`
}

// Help is what --help says below the first line.
func (doctorCmd) Help() string {
	return "Give it the settings that serve has: the same flags, environment and --config. It looks at the data directory, the ports, the public address, the certificate, the clock and ffmpeg, has the WebRTC port answer at every address that clients are told, and comes to it by the relay (TURN) where there is one. Exit code 1: something will not work."
}

// finding is one line of the doctor's.
type finding struct {
	Check string `json:"check"`          // what was looked at, such as "webrtc udp"
	Level level  `json:"level"`          //
	Says  string `json:"says"`           // one sentence
	Line  string `json:"line,omitempty"` // of the settings file, which mends it
}

type level string

const (
	fine    level = "ok"
	warning level = "warning" // it may well work
	broken  level = "fault"   // something will not work
)

// findings are in the order of looking.
type findings []finding

func (f *findings) add(check string, l level, line, says string, args ...any) {
	*f = append(*f, finding{check, l, fmt.Sprintf(says, args...), line})
}

func (d doctorCmd) Run(ctx context.Context, cfg *engine.Config) error {
	ctx, cancel := context.WithTimeout(ctx, doctorTime)
	defer cancel()
	found := examine(ctx, *cfg)
	if err := d.print(os.Stdout, found); err != nil {
		return err
	}
	faults := 0
	for _, f := range found {
		if f.Level == broken {
			faults++
		}
	}
	if faults == 1 {
		return errors.New("one fault")
	} else if faults > 1 {
		return fmt.Errorf("%d faults", faults)
	}
	return nil
}

func (d doctorCmd) print(w io.Writer, found findings) error {
	if d.JSON {
		e := json.NewEncoder(w)
		e.SetIndent("", "  ")
		e.SetEscapeHTML(false)
		return e.Encode(found)
	}
	for _, f := range found {
		line := fmt.Sprintf("%-8s %-12s %s\n", f.Level, f.Check, f.Says)
		if f.Line != "" {
			line += fmt.Sprintf("%21s → %s\n", "", f.Line)
		}
		if _, err := io.WriteString(w, line); err != nil {
			return err
		}
	}
	return nil
}

// examine makes all checks. With settings that make no sense the others would only mislead, so they are left out.
func examine(ctx context.Context, cfg engine.Config) findings {
	var f findings
	if err := cfg.Check(); err != nil {
		var bad *engine.BadConfig
		errors.As(err, &bad)
		f.add("settings", broken, bad.Setting+": "+byDefault(bad.Setting), "%v.", err)
		return f
	}
	f.add("settings", fine, "", "All settings make sense together.")
	on := runningOn(ctx, cfg)
	checkDataDir(&f, cfg, on)
	checkPorts(&f, cfg, on)
	checkMedia(ctx, &f, cfg, on)
	checkTURN(ctx, &f, cfg, on)
	checkCertificate(ctx, &f, cfg, on)
	checkClock(ctx, &f, cfg)
	checkFFmpeg(&f, cfg)
	return f
}

// byDefault is what a setting is if nobody sets it.
func byDefault(setting string) string {
	v := reflect.ValueOf(engine.Defaults())
	for i := range v.NumField() {
		if v.Type().Field(i).Tag.Get("name") == setting {
			return cmp.Or(fmt.Sprint(v.Field(i)), `""`)
		}
	}
	return `""`
}

// runningOn gives the addresses of the server that runs on the data directory, or nil.
func runningOn(ctx context.Context, cfg engine.Config) *engine.Addresses {
	text, err := os.ReadFile(filepath.Join(cfg.DataDir, "addresses.json"))
	if err != nil {
		return nil
	}
	var a engine.Addresses
	if json.Unmarshal(text, &a) != nil {
		return nil
	}
	resp, err := ask(ctx, "http://"+here(a.HTTP)+"/healthz")
	if err != nil {
		return nil // it ran here once
	}
	body, err := io.ReadAll(io.LimitReader(resp.Body, 64))
	resp.Body.Close()
	if err != nil || strings.TrimSpace(string(body)) != "ok" {
		return nil
	}
	return &a
}
