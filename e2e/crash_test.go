package e2e

import (
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ivs"
	"github.com/aws/aws-sdk-go-v2/service/ivschat"
	"github.com/aws/aws-sdk-go-v2/service/ivsrealtime"

	"github.com/streamcat/streamcat/internal/hls/hlscheck"
	"github.com/streamcat/streamcat/internal/store"
)

// nextPort is where freeAddr looks next. Ports from 32768 on are not for it: the system gives them to whoever asks for
// any (ip_local_port_range), outgoing connections among them, and a server that restarts would find its own taken.
var nextPort atomic.Int32

func init() { nextPort.Store(20_000 + int32(os.Getpid()%12_000)) }

// freeAddr gives an address, for TCP and UDP, that nobody else is given and a restarted server can have again.
func freeAddr(t *testing.T) string {
	t.Helper()
	for range 1000 {
		addr := fmt.Sprintf("127.0.0.1:%d", 20_000+nextPort.Add(1)%12_000)
		ln, err := net.Listen("tcp", addr)
		if err != nil {
			continue
		}
		ln.Close()
		if udp, err := net.ListenPacket("udp", addr); err == nil {
			udp.Close()
			return addr
		}
	}
	t.Fatal("no port is free")
	return ""
}

// streamEvents lists the names of a channel's stream events by stream, in the order of the outbox.
func streamEvents(t *testing.T, dir, channelARN string) map[string][]string {
	t.Helper()
	db, err := store.Open(t.Context(), "sqlite:"+filepath.Join(dir, "streamcat.db"), store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	events, err := db.Events(t.Context(), 0, 1000)
	if err != nil {
		t.Fatal(err)
	}
	told := map[string][]string{}
	for _, e := range events {
		var d struct {
			Name   string `json:"event_name"`
			Stream string `json:"stream_id"`
		}
		if err := json.Unmarshal(e.Detail, &d); err != nil {
			t.Fatal(err)
		}
		if slices.Contains(e.Resources, channelARN) {
			told[d.Stream] = append(told[d.Stream], d.Name)
		}
	}
	return told
}

func TestNothingIsLostByKillNineWhileLive(t *testing.T) {
	dir := t.TempDir()
	fixed := []string{"--http-addr", freeAddr(t), "--rtmp-addr", freeAddr(t)}
	p := startProcess(t, dir, fixed...)
	c := makeChannel(t, p.aws(), "rtmp://"+p.RTMP+"/app/")
	if _, err := ivschat.NewFromConfig(p.aws()).CreateRoom(t.Context(), &ivschat.CreateRoomInput{Name: aws.String("lounge")}); err != nil {
		t.Fatal(err)
	}
	if _, err := ivsrealtime.NewFromConfig(p.aws()).CreateStage(t.Context(), &ivsrealtime.CreateStageInput{Name: aws.String("sofa")}); err != nil {
		t.Fatal(err)
	}
	ffmpeg(t, c.PublishURL, picture{})
	eventually(t, 30*time.Second, "live", func() bool { return isLive(t, p.aws(), c) })
	media := mediaURL(t, c.PlaybackURL)
	check := hlscheck.New()
	if wrong := check.Playlist(fetch(t, media, http.StatusOK)); len(wrong) > 0 {
		t.Fatal(wrong)
	}

	p.kill()
	p = startProcess(t, dir, fixed...)
	if !isLive(t, p.aws(), c) {
		t.Error("the stream does not wait for its encoder")
	}
	ffmpeg(t, c.PublishURL, picture{}) // the key is still good

	// The address that a player kept works on, with numbers that did not go back.
	var body string
	eventually(t, 30*time.Second, "media again", func() bool {
		resp, err := http.Get(media)
		if err != nil {
			return false
		}
		resp.Body.Close()
		return resp.StatusCode == http.StatusOK
	})
	body = fetch(t, media, http.StatusOK)
	if wrong := check.Playlist(body); len(wrong) > 0 {
		t.Errorf("over the crash: %s\n%s", strings.Join(wrong, "\n"), body)
	}

	rooms, err := ivschat.NewFromConfig(p.aws()).ListRooms(t.Context(), &ivschat.ListRoomsInput{})
	if err != nil || len(rooms.Rooms) != 1 {
		t.Errorf("rooms: %+v, %v", rooms, err)
	}
	stages, err := ivsrealtime.NewFromConfig(p.aws()).ListStages(t.Context(), &ivsrealtime.ListStagesInput{})
	if err != nil || len(stages.Stages) != 1 {
		t.Errorf("stages: %+v, %v", stages, err)
	}
	if code := p.terminate(); code != 0 {
		t.Errorf("exit code %d after SIGTERM", code)
	}

	startedOnce(t, streamEvents(t, dir, c.ARN))
}

func TestUpdatesAreRefusedWhileLiveAndWorkAfterwards(t *testing.T) {
	p := startProcess(t, t.TempDir())
	client := ivs.NewFromConfig(p.aws())
	c := makeChannel(t, p.aws(), "rtmp://"+p.RTMP+"/app/")
	enc := ffmpeg(t, c.PublishURL, picture{})
	eventually(t, 30*time.Second, "live", func() bool { return isLive(t, p.aws(), c) })
	if _, err := client.DeleteChannel(t.Context(), &ivs.DeleteChannelInput{Arn: &c.ARN}); err == nil || !strings.Contains(err.Error(), "ConflictException") {
		t.Errorf("delete while live: %v", err)
	}
	enc.quit()
	eventually(t, 20*time.Second, "offline", func() bool { return !isLive(t, p.aws(), c) })
	if _, err := client.DeleteChannel(t.Context(), &ivs.DeleteChannelInput{Arn: &c.ARN}); err != nil {
		t.Errorf("delete after the end: %v", err)
	}
}

func TestExitCodes(t *testing.T) {
	path, err := binary()
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		args []string
		code int
		says string
	}{
		"version":         {[]string{"version"}, 0, "streamcat "},
		"help":            {[]string{"--help"}, 0, "Usage: streamcat"},
		"unknown flag":    {[]string{"serve", "--colour", "red"}, 2, "--colour"},
		"bad region":      {[]string{"serve", "--ephemeral", "--region", "Mars"}, 2, "region"},
		"bad address":     {[]string{"serve", "--ephemeral", "--http-addr", "x"}, 2, "http-addr"},
		"short secret":    {[]string{"serve", "--ephemeral", "--hook-secret", "x"}, 2, "hook-secret"},
		"no such command": {[]string{"sing"}, 2, "sing"},
	} {
		t.Run(name, func(t *testing.T) {
			cmd := exec.Command(path, c.args...)
			out, _ := cmd.CombinedOutput()
			if got := cmd.ProcessState.ExitCode(); got != c.code || !strings.Contains(string(out), c.says) {
				t.Errorf("exit code %d, said %q", got, out)
			}
			if c.code == 2 && strings.Count(strings.TrimSpace(string(out)), "\n") > 0 {
				t.Errorf("more than one line: %q", out)
			}
		})
	}
}

func TestKeysAreMadeListedAndDeleted(t *testing.T) {
	dir := t.TempDir()
	p := startProcess(t, dir)
	path, _ := binary()
	run := func(args ...string) string {
		t.Helper()
		out, err := exec.Command(path, append(args, "--data-dir", dir)...).CombinedOutput()
		if err != nil {
			t.Fatalf("%v: %v\n%s", args, err, out)
		}
		return string(out)
	}
	made := run("keys", "create", "--note", "ci")
	id, secret := field(made, "aws_access_key_id"), field(made, "aws_secret_access_key")
	cfg := p.aws()
	cfg.Credentials = credentials(id, secret)
	list := func() error {
		_, err := ivs.NewFromConfig(cfg).ListChannels(t.Context(), &ivs.ListChannelsInput{})
		return err
	}
	if err := list(); err != nil {
		t.Errorf("the new key: %v", err)
	}
	if out := run("keys", "list"); !strings.Contains(out, id) || strings.Contains(out, secret) {
		t.Errorf("list: %s", out)
	}
	run("keys", "delete", id)
	// The server is another process, which hears of it within a second.
	eventually(t, 10*time.Second, "the deleted key is refused", func() bool {
		err := list()
		return err != nil && strings.Contains(err.Error(), "UnrecognizedClientException")
	})
}

// field reads one value of an AWS credentials file.
func field(text, name string) string {
	for line := range strings.Lines(text) {
		if k, v, ok := strings.Cut(line, " = "); ok && k == name {
			return strings.TrimSpace(v)
		}
	}
	return ""
}
