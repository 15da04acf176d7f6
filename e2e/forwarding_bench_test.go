//go:build bench

package e2e

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ivsrealtime"
	"github.com/aws/aws-sdk-go-v2/service/ivsrealtime/types"

	"github.com/streamcat/streamcat/internal/sfu/sfubench"
)

// profileEnv names a directory for CPU profiles of the server, one per run. Empty: none are taken.
const profileEnv = "STREAMCAT_BENCH_PROFILES"

// TestForwardingLoad measures what it costs the product, as a process of its own, to forward one
// publisher to many subscribers: CPU per packet beside a floor taken in the same run, the delay of a
// frame's last packet, and how soon somebody who joins has a picture.
func TestForwardingLoad(t *testing.T) {
	for _, n := range []int{50, 100} {
		t.Run(fmt.Sprint(n), func(t *testing.T) { forwardTo(t, n) })
	}
}

func forwardTo(t *testing.T, subscribers int) {
	const joins = 20
	p := startProcess(t, t.TempDir(), "--log-level", "error")
	rt := ivsrealtime.NewFromConfig(p.aws())
	made, err := rt.CreateStage(t.Context(), &ivsrealtime.CreateStageInput{Name: aws.String("forwarding")})
	if err != nil {
		t.Fatal(err)
	}
	token := func(can types.ParticipantTokenCapability) (token, participant string) {
		out, err := rt.CreateParticipantToken(t.Context(), &ivsrealtime.CreateParticipantTokenInput{
			StageArn: made.Stage.Arn, Capabilities: []types.ParticipantTokenCapability{can},
		})
		if err != nil {
			t.Fatal(err)
		}
		return aws.ToString(out.ParticipantToken.Token), aws.ToString(out.ParticipantToken.ParticipantId)
	}
	host, id := token(types.ParticipantTokenCapabilityPublish)
	target := sfubench.Target{
		PID:     p.cmd.Process.Pid,
		Publish: p.URL + "/whip", Subscribe: p.URL + "/whip/subscribe/" + id, PublishToken: host,
		Subscribers: subscribers, Joins: joins, Warm: 3 * time.Second, Duration: 12 * time.Second,
	}
	for range subscribers + joins {
		viewer, _ := token(types.ParticipantTokenCapabilitySubscribe)
		target.SubscribeTokens = append(target.SubscribeTokens, viewer)
	}
	profiled := make(chan error, 1)
	dir := os.Getenv(profileEnv)
	target.Measuring = func() {
		go func() { profiled <- profile(dir, p.Admin, subscribers) }()
	}
	r, err := sfubench.Run(t.Context(), target)
	if err != nil {
		t.Fatal(err)
	}
	if err := <-profiled; err != nil {
		t.Error(err)
	}
	t.Log(r)
}

// profile takes a CPU profile while the load runs.
func profile(dir, admin string, subscribers int) error {
	if dir == "" {
		return nil
	}
	res, err := http.Get("http://" + admin + "/debug/pprof/profile?seconds=10")
	if err != nil {
		return err
	}
	defer res.Body.Close()
	f, err := os.Create(fmt.Sprintf("%s/forwarding-%d.pprof", dir, subscribers))
	if err != nil {
		return err
	}
	if _, err := io.Copy(f, res.Body); err != nil {
		return err
	}
	return f.Close()
}
