package engine

import (
	"context"
	"fmt"
	"net/url"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/config"

	"github.com/streamcat/streamcat/internal/blob"
	"github.com/streamcat/streamcat/internal/chatlog"
	"github.com/streamcat/streamcat/internal/hook"
	"github.com/streamcat/streamcat/internal/store"
)

// openBlobs opens the bucket of this server, a directory.
func (e *Engine) openBlobs() (blob.Bucket, error) {
	dir := filepath.Join(e.cfg.DataDir, "blobs")
	if path, ok := strings.CutPrefix(e.cfg.BlobURL, "file:"); ok {
		dir = filepath.Clean(strings.TrimPrefix(path, "//"))
	}
	bucket, err := blob.OpenDir(dir)
	if err != nil {
		return nil, &BadConfig{"blob-url", err.Error()}
	}
	e.add("blobs", nil, func(context.Context) error { return bucket.Close() })
	return bucket, nil
}

// openChatLog makes the part that records rooms with logging configurations.
func (e *Engine) openChatLog(ctx context.Context, db *store.DB, blobs blob.Bucket, directory chatlog.Directory) (*chatlog.Log, error) {
	cfg := &e.cfg
	delay, keep := cfg.chatLog()
	d := chatlog.Deps{
		Dir: filepath.Join(cfg.DataDir, "chatlog"), Directory: directory, Buckets: chatlog.Folders{In: blobs},
		DB: db, Log: e.log.With("part", "chat log"), Registerer: e.reg, Delay: delay, Keep: keep,
	}
	streams := chatlog.StreamsDeps{Endpoint: cfg.ChatLogEndpoint, Secret: cfg.ChatLogSecret}
	streams.URLs, _ = parseStreams(cfg.ChatLogStreams)
	if cfg.ChatLogs == "aws" {
		remote, err := config.LoadDefaultConfig(ctx, config.WithRegion(cfg.Region))
		if err != nil {
			return nil, fmt.Errorf("chat-logs: %w", err)
		}
		d.Buckets = chatlog.NewS3(remote, cfg.ChatLogEndpoint)
		d.Groups = chatlog.NewGroups(remote, cfg.ChatLogEndpoint)
		streams.AWS = &remote
	}
	var err error
	if d.Streams, err = chatlog.NewStreams(streams); err != nil {
		return nil, err
	}
	log, err := chatlog.Open(d)
	if err != nil {
		return nil, &BadConfig{"data-dir", err.Error()}
	}
	e.add("chat log", log.Start, func(ctx context.Context) error {
		ctx, cancel := context.WithTimeout(ctx, 8*time.Second) // what does not get out now, gets out after the next start
		defer cancel()
		return log.Shutdown(ctx)
	})
	return log, nil
}

// chatLog reads the settings, which Check has found good.
func (c *Config) chatLog() (delay time.Duration, keep int64) {
	delay, keep, err := c.parseChatLog()
	if err != nil {
		panic("engine: a configuration was not checked: " + err.Error())
	}
	return delay, keep
}

func (c *Config) parseChatLog() (delay time.Duration, keep int64, err error) {
	delay, err = time.ParseDuration(c.ChatLogDelay)
	if err != nil || delay < time.Second || delay > time.Hour {
		return 0, 0, &BadConfig{"chat-log-delay", fmt.Sprintf("%q is no time from 1s to 1h, such as 5m", c.ChatLogDelay)}
	}
	number, ok := strings.CutSuffix(c.ChatLogKeep, "MiB")
	n, err := strconv.ParseUint(number, 10, 24)
	if !ok || err != nil || n == 0 {
		return 0, 0, &BadConfig{"chat-log-keep", fmt.Sprintf("%q is no size in MiB, such as 256MiB", c.ChatLogKeep)}
	}
	if _, err := parseStreams(c.ChatLogStreams); err != nil {
		return 0, 0, err
	}
	if c.ChatLogSecret != "" {
		if _, err := hook.ParseSecret(c.ChatLogSecret); err != nil {
			return 0, 0, &BadConfig{"chat-log-secret", err.Error()}
		}
	}
	if err := wantURL("chat-log-endpoint", c.ChatLogEndpoint, "http", "https"); err != nil {
		return 0, 0, err
	}
	path, ok := strings.CutPrefix(c.BlobURL, "file:")
	if c.BlobURL != "" && (!ok || !filepath.IsAbs(path)) {
		return 0, 0, &BadConfig{"blob-url", "must be file: and an absolute path; this version keeps objects in no other way"}
	}
	return delay, int64(n) << 20, nil
}

// parseStreams reads name=URL, comma-separated. Its error repeats no URL, which may hold a secret.
func parseStreams(text string) (map[string]string, error) {
	urls := map[string]string{}
	for pair := range strings.SplitSeq(text, ",") {
		if pair = strings.TrimSpace(pair); pair == "" {
			continue
		}
		name, to, _ := strings.Cut(pair, "=")
		u, err := url.Parse(to)
		if name == "" || err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
			return nil, &BadConfig{"chat-log-streams", "must be name=URL, comma-separated, with URLs of http or https"}
		}
		urls[name] = to
	}
	return urls, nil
}
