package e2e

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/aws/aws-sdk-go-v2/service/ivs"
	"github.com/aws/aws-sdk-go-v2/service/ivsrealtime"
	"github.com/aws/aws-sdk-go-v2/service/ivsrealtime/types"

	"github.com/streamcat/streamcat/internal/engine/enginetest"
)

// told is one delivery that a receiver has taken.
type told struct {
	ID, Event string
	Sequence  int64
	Resource  string
	Signed    bool
}

// receiver is a program that takes webhooks. What it has taken outlives it.
type receiver struct {
	t      *testing.T
	port   string
	env    []string
	secret string
	cmd    *exec.Cmd
	ended  chan struct{} // closed when all that it said was read

	mu    sync.Mutex
	taken []told
}

func startReceiver(t *testing.T, env ...string) *receiver {
	t.Helper()
	if _, err := os.Stat("node_modules"); err != nil {
		t.Fatal("the JavaScript clients are not installed: run `make test-deps`")
	}
	r := &receiver{t: t, port: strings.TrimPrefix(freeAddr(t), "127.0.0.1:"), env: env}
	t.Cleanup(r.kill)
	return r
}

// url is where it listens, now or later.
func (r *receiver) url() string { return "http://127.0.0.1:" + r.port + "/hook" }

// run starts the program, and comes back when it listens and knows the secret.
func (r *receiver) run() {
	r.t.Helper()
	r.cmd = exec.Command("node", "api/webhooks.mjs")
	r.cmd.Env = append([]string{"PATH=" + os.Getenv("PATH"), "PORT=" + r.port}, r.env...)
	r.cmd.Stderr = os.Stderr
	in, err := r.cmd.StdinPipe()
	if err != nil {
		r.t.Fatal(err)
	}
	out, err := r.cmd.StdoutPipe()
	if err != nil {
		r.t.Fatal(err)
	}
	if err := r.cmd.Start(); err != nil {
		r.t.Fatal(err)
	}
	ready := make(chan bool, 1)
	r.ended = make(chan struct{})
	go func() {
		defer close(r.ended)
		for s := bufio.NewScanner(out); s.Scan(); {
			var line struct {
				told
				Port  int
				Ready bool
			}
			if json.Unmarshal(s.Bytes(), &line) != nil {
				continue // cut off by its end
			}
			switch {
			case line.Port > 0:
				fmt.Fprintln(in, r.secret)
			case line.Ready:
				ready <- true
			default:
				r.mu.Lock()
				r.taken = append(r.taken, line.told)
				r.mu.Unlock()
			}
		}
	}()
	select {
	case <-ready:
	case <-time.After(time.Minute):
		r.t.Fatal("the receiver does not come up")
	}
}

func (r *receiver) kill() {
	if r.cmd == nil {
		return
	}
	r.cmd.Process.Kill()
	<-r.ended
	_ = r.cmd.Wait() // it was killed
	r.cmd = nil
}

// engineAPI calls /engine/v1 and wants a status.
func engineAPI(t *testing.T, cfg aws.Config, want int, method, path, body string) map[string]any {
	t.Helper()
	req, err := http.NewRequest(method, *cfg.BaseEndpoint+"/engine/v1/"+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	key, err := cfg.Credentials.Retrieve(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256([]byte(body))
	if err := v4.NewSigner().SignHTTP(t.Context(), key, req, hex.EncodeToString(sum[:]), "streamcat", cfg.Region, time.Now()); err != nil {
		t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	if resp.StatusCode != want {
		t.Fatalf("%s %s: %d %s", method, path, resp.StatusCode, text)
	}
	var out map[string]any
	if len(text) > 0 {
		if err := json.Unmarshal(text, &out); err != nil {
			t.Fatal(err)
		}
	}
	return out
}

// listen makes the webhook of a receiver and starts it.
func (r *receiver) listen(cfg aws.Config) (id string) {
	r.t.Helper()
	made := engineAPI(r.t, cfg, http.StatusCreated, http.MethodPost, "webhooks", `{"url":"`+r.url()+`"}`)
	r.secret = made["secret"].(string)
	r.run()
	return made["id"].(string)
}

// happened lists what the outbox has told, by resource: the ids of events in order.
func happened(t *testing.T, cfg aws.Config) map[string][]string {
	t.Helper()
	out := map[string][]string{}
	for query := "events?maxResults=100&order=oldest"; ; {
		page := engineAPI(t, cfg, http.StatusOK, http.MethodGet, query, "")
		for _, item := range page["events"].([]any) {
			envelope := item.(map[string]any)["event"].(map[string]any)
			resource := ""
			if names := envelope["resources"].([]any); len(names) > 0 {
				resource = names[0].(string)
			}
			out[resource] = append(out[resource], envelope["id"].(string))
		}
		next, ok := page["nextToken"].(string)
		if !ok {
			return out
		}
		query = "events?maxResults=100&nextToken=" + next + "&order=oldest"
	}
}

// compare wants what was taken to be all that has happened, each resource's events in order; the same event
// may have come again before the next one. It gives the number of events that are missing.
func (r *receiver) compare(happened map[string][]string) (missing int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	seen := map[string][]string{}
	for _, d := range r.taken {
		if !d.Signed || d.ID != d.Event {
			r.t.Errorf("a delivery that is not right: %+v", d)
		}
		list := seen[d.Resource]
		if len(list) > 0 && list[len(list)-1] == d.ID {
			continue
		}
		if d.Sequence != int64(len(list)+1) {
			r.t.Fatalf("%s: number %d after %d events", d.Resource, d.Sequence, len(list))
		}
		seen[d.Resource] = append(list, d.ID)
	}
	for resource, ids := range happened {
		list := seen[resource]
		missing += len(ids) - len(list)
		if len(list) > len(ids) {
			continue // it has happened since
		}
		for i, id := range list {
			if id != ids[i] {
				r.t.Fatalf("%s: event %d is %s, want %s", resource, i+1, id, ids[i])
			}
		}
	}
	return missing
}

// mutate starts compositions, which tell of themselves, with many clients at once until ctx ends. Calls that
// fail because the server is away are made again.
func mutate(ctx context.Context, t *testing.T, clients int, config func() aws.Config) (wait func() (started int)) {
	t.Helper()
	ch, err := ivs.NewFromConfig(config()).CreateChannel(t.Context(), &ivs.CreateChannelInput{})
	if err != nil {
		t.Fatal(err)
	}
	st, err := ivsrealtime.NewFromConfig(config()).CreateStage(t.Context(), &ivsrealtime.CreateStageInput{})
	if err != nil {
		t.Fatal(err)
	}
	var crowd sync.WaitGroup
	counts := make([]int, clients)
	for i := range counts {
		crowd.Go(func() {
			for ctx.Err() == nil {
				_, err := ivsrealtime.NewFromConfig(config()).StartComposition(ctx, &ivsrealtime.StartCompositionInput{
					StageArn:     st.Stage.Arn,
					Destinations: []types.DestinationConfiguration{{Channel: &types.ChannelDestinationConfiguration{ChannelArn: ch.Channel.Arn}}},
				})
				if err == nil {
					counts[i]++
				}
			}
		})
	}
	return func() (started int) {
		crowd.Wait()
		for _, n := range counts {
			started += n
		}
		return started
	}
}

// A receiver written with the format's own library fails at random, breaks off, hangs once and is restarted
// while 20 clients make things happen: it is told everything, in order per resource, signed.
func TestWebhooksReachAForeignReceiverThroughItsTroubles(t *testing.T) {
	t.Parallel()
	e := enginetest.Start(t)
	r := startReceiver(t, "TROUBLE=1", "HANG=1")
	id := r.listen(e.AWS())
	ctx, cancel := context.WithTimeout(t.Context(), 4*time.Second)
	defer cancel()
	wait := mutate(ctx, t, 20, e.AWS)
	taken := func() int {
		r.mu.Lock()
		defer r.mu.Unlock()
		return len(r.taken)
	}
	for range 3 {
		before := taken()
		eventually(t, time.Minute, "deliveries", func() bool { return taken() > before+5 })
		r.kill()
		r.run()
	}
	started := wait()
	r.kill()
	r.env = nil
	r.run() // well from now on
	all := happened(t, e.AWS())
	eventually(t, 2*time.Minute, "everything is told", func() bool { return r.compare(all) == 0 })
	if started < 5 || len(all) < started {
		t.Errorf("%d compositions, %d resources with events", started, len(all))
	}
	t.Logf("%d compositions, %d deliveries", started, taken())
	if n := engineAPI(t, e.AWS(), http.StatusOK, http.MethodGet, "webhooks/"+id, "")["delivery"].(map[string]any)["deadLetters"]; n != 0.0 {
		t.Errorf("%v dead letters", n)
	}
	resp, err := http.Get(e.Admin + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil || !bytes.Contains(text, []byte(`streamcat_webhook_delivered_total{webhook="`+id+`"}`)) || bytes.Contains(text, []byte(r.port+"/hook")) {
		t.Errorf("metrics: %v", err)
	}
	if strings.Contains(e.Log(), r.secret) {
		t.Error("the log tells the secret")
	}
}

// Debian's curl signs what the manual says.
func TestCurlSignsForTheEngineAPI(t *testing.T) {
	e := enginetest.Start(t)
	curl := func(args ...string) string {
		t.Helper()
		args = append([]string{"-sS", "--aws-sigv4", "aws:amz:" + e.Region + ":streamcat", "--user", e.AccessKeyID + ":" + e.Secret}, args...)
		out, err := exec.CommandContext(t.Context(), "curl", args...).CombinedOutput()
		if err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		return string(out)
	}
	api := e.URL + "/engine/v1"
	for _, c := range []struct {
		says string
		args []string
	}{
		{`"features":[`, []string{api + "/features"}},
		{`"secret":"whsec_`, []string{"-H", "content-type: application/json", "-d", `{"url":"http://127.0.0.1:9/hook"}`, api + "/webhooks"}},
		{`"webhooks":[{`, []string{api + "/webhooks?maxResults=10"}},
		{`"events":[]`, []string{api + "/events?detailType=IVS%20Stream%20State%20Change&order=oldest&resource=arn%3Aaws%3Aivs%3Aus-east-1%3A000000000000%3Achannel%2Fx&since=2026-01-01T00%3A00%3A00Z"}},
		{`"operation":"CreateWebhook"`, []string{api + "/audit?operation=CreateWebhook"}},
		{`"code":"ResourceNotFoundException"`, []string{"-X", "PATCH", "-H", "content-type: application/json", "-d", `{"state":"disabled"}`, api + "/webhooks/none"}},
		{`"code":"ResourceNotFoundException"`, []string{"-X", "POST", api + "/webhooks/none/test"}},
		{`"code":"ResourceNotFoundException"`, []string{"-X", "DELETE", api + "/webhooks/none"}},
	} {
		if out := curl(c.args...); !strings.Contains(out, c.says) {
			t.Errorf("%v: %s", c.args, out)
		}
	}
}
