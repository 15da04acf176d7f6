package e2e

import (
	"encoding/json"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ivsrealtime"
	"github.com/aws/aws-sdk-go-v2/service/ivsrealtime/types"

	"github.com/streamcat/streamcat/internal/engine/enginetest"
)

// python is the system's interpreter: GStreamer's and aiortc's modules are Debian packages.
const python = "/usr/bin/python3"

// startPeer starts a foreign program that speaks WebRTC until its standard input closes. It ends with the
// test.
func startPeer(t *testing.T, token, name string, args ...string) *encoder {
	t.Helper()
	e := &encoder{cmd: exec.Command(name, args...), done: make(chan struct{})}
	e.cmd.Env = append(e.cmd.Environ(), "TOKEN="+token)
	e.cmd.Stdout, e.cmd.Stderr = e, e
	if _, err := e.cmd.StdinPipe(); err != nil { // held open until the process is waited for
		t.Fatal(err)
	}
	if err := e.cmd.Start(); err != nil {
		t.Fatalf("%s: %v (make test-deps installs it)", name, err)
	}
	go func() { e.err = e.cmd.Wait(); close(e.done) }()
	t.Cleanup(func() {
		e.cmd.Process.Kill()
		<-e.done
		if t.Failed() {
			t.Logf("%s %v said:\n%s", name, args, e.said())
		}
	})
	return e
}

// hears waits until the program has printed a line that begins so.
func (e *encoder) hears(t *testing.T, words string) {
	t.Helper()
	eventually(t, 30*time.Second, words, func() bool {
		select {
		case <-e.done:
			t.Fatalf("it ended: %v\n%s", e.err, e.said())
		default:
		}
		return strings.Contains("\n"+e.said(), "\n"+words)
	})
}

// theatre is a server with one stage.
type theatre struct {
	*enginetest.Engine // nil where the server is a process of its own
	t                  *testing.T
	url                string
	stages             *ivsrealtime.Client
	stage              string // ARN
}

func newTheatre(t *testing.T, options ...enginetest.Option) *theatre {
	t.Helper()
	e := enginetest.Start(t, options...)
	return theatreOn(t, e, e.URL, e.AWS())
}

func theatreOn(t *testing.T, e *enginetest.Engine, url string, key aws.Config) *theatre {
	t.Helper()
	th := &theatre{Engine: e, t: t, url: url, stages: ivsrealtime.NewFromConfig(key)}
	th.stage = th.newStage()
	return th
}

func (th *theatre) newStage() string {
	th.t.Helper()
	out, err := th.stages.CreateStage(th.t.Context(), &ivsrealtime.CreateStageInput{})
	if err != nil {
		th.t.Fatal(err)
	}
	return *out.Stage.Arn
}

// seat is a participant token and whose it is.
type seat struct{ token, id string }

func (th *theatre) seat(user string, may ...types.ParticipantTokenCapability) seat {
	th.t.Helper()
	out, err := th.stages.CreateParticipantToken(th.t.Context(), &ivsrealtime.CreateParticipantTokenInput{
		StageArn: &th.stage, UserId: &user, Capabilities: may, Attributes: map[string]string{"username": user},
	})
	if err != nil {
		th.t.Fatal(err)
	}
	return seat{*out.ParticipantToken.Token, *out.ParticipantToken.ParticipantId}
}

const (
	publish   = types.ParticipantTokenCapabilityPublish
	subscribe = types.ParticipantTokenCapabilitySubscribe
)

func (th *theatre) whip() string               { return th.url + "/whip" }
func (th *theatre) watching(who string) string { return th.url + "/whip/subscribe/" + who }

// events waits until the API tells these events of a participant in the stage's newest session.
func (th *theatre) events(s seat, want ...string) {
	th.t.Helper()
	eventually(th.t, 20*time.Second, strings.Join(want, ", "), func() bool {
		sessions, err := th.stages.ListStageSessions(th.t.Context(), &ivsrealtime.ListStageSessionsInput{StageArn: &th.stage})
		if err != nil {
			th.t.Fatal(err)
		}
		if len(sessions.StageSessions) == 0 {
			return false
		}
		out, err := th.stages.ListParticipantEvents(th.t.Context(), &ivsrealtime.ListParticipantEventsInput{
			StageArn: &th.stage, SessionId: sessions.StageSessions[0].SessionId, ParticipantId: &s.id,
		})
		if err != nil {
			th.t.Fatal(err)
		}
		var got []string
		for _, e := range out.Events {
			got = append(got, string(e.Name))
		}
		slices.Reverse(got) // the newest come first
		return strings.Join(got, " ") == strings.Join(want, " ")
	})
}

func TestForeignClientsMeetOnAStage(t *testing.T) {
	t.Parallel()
	th := newTheatre(t)
	viewer := func() string { return th.seat("viewer", subscribe).token }

	t.Run("GStreamer publishes with a token of the AWS CLI, Chromium and aiortc watch", func(t *testing.T) {
		host := cliSeat(t, th)
		gst := startPeer(t, host.token, python, "webrtc/gst.py", th.whip())
		gst.hears(t, "connected")
		th.events(host, "JOINED", "PUBLISH_STARTED")
		chromium := startScriptWith(t, []string{"TOKEN=" + viewer()}, "browser/foreign.mjs", "view", "plain", th.watching(host.id))
		chromium.hear("viewing")
		aio := startPeer(t, viewer(), python, "webrtc/aio.py", "subscribe", th.watching(host.id))
		aio.hears(t, "video 640 360")
		aio.hears(t, "audio")
		chromium.cue("stop")
		chromium.hear("done")
		gst.quit()
		th.events(host, "JOINED", "PUBLISH_STARTED", "PUBLISH_STOPPED", "LEFT")
	})
	t.Run("aiortc publishes, the Eyevinn player watches", func(t *testing.T) {
		host := th.seat("aiortc", publish)
		startPeer(t, host.token, python, "webrtc/aio.py", "publish", th.whip()).hears(t, "connected")
		view(t, th, "eyevinn", host, viewer())
	})
	t.Run("whip-whep publishes and watches", func(t *testing.T) {
		host := th.seat("whip-whep", publish)
		chromium := startScriptWith(t, []string{"TOKEN=" + host.token}, "browser/foreign.mjs", "publish", "whip-whep", th.whip())
		chromium.hear("publishing")
		view(t, th, "whip-whep", host, viewer())
		chromium.cue("stop")
		chromium.hear("done")
		th.events(host, "JOINED", "PUBLISH_STARTED", "PUBLISH_STOPPED", "LEFT")
	})
	t.Run("the Eyevinn client publishes to the bare origin, and another of theirs watches", func(t *testing.T) {
		host := th.seat("eyevinn", publish)
		chromium := startScriptWith(t, []string{"TOKEN=" + host.token}, "browser/foreign.mjs", "publish", "eyevinn", th.URL+"/")
		chromium.hear("publishing")
		view(t, th, "eyevinn", host, viewer())
		chromium.cue("stop")
		chromium.hear("done")
	})
	if strings.Contains(th.Log(), "eyJ") {
		t.Error("there is a token in the log")
	}
}

func view(t *testing.T, th *theatre, client string, host seat, token string) {
	t.Helper()
	s := startScriptWith(t, []string{"TOKEN=" + token}, "browser/foreign.mjs", "view", client, th.watching(host.id))
	s.hear("viewing")
	s.cue("stop")
	s.hear("done")
}

// cliSeat is a publisher's token made by the AWS command line client; by the SDK where the installed client
// is too old to know the service.
func cliSeat(t *testing.T, th *theatre) seat {
	t.Helper()
	c := &commandLine{t: t, path: commandLines(t)[0], url: th.URL, env: append(exec.Command("").Environ(),
		"AWS_ACCESS_KEY_ID="+th.AccessKeyID, "AWS_SECRET_ACCESS_KEY="+th.Secret, "AWS_DEFAULT_REGION="+th.Region, "AWS_EC2_METADATA_DISABLED=true")}
	out, failure := c.run("ivs-realtime", "create-participant-token", "--stage-arn", th.stage, "--capabilities", "PUBLISH", "--user-id", "gst")
	if strings.Contains(failure, "Invalid choice") || strings.Contains(failure, "invalid choice") {
		t.Logf("NOT SHOWN: %s knows no ivs-realtime; the token is made by the SDK instead", c.path)
		return th.seat("gst", publish)
	}
	if failure != "" {
		t.Fatal(failure)
	}
	var v any
	if err := json.Unmarshal(out, &v); err != nil {
		t.Fatal(err)
	}
	return seat{text(t, v, "participantToken", "token"), text(t, v, "participantToken", "participantId")}
}
