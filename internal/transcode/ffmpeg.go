// Package transcode makes other codecs of a stream's tracks, by children that run ffmpeg: where none is
// installed, streams stay as they are.
//
// A child reads and writes pipes only, has a process group of its own, and ends with its stream: who
// makes one closes it, and Close returns when the child is gone. A child that stalls or dies never holds
// up the media path; it says so, and the stream goes on without it. No command line holds anything secret.
package transcode

import (
	"context"
	"fmt"
	"os/exec"
	"strings"
	"time"
)

// FFmpeg is an ffmpeg that can do what this package needs.
type FFmpeg struct {
	path     string
	version  string
	encoders string // its own list
}

// FindFFmpeg looks for a program, by name in PATH or by its path, and asks it what it can do. The error says
// what is missing. The usual name is "ffmpeg".
func FindFFmpeg(program string) (*FFmpeg, error) {
	path, err := exec.LookPath(program)
	if err != nil {
		return nil, fmt.Errorf("transcode: %w", err)
	}
	return openFFmpeg(path)
}

// openFFmpeg asks the ffmpeg at path.
func openFFmpeg(path string) (*FFmpeg, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second) // it asks six times, of a machine that may be busy
	defer cancel()
	f := &FFmpeg{path: path}
	out, err := exec.CommandContext(ctx, path, "-hide_banner", "-nostdin", "-version").Output()
	if err != nil {
		return nil, fmt.Errorf("transcode: ask ffmpeg for its version: %w", err)
	}
	line, _, _ := strings.Cut(string(out), "\n")
	if words := strings.Fields(line); len(words) > 2 {
		f.version = words[2]
	}
	for _, need := range []struct{ list, name string }{
		{"-encoders", "aac"}, {"-decoders", "opus"}, {"-demuxers", "ogg"}, {"-muxers", "adts"},
	} {
		out, err := exec.CommandContext(ctx, path, "-hide_banner", "-nostdin", "-v", "error", need.list).Output()
		if err != nil {
			return nil, fmt.Errorf("transcode: ask ffmpeg for its %s: %w", need.list[1:], err)
		}
		if !lists(string(out), need.name) {
			return nil, fmt.Errorf("transcode: ffmpeg %s has no %s among its %s", f.version, need.name, need.list[1:])
		}
		if need.list == "-encoders" {
			f.encoders = string(out)
		}
	}
	return f, nil
}

// lists tells whether name is the second word of a line.
func lists(text, name string) bool {
	for line := range strings.Lines(text) {
		if words := strings.Fields(line); len(words) > 1 && words[1] == name {
			return true
		}
	}
	return false
}

// Version gives ffmpeg's version, such as "7.1.1"; empty if it did not say.
func (f *FFmpeg) Version() string { return f.version }
