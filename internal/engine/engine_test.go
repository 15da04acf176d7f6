package engine_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/ivs"

	"github.com/streamcat/streamcat/internal/engine"
	"github.com/streamcat/streamcat/internal/engine/enginetest"
)

func get(t *testing.T, url string) (int, string) {
	t.Helper()
	resp, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(body)
}

func TestEachDoorAnswers(t *testing.T) {
	e := enginetest.Start(t)
	for _, c := range []struct {
		url    string
		status int
		holds  string
	}{
		{e.URL + "/healthz", 200, "ok"},
		{e.URL + "/readyz", 200, "ready"},
		{e.URL + "/", 200, "<!doctype html>"},
		{e.URL + "/api/session", 200, `"ready":true`},
		{e.URL + "/api/video/v1/us-east-1.000000000000.channel.nothing.m3u8", 404, ""},
		{e.URL + "/metrics", 404, ""}, // never on the public listener
		{e.URL + "/debug/pprof/", 404, ""},
		{e.Admin + "/metrics", 200, "streamcat_channel_live"},
		{e.Admin + "/debug/pprof/cmdline", 200, ""},
	} {
		if status, body := get(t, c.url); status != c.status || !strings.Contains(strings.ToLower(body), c.holds) {
			t.Errorf("%s: %d %.200s", c.url, status, body)
		}
	}
}

func TestAddressesReallyBoundAreWrittenDown(t *testing.T) {
	e := enginetest.Start(t)
	text, err := os.ReadFile(filepath.Join(e.DataDir(), "addresses.json"))
	if err != nil {
		t.Fatal(err)
	}
	var a engine.Addresses
	if err := json.Unmarshal(text, &a); err != nil || a != e.Addresses() {
		t.Errorf("got %s, %v", text, err)
	}
}

func TestSecretsAreKeptPrivate(t *testing.T) {
	e := enginetest.Start(t)
	err := filepath.WalkDir(e.DataDir(), func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		name, _ := filepath.Rel(e.DataDir(), path)
		if info, err := d.Info(); err == nil && (strings.HasPrefix(name, "keys") || name == "credentials") && info.Mode().Perm() != 0o600 {
			t.Errorf("%s has mode %v", name, info.Mode())
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		if name != "credentials" && strings.Contains(string(text), e.Secret) {
			t.Errorf("%s holds the root secret in clear", name)
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
	if strings.Contains(e.Log(), e.Secret) {
		t.Error("the log holds the root secret")
	}
}

func TestRootKeyAndResourcesSurviveARestart(t *testing.T) {
	dir := t.TempDir()
	first := enginetest.Start(t, enginetest.DataDir(dir))
	if _, err := ivs.NewFromConfig(first.AWS()).CreateChannel(t.Context(), &ivs.CreateChannelInput{}); err != nil {
		t.Fatal(err)
	}
	first.Stop()

	second := enginetest.Start(t, enginetest.DataDir(dir))
	if second.AccessKeyID != first.AccessKeyID || second.Secret != first.Secret {
		t.Error("the root key changed")
	}
	out, err := ivs.NewFromConfig(second.AWS()).ListChannels(t.Context(), &ivs.ListChannelsInput{})
	if err != nil || len(out.Channels) != 1 {
		t.Errorf("got %+v, %v", out, err)
	}
}

func TestConfiguredRootKeyIsTaken(t *testing.T) {
	e := enginetest.Start(t, func(c *engine.Config) {
		c.RootAccessKeyID, c.RootSecretAccessKey = "AKIACONFIGURED000000", "configured-secret-of-the-operator"
	})
	if e.AccessKeyID != "AKIACONFIGURED000000" {
		t.Error(e.AccessKeyID)
	}
	if _, err := ivs.NewFromConfig(e.AWS()).ListChannels(t.Context(), &ivs.ListChannelsInput{}); err != nil {
		t.Error(err)
	}
}

func TestANewRootKeyEndsTheOldOne(t *testing.T) {
	dir := t.TempDir()
	first := enginetest.Start(t, enginetest.DataDir(dir))
	first.Stop()
	second := enginetest.Start(t, enginetest.DataDir(dir), func(c *engine.Config) {
		c.RootAccessKeyID, c.RootSecretAccessKey = "AKIACONFIGURED000000", "configured-secret-of-the-operator"
	})
	old := second.AWS()
	old.Credentials = first.AWS().Credentials
	if _, err := ivs.NewFromConfig(old).ListChannels(t.Context(), &ivs.ListChannelsInput{}); err == nil {
		t.Error("the old root key is still good")
	}
	if _, body := get(t, second.URL+"/api/session"); !strings.Contains(body, `"ready":true`) {
		t.Errorf("the web app lost its key: %s", body)
	}
}

func TestEphemeralLeavesNothing(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	e := enginetest.Start(t, func(c *engine.Config) { c.Ephemeral = true })
	if _, err := os.Stat(e.DataDir()); err != nil {
		t.Fatal(err)
	}
	e.Stop()
	if _, err := os.Stat(e.DataDir()); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("%s: %v", e.DataDir(), err)
	}
}

func TestASecondEngineOnOneDirectoryIsRefused(t *testing.T) {
	e := enginetest.Start(t)
	cfg := engine.Defaults()
	cfg.DataDir, cfg.HTTPAddr, cfg.RTMPAddr, cfg.SRTAddr, cfg.WebRTCAddr, cfg.AdminAddr = e.DataDir(), "127.0.0.1:0", "127.0.0.1:0", "127.0.0.1:0", "127.0.0.1:0", "127.0.0.1:0"
	wantBad(t, cfg, "data-dir")
}

func TestATakenAddressIsNamed(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	cfg := engine.Defaults()
	cfg.DataDir, cfg.HTTPAddr, cfg.RTMPAddr, cfg.SRTAddr, cfg.AdminAddr, cfg.WebRTCAddr = t.TempDir(), "127.0.0.1:0", ln.Addr().String(), "127.0.0.1:0", "127.0.0.1:0", "127.0.0.1:0"
	wantBad(t, cfg, "rtmp-addr")
}

func wantBad(t *testing.T, cfg engine.Config, setting string) {
	t.Helper()
	_, err := engine.New(context.Background(), cfg, engine.NewLog(io.Discard, "error", "text"))
	var bad *engine.BadConfig
	if !errors.As(err, &bad) || bad.Setting != setting {
		t.Errorf("got %v, want a complaint about %s", err, setting)
	}
}
