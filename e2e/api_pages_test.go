package e2e

import (
	"encoding/json"
	"slices"
	"sync"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ivs"
	"github.com/aws/aws-sdk-go-v2/service/ivschat"
	rt "github.com/aws/aws-sdk-go-v2/service/ivsrealtime"

	"github.com/streamcat/streamcat/internal/engine/enginetest"
)

// TestLongLists has the SDKs' paginators walk 250 channels, stages and rooms.
func TestLongLists(t *testing.T) {
	e := enginetest.Start(t)
	ctx, name := t.Context(), aws.String("paged")
	channels, stages, rooms := ivs.NewFromConfig(e.AWS()), rt.NewFromConfig(e.AWS()), ivschat.NewFromConfig(e.AWS())
	made := map[string][]string{}
	var mu sync.Mutex
	var all sync.WaitGroup
	// One after the other within a service, so that the order of the lists is known.
	fill := func(list string, create func() (*string, error)) {
		all.Go(func() {
			var arns []string
			for range 250 {
				arn, err := create()
				if err != nil {
					t.Errorf("%s: %v", list, err)
					return
				}
				arns = append(arns, *arn)
			}
			slices.Reverse(arns) // the newest comes first
			mu.Lock()
			defer mu.Unlock()
			made[list] = arns
		})
	}
	fill("channels", func() (*string, error) {
		out, err := channels.CreateChannel(ctx, &ivs.CreateChannelInput{Name: name})
		if err != nil {
			return nil, err
		}
		return out.Channel.Arn, nil
	})
	fill("stages", func() (*string, error) {
		out, err := stages.CreateStage(ctx, &rt.CreateStageInput{Name: name})
		if err != nil {
			return nil, err
		}
		return out.Stage.Arn, nil
	})
	fill("rooms", func() (*string, error) {
		out, err := rooms.CreateRoom(ctx, &ivschat.CreateRoomInput{Name: name})
		if err != nil {
			return nil, err
		}
		return out.Arn, nil
	})
	all.Wait()
	if t.Failed() {
		return
	}

	t.Run("Go", func(t *testing.T) {
		walk := func(list string, more func() bool, next func() ([]string, error)) {
			t.Helper()
			var seen []string
			for more() {
				page, err := next()
				if err != nil {
					t.Fatal(err)
				}
				seen = append(seen, page...)
			}
			if !slices.Equal(seen, made[list]) {
				t.Errorf("%s: saw %d, not the %d that were made, newest first", list, len(seen), len(made[list]))
			}
		}
		c := ivs.NewListChannelsPaginator(channels, &ivs.ListChannelsInput{})
		walk("channels", c.HasMorePages, func() (arns []string, err error) {
			page, err := c.NextPage(ctx)
			if err != nil {
				return nil, err
			}
			for _, item := range page.Channels {
				arns = append(arns, *item.Arn)
			}
			return arns, nil
		})
		s := rt.NewListStagesPaginator(stages, &rt.ListStagesInput{})
		walk("stages", s.HasMorePages, func() (arns []string, err error) {
			page, err := s.NextPage(ctx)
			if err != nil {
				return nil, err
			}
			for _, item := range page.Stages {
				arns = append(arns, *item.Arn)
			}
			return arns, nil
		})
		r := ivschat.NewListRoomsPaginator(rooms, &ivschat.ListRoomsInput{})
		walk("rooms", r.HasMorePages, func() (arns []string, err error) {
			page, err := r.NextPage(ctx)
			if err != nil {
				return nil, err
			}
			for _, item := range page.Rooms {
				arns = append(arns, *item.Arn)
			}
			return arns, nil
		})
	})
	t.Run("JavaScript", func(t *testing.T) {
		b, err := json.Marshal(made)
		if err != nil {
			t.Fatal(err)
		}
		judges(t, e, []string{"pages"}, "STREAMCAT_MADE="+string(b))
	})
}
