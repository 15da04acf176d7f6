package ivs

import (
	"encoding/json"
	"fmt"
	"testing"
	"time"

	sdk "github.com/aws/aws-sdk-go-v2/service/ivs"

	"github.com/streamcat/streamcat/internal/channel"
	"github.com/streamcat/streamcat/internal/store"
)

func TestSessionsWithABreachOrAFailureAreMarked(t *testing.T) {
	w := newWorld(t, time.Now())
	w.furnish(t)
	const change = "IVS Stream State Change"
	for i, c := range []struct {
		event channel.Happening
		bad   bool
	}{
		{channel.Happening{Name: "Stream End", Type: change}, false},
		{channel.Happening{Name: "Starvation Start", Type: "IVS Stream Health Change"}, false},
		{channel.Happening{Name: "Stream Failure", Type: change}, true},
		{channel.Happening{Name: "Stream Takeover Failure", Type: change}, true},
		{channel.Happening{Name: "Recording Start Failure", Type: "IVS Recording State Change"}, true},
		{channel.Happening{Name: "Ingest Bitrate", Type: "IVS Limit Breach"}, true},
	} {
		doc, err := json.Marshal(channel.Record{Events: []channel.Happening{{Name: "Session Created", Type: change}, c.event, {Name: "Session Ended", Type: change}}})
		if err != nil {
			t.Fatal(err)
		}
		err = w.db.InsertStreamSession(t.Context(), store.StreamSession{
			StreamID: fmt.Sprintf("st-%023d", i), ChannelARN: channelARN, Started: time.Unix(int64(i), 0), Ended: time.Unix(100, 0), Doc: doc, Node: "n1",
		})
		if err != nil {
			t.Fatal(err)
		}
		got, err := w.ListStreamSessions(t.Context(), &ListStreamSessionsInput{ChannelArn: channelARN, MaxResults: new(1)})
		if err != nil || *got.StreamSessions[0].HasErrorEvent != c.bad {
			t.Errorf("%s: %+v, %v", c.event.Name, got.StreamSessions, err)
		}
	}
}

func TestASessionTellsItsNewestFiveHundredEvents(t *testing.T) {
	w := newWorld(t, time.Now())
	w.furnish(t)
	var events []channel.Happening
	for i := range 501 {
		events = append(events, channel.Happening{Name: fmt.Sprint(i), Type: "IVS Stream Health Change", Time: time.Unix(int64(i), 0)})
	}
	w.keep(t, channel.Spec{ARN: channelARN}, events...)
	got, err := w.GetStreamSession(t.Context(), &GetStreamSessionInput{ChannelArn: channelARN})
	if err != nil {
		t.Fatal(err)
	}
	if e := got.StreamSession.TruncatedEvents; len(e) != 500 || *e[0].Name != "500" || *e[499].Name != "1" {
		t.Errorf("%d events, from %s to %s", len(e), *e[0].Name, *e[len(e)-1].Name)
	}
}

func TestAPlainListShowsAHundred(t *testing.T) {
	w := newWorld(t, time.Now())
	w.furnish(t)
	c, ctx := w.client(t), t.Context()
	for i := range 101 {
		doc := newChannel()
		if _, err := w.channels.Insert(ctx, fmt.Sprintf("arn:aws:ivs:us-east-1:000000000000:channel/%012d", i), &doc, nil); err != nil {
			t.Fatal(err)
		}
		w.goLive()
		w.encoders.live[i].ARN = fmt.Sprintf("arn:aws:ivs:us-east-1:000000000000:channel/%012d", i)
		err := w.db.InsertStreamSession(ctx, store.StreamSession{
			StreamID: fmt.Sprintf("st-%023d", i), ChannelARN: channelARN, Started: time.Unix(int64(i), 0), Ended: time.Unix(1000, 0), Doc: []byte(`{}`), Node: "n1",
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	channels, err := c.ListChannels(ctx, &sdk.ListChannelsInput{})
	if err != nil {
		t.Fatal(err)
	}
	if len(channels.Channels) != 100 || channels.NextToken == nil {
		t.Errorf("%d channels, next %v", len(channels.Channels), channels.NextToken)
	}
	streams, err := c.ListStreams(ctx, &sdk.ListStreamsInput{})
	if err != nil {
		t.Fatal(err)
	}
	if len(streams.Streams) != 100 || streams.NextToken == nil {
		t.Errorf("%d streams, next %v", len(streams.Streams), streams.NextToken)
	}
	sessions, err := c.ListStreamSessions(ctx, &sdk.ListStreamSessionsInput{ChannelArn: new(channelARN)})
	if err != nil {
		t.Fatal(err)
	}
	if len(sessions.StreamSessions) != 100 || sessions.NextToken == nil {
		t.Errorf("%d sessions, next %v", len(sessions.StreamSessions), sessions.NextToken)
	}
}
