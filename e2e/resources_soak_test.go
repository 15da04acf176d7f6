//go:build soak

package e2e

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/aws-sdk-go-v2/service/ivs"
	"github.com/aws/aws-sdk-go-v2/service/ivs/types"

	"github.com/streamcat/streamcat/internal/api/apitest"
)

// The server is killed at random while 20 clients make channels, give them other keys and delete them. What was
// answered holds afterwards, and what was not answered is there wholly or not at all: a channel has the one
// key that its owner was given, or as many as it had when the answer was lost, and a key has its channel.
func TestSoakNothingIsHalfMadeByCrashes(t *testing.T) {
	dir := t.TempDir()
	fixed := []string{"--http-addr", freeAddr(t)}
	p := startProcess(t, dir, fixed...)
	cfg := p.aws()
	cfg.Retryer = func() aws.Retryer { return aws.NopRetryer{} } // a lost answer is looked at, not asked for again
	cfg.HTTPClient = apitest.Client()
	ctx, cancel := context.WithTimeout(t.Context(), soakTime())
	defer cancel()
	owners := make([]*owner, 20)
	var working sync.WaitGroup
	for n := range owners {
		owners[n] = &owner{client: ivs.NewFromConfig(cfg), name: fmt.Sprintf("owner-%d", n), keys: map[string]string{}, gone: map[string]bool{}, leaving: map[string]bool{}}
		working.Go(func() {
			for ctx.Err() == nil {
				owners[n].act(ctx)
			}
		})
	}
	crashes := 0
	for ctx.Err() == nil {
		select {
		case <-ctx.Done():
		case <-time.After(time.Duration(500+rand.IntN(3000)) * time.Millisecond):
			p.kill()
			p = startProcess(t, dir, fixed...)
			crashes++
		}
	}
	working.Wait()
	cfg.Retryer = func() aws.Retryer { return retry.NewStandard() }
	client, answered, unsure := ivs.NewFromConfig(cfg), 0, 0
	for _, o := range owners {
		answered, unsure = answered+o.answered, unsure+o.unsure
		o.judge(t, client)
	}
	t.Logf("%d crashes, %d calls answered, %d without an answer", crashes, answered, unsure)
	if crashes == 0 || answered == 0 || unsure == 0 {
		t.Error("nothing was put to the test")
	}
}

// owner is one client and what it knows by answers.
type owner struct {
	client           *ivs.Client
	name             string
	keys             map[string]string // channel → its key; empty: not known since an answer was lost
	gone             map[string]bool   // channels and keys whose deletion was answered
	leaving          map[string]bool   // channels that were told to go
	answered, unsure int
}

// act makes a channel, or changes one of its own.
func (o *owner) act(ctx context.Context) {
	var some string
	for name := range o.keys {
		some = name
		break
	}
	switch n := rand.IntN(4); {
	case some == "" || n == 0:
		out, err := o.client.CreateChannel(ctx, &ivs.CreateChannelInput{Name: &o.name, Tags: map[string]string{"owner": o.name}})
		if o.heard(err) {
			o.keys[*out.Channel.Arn] = *out.StreamKey.Arn
		}
	case n == 1 && o.keys[some] != "":
		key := o.keys[some]
		o.keys[some] = ""
		_, err := o.client.DeleteStreamKey(ctx, &ivs.DeleteStreamKeyInput{Arn: &key})
		if !o.heard(err) {
			return
		}
		o.gone[key] = true
		out, err := o.client.CreateStreamKey(ctx, &ivs.CreateStreamKeyInput{ChannelArn: &some})
		if o.heard(err) {
			o.keys[some] = *out.StreamKey.Arn
		}
	case n == 2:
		key := o.keys[some]
		delete(o.keys, some)
		o.leaving[some] = true
		_, err := o.client.DeleteChannel(ctx, &ivs.DeleteChannelInput{Arn: &some})
		if !o.heard(err) {
			return
		}
		o.gone[some] = true
		if key != "" {
			o.gone[key] = true
		}
	default:
		_, err := o.client.UpdateChannel(ctx, &ivs.UpdateChannelInput{Arn: &some, Type: types.ChannelTypeBasicChannelType})
		o.heard(err)
	}
}

// heard counts an answer, and says whether there was one.
func (o *owner) heard(err error) bool {
	if err != nil {
		o.unsure++
		return false
	}
	o.answered++
	return true
}

// judge looks at what is there in the end.
func (o *owner) judge(t *testing.T, client *ivs.Client) {
	t.Helper()
	there := map[string]bool{}
	for pages := ivs.NewListChannelsPaginator(client, &ivs.ListChannelsInput{FilterByName: &o.name}); pages.HasMorePages(); {
		page, err := pages.NextPage(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range page.Channels {
			there[*c.Arn] = true
			if c.Tags["owner"] != o.name {
				t.Errorf("channel %s has lost its tags: %v", *c.Arn, c.Tags)
			}
			keys, err := client.ListStreamKeys(t.Context(), &ivs.ListStreamKeysInput{ChannelArn: c.Arn, MaxResults: aws.Int32(50)})
			if err != nil {
				t.Fatal(err)
			}
			want, mine := o.keys[*c.Arn]
			switch {
			case len(keys.StreamKeys) > 1:
				t.Errorf("channel %s has %d keys", *c.Arn, len(keys.StreamKeys))
			case want != "" && (len(keys.StreamKeys) != 1 || *keys.StreamKeys[0].Arn != want):
				t.Errorf("channel %s has not the key that was answered", *c.Arn)
			case !mine && !o.leaving[*c.Arn] && len(keys.StreamKeys) == 0: // the answer of its making was lost
				t.Errorf("channel %s was made without a key", *c.Arn)
			}
		}
	}
	for name := range o.keys {
		if !there[name] {
			t.Errorf("channel %s was answered and is lost", name)
		}
	}
	for name := range o.gone {
		if strings.Contains(name, ":channel/") {
			if there[name] {
				t.Errorf("channel %s was deleted and is back", name)
			}
			continue
		}
		var missing *types.ResourceNotFoundException
		if _, err := client.GetStreamKey(t.Context(), &ivs.GetStreamKeyInput{Arn: &name}); !errors.As(err, &missing) {
			t.Errorf("key %s was deleted and is back: %v", name, err)
		}
	}
}
