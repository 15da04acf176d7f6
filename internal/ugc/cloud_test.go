package ugc

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ivs"
	ivstypes "github.com/aws/aws-sdk-go-v2/service/ivs/types"
	"github.com/aws/aws-sdk-go-v2/service/ivschat"
	chattypes "github.com/aws/aws-sdk-go-v2/service/ivschat/types"
	"github.com/aws/aws-sdk-go-v2/service/ivsrealtime"
	realtimetypes "github.com/aws/aws-sdk-go-v2/service/ivsrealtime/types"

	"github.com/streamcat/streamcat/internal/store"
	"github.com/streamcat/streamcat/internal/store/storetest"
)

// cloud stands in for the three services where a test needs them to fail at a chosen call. It keeps what
// is made, with names and tags, so that a test can see what stayed behind.
type cloud struct {
	mu        sync.Mutex
	things    map[string]thing // by ARN
	streams   map[string]ivstypes.StreamSummary
	seated    []*seated
	said      []said
	now       func() time.Time
	made      int
	calls     []string
	reviewers map[string]*chattypes.MessageReviewHandler // of rooms, by ARN
	mishaps   map[string][]mishap                        // by operation, used up one by one; the last one stays if it is lasting
}

type thing struct {
	kind, name string
	tags       map[string]string
}

// mishap is how a call goes wrong.
type mishap struct {
	late    bool // after it took effect: only the answer is lost
	crash   bool // the app dies there
	lasting bool // every later call goes the same way

	answered bool  // nothing goes wrong but what happens meanwhile
	err      error // what is answered; errLost when nil

	meanwhile func() // runs before the answer
}

var errLost = errors.New("connection reset by peer")

// crashed is what the app is killed with.
type crashed struct{}

func newCloud() *cloud {
	return &cloud{things: map[string]thing{}, streams: map[string]ivstypes.StreamSummary{}, mishaps: map[string][]mishap{}, reviewers: map[string]*chattypes.MessageReviewHandler{}}
}

func (c *cloud) goWrong(op string, m ...mishap) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.mishaps[op] = m
}

// call runs one operation with whatever mishap is due.
func (c *cloud) call(op string, effect func() error) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.calls = append(c.calls, op)
	var m *mishap
	if due := c.mishaps[op]; len(due) > 0 {
		m = &due[0]
		if !m.lasting {
			c.mishaps[op] = due[1:]
		}
	}
	if m == nil {
		return effect()
	}
	if m.late {
		if err := effect(); err != nil {
			return err
		}
	}
	if m.crash {
		panic(crashed{})
	}
	if m.meanwhile != nil {
		c.mu.Unlock()
		m.meanwhile()
		c.mu.Lock()
	}
	if m.err != nil || m.answered {
		return m.err
	}
	return errLost
}

func (c *cloud) add(kind, name string, tags map[string]string) string {
	c.made++
	arn := fmt.Sprintf("arn:aws:ivs:us-east-1:000000000000:%s/%012d", kind, c.made)
	c.things[arn] = thing{kind, name, maps.Clone(tags)}
	return arn
}

// of lists what there is of a kind, sorted.
func (c *cloud) of(kind, name string) (arns []string) {
	for arn, t := range c.things {
		if t.kind == kind && (name == "" || t.name == name) {
			arns = append(arns, arn)
		}
	}
	slices.Sort(arns)
	return arns
}

func (c *cloud) left() (kinds []string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, t := range c.things {
		kinds = append(kinds, t.kind)
	}
	slices.Sort(kinds)
	return kinds
}

func (c *cloud) count(op string) (n int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, call := range c.calls {
		if call == op {
			n++
		}
	}
	return n
}

func (c *cloud) remove(arn string) error {
	if _, ok := c.things[arn]; !ok {
		return &ivstypes.ResourceNotFoundException{ExceptionMessage: aws.String("gone")}
	}
	delete(c.things, arn)
	return nil
}

func (c *cloud) CreateChannel(_ context.Context, in *ivs.CreateChannelInput, _ ...func(*ivs.Options)) (*ivs.CreateChannelOutput, error) {
	out := &ivs.CreateChannelOutput{}
	return out, c.call("CreateChannel", func() error {
		if in.Type != ivstypes.ChannelTypeBasicChannelType || in.LatencyMode != ivstypes.ChannelLatencyModeLowLatency {
			return &ivstypes.ValidationException{ExceptionMessage: aws.String("not the channel the app makes")}
		}
		arn := c.add("channel", *in.Name, in.Tags)
		c.add("stream-key", arn, nil)
		out.Channel = &ivstypes.Channel{Arn: &arn}
		return nil
	})
}

func (c *cloud) GetChannel(_ context.Context, in *ivs.GetChannelInput, _ ...func(*ivs.Options)) (*ivs.GetChannelOutput, error) {
	out := &ivs.GetChannelOutput{}
	return out, c.call("GetChannel", func() error {
		if _, ok := c.things[*in.Arn]; !ok {
			return &ivstypes.ResourceNotFoundException{}
		}
		out.Channel = &ivstypes.Channel{
			Arn: in.Arn, PlaybackUrl: aws.String("https://play.example/" + *in.Arn), IngestEndpoint: aws.String("in.example"),
		}
		return nil
	})
}

func (c *cloud) ListChannels(_ context.Context, in *ivs.ListChannelsInput, _ ...func(*ivs.Options)) (*ivs.ListChannelsOutput, error) {
	out := &ivs.ListChannelsOutput{}
	return out, c.call("ListChannels", func() error {
		for _, arn := range c.of("channel", aws.ToString(in.FilterByName)) {
			out.Channels = append(out.Channels, ivstypes.ChannelSummary{Arn: aws.String(arn), Tags: c.things[arn].tags})
		}
		return nil
	})
}

func (c *cloud) DeleteChannel(_ context.Context, in *ivs.DeleteChannelInput, _ ...func(*ivs.Options)) (*ivs.DeleteChannelOutput, error) {
	return &ivs.DeleteChannelOutput{}, c.call("DeleteChannel", func() error {
		for _, key := range c.of("stream-key", *in.Arn) {
			delete(c.things, key)
		}
		return c.remove(*in.Arn)
	})
}

func (c *cloud) CreateStreamKey(_ context.Context, in *ivs.CreateStreamKeyInput, _ ...func(*ivs.Options)) (*ivs.CreateStreamKeyOutput, error) {
	out := &ivs.CreateStreamKeyOutput{}
	return out, c.call("CreateStreamKey", func() error {
		if len(c.of("stream-key", *in.ChannelArn)) > 0 {
			return &ivstypes.ServiceQuotaExceededException{ExceptionMessage: aws.String("one key per channel")}
		}
		arn := c.add("stream-key", *in.ChannelArn, in.Tags)
		out.StreamKey = &ivstypes.StreamKey{Arn: &arn, Value: aws.String("value of " + arn)}
		return nil
	})
}

func (c *cloud) GetStreamKey(_ context.Context, in *ivs.GetStreamKeyInput, _ ...func(*ivs.Options)) (*ivs.GetStreamKeyOutput, error) {
	out := &ivs.GetStreamKeyOutput{}
	return out, c.call("GetStreamKey", func() error {
		if _, ok := c.things[*in.Arn]; !ok {
			return &ivstypes.ResourceNotFoundException{}
		}
		out.StreamKey = &ivstypes.StreamKey{Arn: in.Arn, Value: aws.String("value of " + *in.Arn)}
		return nil
	})
}

func (c *cloud) ListStreamKeys(_ context.Context, in *ivs.ListStreamKeysInput, _ ...func(*ivs.Options)) (*ivs.ListStreamKeysOutput, error) {
	out := &ivs.ListStreamKeysOutput{}
	return out, c.call("ListStreamKeys", func() error {
		for _, arn := range c.of("stream-key", *in.ChannelArn) {
			out.StreamKeys = append(out.StreamKeys, ivstypes.StreamKeySummary{Arn: aws.String(arn)})
		}
		return nil
	})
}

func (c *cloud) DeleteStreamKey(_ context.Context, in *ivs.DeleteStreamKeyInput, _ ...func(*ivs.Options)) (*ivs.DeleteStreamKeyOutput, error) {
	return &ivs.DeleteStreamKeyOutput{}, c.call("DeleteStreamKey", func() error { return c.remove(*in.Arn) })
}

func (c *cloud) GetStream(_ context.Context, in *ivs.GetStreamInput, _ ...func(*ivs.Options)) (*ivs.GetStreamOutput, error) {
	out := &ivs.GetStreamOutput{}
	return out, c.call("GetStream", func() error {
		s, ok := c.streams[*in.ChannelArn]
		if !ok {
			return &ivstypes.ChannelNotBroadcasting{ExceptionMessage: aws.String("not live")}
		}
		out.Stream = &ivstypes.Stream{ChannelArn: s.ChannelArn, StreamId: s.StreamId, StartTime: s.StartTime, State: s.State, Health: s.Health, ViewerCount: s.ViewerCount}
		return nil
	})
}

func (c *cloud) ListStreams(context.Context, *ivs.ListStreamsInput, ...func(*ivs.Options)) (*ivs.ListStreamsOutput, error) {
	out := &ivs.ListStreamsOutput{}
	return out, c.call("ListStreams", func() error {
		for _, s := range c.streams {
			out.Streams = append(out.Streams, s)
		}
		return nil
	})
}

func (c *cloud) CreateRoom(_ context.Context, in *ivschat.CreateRoomInput, _ ...func(*ivschat.Options)) (*ivschat.CreateRoomOutput, error) {
	out := &ivschat.CreateRoomOutput{}
	return out, c.call("CreateRoom", func() error {
		out.Arn = aws.String(c.add("room", *in.Name, in.Tags))
		c.reviewers[*out.Arn] = in.MessageReviewHandler
		return nil
	})
}

func (c *cloud) UpdateRoom(_ context.Context, in *ivschat.UpdateRoomInput, _ ...func(*ivschat.Options)) (*ivschat.UpdateRoomOutput, error) {
	return &ivschat.UpdateRoomOutput{}, c.call("UpdateRoom", func() error {
		if _, ok := c.things[*in.Identifier]; !ok {
			return &chattypes.ResourceNotFoundException{}
		}
		c.reviewers[*in.Identifier] = in.MessageReviewHandler
		return nil
	})
}

func (c *cloud) ListRooms(_ context.Context, in *ivschat.ListRoomsInput, _ ...func(*ivschat.Options)) (*ivschat.ListRoomsOutput, error) {
	out := &ivschat.ListRoomsOutput{}
	return out, c.call("ListRooms", func() error {
		for _, arn := range c.of("room", aws.ToString(in.Name)) {
			out.Rooms = append(out.Rooms, chattypes.RoomSummary{Arn: aws.String(arn), Tags: c.things[arn].tags, MessageReviewHandler: c.reviewers[arn]})
		}
		return nil
	})
}

func (c *cloud) DeleteRoom(_ context.Context, in *ivschat.DeleteRoomInput, _ ...func(*ivschat.Options)) (*ivschat.DeleteRoomOutput, error) {
	return &ivschat.DeleteRoomOutput{}, c.call("DeleteRoom", func() error { return c.remove(*in.Identifier) })
}

func (c *cloud) CreateChatToken(_ context.Context, in *ivschat.CreateChatTokenInput, _ ...func(*ivschat.Options)) (*ivschat.CreateChatTokenOutput, error) {
	out := &ivschat.CreateChatTokenOutput{}
	return out, c.call("CreateChatToken", func() error {
		var may []string
		for _, m := range in.Capabilities {
			may = append(may, string(m))
		}
		out.Token = aws.String(*in.UserId + "|" + in.Attributes["role"] + "|" + strings.Join(may, ","))
		return nil
	})
}

func (c *cloud) CreateStage(_ context.Context, in *ivsrealtime.CreateStageInput, _ ...func(*ivsrealtime.Options)) (*ivsrealtime.CreateStageOutput, error) {
	out := &ivsrealtime.CreateStageOutput{}
	return out, c.call("CreateStage", func() error {
		out.Stage = &realtimetypes.Stage{Arn: aws.String(c.add("stage", *in.Name, in.Tags))}
		return nil
	})
}

// ListStages gives one stage per page, so that looking for one must turn pages.
func (c *cloud) ListStages(_ context.Context, in *ivsrealtime.ListStagesInput, _ ...func(*ivsrealtime.Options)) (*ivsrealtime.ListStagesOutput, error) {
	out := &ivsrealtime.ListStagesOutput{}
	return out, c.call("ListStages", func() error {
		all := c.of("stage", "")
		i := 0
		if in.NextToken != nil {
			i = slices.Index(all, *in.NextToken)
		}
		if i >= 0 && i < len(all) {
			out.Stages = []realtimetypes.StageSummary{{Arn: aws.String(all[i]), Tags: c.things[all[i]].tags}}
			if i+1 < len(all) {
				out.NextToken = aws.String(all[i+1])
			}
		}
		return nil
	})
}

func (c *cloud) DeleteStage(_ context.Context, in *ivsrealtime.DeleteStageInput, _ ...func(*ivsrealtime.Options)) (*ivsrealtime.DeleteStageOutput, error) {
	return &ivsrealtime.DeleteStageOutput{}, c.call("DeleteStage", func() error { return c.remove(*in.Arn) })
}

// clock is a time that tests move.
type clock struct {
	mu    sync.Mutex
	now   time.Time
	looks int
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.looks++
	return c.now
}

// looked is how often somebody asked for the time.
func (c *clock) looked() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.looks
}

func (c *clock) pass(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// world is an app over a real database and the stand-in services.
type world struct {
	*App
	t     *testing.T
	cloud *cloud
	clock *clock
}

func newWorld(t *testing.T) *world {
	t.Helper()
	clock := &clock{now: time.Date(2026, 11, 23, 8, 0, 0, 0, time.UTC)}
	db, err := store.Open(t.Context(), storetest.SQLite(t), store.Options{Now: clock.Now})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	c := newCloud()
	c.now = clock.Now
	w := &world{t: t, cloud: c, clock: clock, App: New(Deps{
		DB: db, Channels: c, Rooms: c, Stages: c, Tag: "streamcat", Sealer: plainSealer{}, Now: clock.Now,
	})}
	if err := w.Prepare(t.Context()); err != nil {
		t.Fatal(err)
	}
	return w
}

// register makes somebody, or ends the test.
func (w *world) register(name string) User {
	w.t.Helper()
	u, err := w.Register(w.t.Context(), name, "correct horse")
	if err != nil {
		w.t.Fatalf("register %s: %v", name, err)
	}
	return u
}

func (w *world) channelARN(u User) string {
	w.t.Helper()
	c, err := w.rows.Channel(w.t.Context(), u.ID)
	if err != nil {
		w.t.Fatal(err)
	}
	return c.ChannelARN
}
