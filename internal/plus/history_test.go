package plus_test

import (
	"context"
	"fmt"
	"log/slog"
	"net/http/httptest"
	"testing"

	"github.com/streamcat/streamcat/internal/arn"
	"github.com/streamcat/streamcat/internal/auth"
	"github.com/streamcat/streamcat/internal/fault"
	"github.com/streamcat/streamcat/internal/plus"
	"github.com/streamcat/streamcat/internal/room"
)

// pasts are of one room, which keeps five frames.
type pasts struct{}

func (pasts) History(_ context.Context, name string, before uint64, limit int) (past []room.Past, more bool, err error) {
	if name != "arn:aws:ivschat:us-east-1:000000000000:room/AbCdEfGhIjKl" {
		return nil, false, fault.Missing("room %s does not exist", name)
	}
	if before == 0 {
		before = 6
	}
	for n := before - 1; n > 0; n-- {
		if len(past) == limit {
			return past, true, nil
		}
		past = append(past, room.Past{Number: n, Frame: fmt.Appendf(nil, `{"Type":"MESSAGE","Content":"<%d>"}`, n)})
	}
	return past, false, nil
}

func TestPastOfARoomIsPaged(t *testing.T) {
	s := start(t)
	h := httptest.NewServer(plus.NewService(plus.Deps{
		DB: s.db, Webhooks: s.webhooks, Minter: arn.Minter{Region: "us-east-1", Account: "000000000000"}, History: pasts{},
		Verifier: &auth.SigV4{Region: "us-east-1", Services: []string{plus.SigningName}, Secrets: s.keys}, Log: slog.New(slog.DiscardHandler),
	}))
	t.Cleanup(h.Close)
	s.url = h.URL
	if got := fmt.Sprint(s.call(t, 200, "GET", "features", "")); got != "map[features:[audit events webhooks chat-history]]" {
		t.Error(got)
	}
	var seen []any
	for path := "rooms/AbCdEfGhIjKl/history?maxResults=2"; path != ""; {
		got := s.call(t, 200, "GET", path, "")
		for _, f := range got["frames"].([]any) {
			seen = append(seen, f.(object)["Content"])
		}
		path = ""
		if token, ok := got["nextToken"]; ok {
			path = "rooms/AbCdEfGhIjKl/history?maxResults=2&nextToken=" + token.(string)
		}
	}
	if got := fmt.Sprint(seen); got != "[<5> <4> <3> <2> <1>]" {
		t.Error(got)
	}
	s.call(t, 404, "GET", "rooms/LmNoPqRsTuVw/history", "")
	s.call(t, 400, "GET", "rooms/AbCdEfGhIjKl/history?maxResults=101", "")
	s.call(t, 400, "GET", "rooms/AbCdEfGhIjKl/history?nextToken=x", "")
}
