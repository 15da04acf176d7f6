//go:build soak

package e2e

import (
	"context"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ivsrealtime"
)

// The server is killed at random while 20 clients start compositions and a receiver that fails at random is
// told of them. In the end the receiver has everything that was committed, in order per resource, and every
// composition that can be seen is whole.
func TestSoakWebhooksOverCrashes(t *testing.T) {
	dir := t.TempDir()
	fixed := []string{"--http-addr", freeAddr(t)}
	p := startProcess(t, dir, fixed...)
	cfg := p.aws()
	r := startReceiver(t, "TROUBLE=1")
	r.listen(cfg)
	ctx, cancel := context.WithTimeout(t.Context(), soakTime())
	defer cancel()
	wait := mutate(ctx, t, 20, func() aws.Config { return cfg })
	crashes := 0
	for ctx.Err() == nil {
		select {
		case <-ctx.Done():
		case <-time.After(time.Duration(500+rand.IntN(4000)) * time.Millisecond):
			p.kill()
			p = startProcess(t, dir, fixed...)
			crashes++
		}
	}
	started := wait()
	r.kill()
	r.env = nil
	r.run()
	all := happened(t, cfg)
	eventually(t, 3*time.Minute, "everything is told", func() bool { return r.compare(all) == 0 })
	t.Logf("%d crashes, %d compositions, %d resources told of", crashes, started, len(all))
	if crashes == 0 || started == 0 {
		t.Error("nothing was put to the test")
	}

	client := ivsrealtime.NewFromConfig(cfg)
	for pages := ivsrealtime.NewListCompositionsPaginator(client, &ivsrealtime.ListCompositionsInput{}); pages.HasMorePages(); {
		page, err := pages.NextPage(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range page.Compositions {
			if len(all[*c.Arn]) == 0 || len(c.Destinations) != 1 {
				t.Errorf("composition %s is half made: %d events, %d destinations", *c.Arn, len(all[*c.Arn]), len(c.Destinations))
			}
		}
	}
}
