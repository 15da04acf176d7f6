package ivs

import (
	"fmt"
	"strings"
	"testing"
	"time"

	sdk "github.com/aws/aws-sdk-go-v2/service/ivs"
	"github.com/aws/aws-sdk-go-v2/service/ivs/types"

	"github.com/streamcat/streamcat/internal/arn"
)

func TestMetadataIsBoundedInBytes(t *testing.T) {
	w := newWorld(t, time.Now())
	w.furnish(t)
	c, ctx := w.client(t), t.Context()
	put := func(name, text string) error {
		_, err := c.PutMetadata(ctx, &sdk.PutMetadataInput{ChannelArn: &name, Metadata: &text})
		return err
	}
	wantException[*types.ResourceNotFoundException](t, put(here.New(arn.Channel), "x"))
	wantException[*types.ChannelNotBroadcasting](t, put(channelARN, "x"))
	w.goLive()
	wantException[*types.ValidationException](t, put(channelARN, ""))
	wantException[*types.ValidationException](t, put(channelARN, strings.Repeat("x", 1025)))
	wantException[*types.ValidationException](t, put(channelARN, strings.Repeat("ä", 512)+"x"))
	for _, text := range []string{"x", strings.Repeat("ä", 512), "{\"a\":\"\\u0000 \n\"}"} {
		if err := put(channelARN, text); err != nil || w.encoders.texts[len(w.encoders.texts)-1] != text {
			t.Errorf("%d bytes: %v", len(text), err)
		}
	}
}

func TestViewersAreRevokedOneByOneAndInBatches(t *testing.T) {
	w := newWorld(t, time.Now())
	w.furnish(t)
	c, ctx := w.client(t), t.Context()
	missing := here.New(arn.Channel)
	elsewhere := arn.Minter{Region: "eu-west-1", Account: here.Account}.New(arn.Channel)

	_, err := c.StartViewerSessionRevocation(ctx, &sdk.StartViewerSessionRevocationInput{ChannelArn: &missing, ViewerId: new("ann")})
	wantException[*types.ResourceNotFoundException](t, err)
	for _, in := range []sdk.StartViewerSessionRevocationInput{
		{ChannelArn: new(channelARN), ViewerId: new("")},
		{ChannelArn: new(channelARN), ViewerId: new(strings.Repeat("x", 41))},
		{ChannelArn: new(channelARN), ViewerId: new("ann"), ViewerSessionVersionsLessThanOrEqualTo: -1},
		{ChannelArn: &elsewhere, ViewerId: new("ann")},
	} {
		_, err := c.StartViewerSessionRevocation(ctx, &in)
		wantException[*types.ValidationException](t, err)
	}
	for _, version := range []int32{0, 7} {
		if _, err := c.StartViewerSessionRevocation(ctx, &sdk.StartViewerSessionRevocationInput{
			ChannelArn: new(channelARN), ViewerId: new("ann"), ViewerSessionVersionsLessThanOrEqualTo: version,
		}); err != nil {
			t.Fatal(err)
		}
	}

	pair := func(name, viewer string) types.BatchStartViewerSessionRevocationViewerSession {
		return types.BatchStartViewerSessionRevocationViewerSession{ChannelArn: &name, ViewerId: &viewer}
	}
	out, err := c.BatchStartViewerSessionRevocation(ctx, &sdk.BatchStartViewerSessionRevocationInput{
		ViewerSessions: []types.BatchStartViewerSessionRevocationViewerSession{pair(missing, "bob"), pair(channelARN, "cy"), pair(elsewhere, "dan"), pair(channelARN, "eve")},
	})
	if err != nil {
		t.Fatal(err)
	}
	var failed []string
	for _, e := range out.Errors {
		failed = append(failed, *e.Code+" "+*e.ViewerId)
		if *e.Message == "" {
			t.Error("an error has no message")
		}
	}
	if got := fmt.Sprint(failed); got != "[404 bob 400 dan]" || *out.Errors[0].ChannelArn != missing || *out.Errors[1].ChannelArn != elsewhere {
		t.Errorf("failed: %s", got)
	}
	if got := strings.Join(w.encoders.revoked, ", "); got != "AbCdEf123456 ann 0, AbCdEf123456 ann 7, AbCdEf123456 cy 0, AbCdEf123456 eve 0" {
		t.Errorf("revoked: %s", got)
	}
	for _, n := range []int{0, 21} {
		in := &sdk.BatchStartViewerSessionRevocationInput{ViewerSessions: []types.BatchStartViewerSessionRevocationViewerSession{}}
		for range n {
			in.ViewerSessions = append(in.ViewerSessions, pair(channelARN, "x"))
		}
		_, err := c.BatchStartViewerSessionRevocation(ctx, in)
		wantException[*types.ValidationException](t, err)
	}
}
