package ugc

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	chattypes "github.com/aws/aws-sdk-go-v2/service/ivschat/types"

	"github.com/streamcat/streamcat/internal/fault"
)

// chat is the chat of somebody's channel, by rules of theirs.
type chat struct {
	*world
	owner User
	room  string
}

func newChat(t *testing.T, change func(*ChatRules)) *chat {
	w := newWorld(t)
	c := &chat{world: w, owner: w.register("ada")}
	row, err := w.rows.Channel(t.Context(), c.owner.ID)
	if err != nil {
		t.Fatal(err)
	}
	c.room = row.RoomARN
	if change != nil {
		c.rules(change)
	}
	return c
}

func (c *chat) rules(change func(*ChatRules)) {
	c.t.Helper()
	rules := defaultChatRules()
	change(&rules)
	if _, err := c.SetChatRules(c.t.Context(), "ada", c.owner.ID, rules); err != nil {
		c.t.Fatal(err)
	}
}

// say has a message reviewed and gives what was found wrong with it.
func (c *chat) say(who, text string) string {
	c.t.Helper()
	m := ChatMessage{Content: text, MessageID: "AYk6xKitV4On", RoomARN: c.room, Attributes: map[string]string{"k": "v"}}
	m.Sender.UserID = who
	v, err := c.Review(c.t.Context(), m)
	if err != nil {
		c.t.Fatal(err)
	}
	if v.ReviewResult == "ALLOW" {
		if v.Content != text || v.Attributes["k"] != "v" {
			c.t.Errorf("%q was changed: %+v", text, v)
		}
		return ""
	}
	for found, sentence := range refusals {
		if v.ReviewResult == "DENY" && v.Attributes["Reason"] == sentence {
			return found
		}
	}
	c.t.Fatalf("got %+v", v)
	return ""
}

func TestMessagesAreJudgedByTheChannelsRules(t *testing.T) {
	ada := newChat(t, nil)
	long := "THIS IS A RATHER LONG SENTENCE FOR A CHAT"
	for _, c := range []struct {
		name, text, found string
		change            func(*ChatRules)
	}{
		{"nothing said", "hello", "", nil},
		{"a blocked word", "darn it", "word", func(r *ChatRules) { r.BlockedWords = []string{"heck", "darn"} }},
		{"another word", "damask it", "", func(r *ChatRules) { r.BlockedWords = []string{"heck", "darn"} }},
		{"a link where they are allowed", "https://example.org", "", nil},
		{"a link where they are not", "https://example.org", "link", func(r *ChatRules) { r.Links = "deny" }},
		{"no link", "hello", "", func(r *ChatRules) { r.Links = "deny" }},
		{"capitals where nobody minds", long, "", nil},
		{"capitals where somebody minds", long, "capitals", func(r *ChatRules) { r.Capitals = true }},
		{"a few capitals", "GOOOAL FOR OUR TEAM", "", func(r *ChatRules) { r.Capitals = true }},
		{"some capitals in a long text", strings.ToLower(long) + " " + long[:20], "", func(r *ChatRules) { r.Capitals = true }},
		{"full-width capitals", "ＴＨＩＳ ＩＳ Ａ ＲＡＴＨＥＲ ＬＯＮＧ ＳＥＮＴＥＮＣＥ ＯＦ ＭＩＮＥ", "capitals", func(r *ChatRules) { r.Capitals = true }},
		{"no cases at all", strings.Repeat("你好世界", 20), "", func(r *ChatRules) { r.Capitals = true }},
		{"a drawn-out letter", "no" + strings.Repeat("o", 40), "repetition", nil},
		{"one drawn out a little", "nooooooooo", "", nil},
		{"one where nobody minds", "no" + strings.Repeat("o", 40), "", func(r *ChatRules) { r.Repetition = false }},
		{"a word over and over", strings.Repeat("spam ", 10), "repetition", nil},
		{"a word a few times", strings.Repeat("ha ", 6), "", nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			if c.change == nil {
				c.change = func(*ChatRules) {}
			}
			ada.rules(c.change)
			if got := ada.say(c.name, c.text); got != c.found {
				t.Errorf("found %q, want %q", got, c.found)
			}
		})
	}
}

func TestOwnersAndOtherRoomsAreNotJudged(t *testing.T) {
	c := newChat(t, func(r *ChatRules) { r.Links = "deny" })
	if got := c.say(c.owner.ID, "https://example.org"); got != "" {
		t.Errorf("the owner: %q", got)
	}
	c.room = "arn:aws:ivschat:us-east-1:000000000000:room/elsewhere000"
	if got := c.say("bob", "https://example.org"); got != "" {
		t.Errorf("in another's room: %q", got)
	}
}

func TestTheSameAgainAndAgainIsRefusedForAWhile(t *testing.T) {
	c := newChat(t, nil)
	for i := range againAfter {
		if got := c.say("bob", "buy my hat"); got != "" {
			t.Fatalf("time %d: %q", i+1, got)
		}
	}
	for _, text := range []string{"buy my hat", "BUY  my\thát"} {
		if got := c.say("bob", text); got != "again" {
			t.Errorf("%q: %q", text, got)
		}
	}
	for who, text := range map[string]string{"bob": "buy my scarf", "eve": "buy my hat"} {
		if got := c.say(who, text); got != "" {
			t.Errorf("%s: %q", who, got)
		}
	}
	for range 3 * againAfter {
		if got := c.say("bob", "gg"); got != "" {
			t.Errorf("cheering: %q", got)
		}
	}
	c.clock.pass(recentFor + time.Second)
	if got := c.say("bob", "buy my hat"); got != "" {
		t.Errorf("later: %q", got)
	}
}

func TestTheSameFromManyIsRefusedForAWhile(t *testing.T) {
	const text = "this chat belongs to us now"
	c := newChat(t, nil)
	for i := range crowdAfter {
		if got := c.say(fmt.Sprint("raider ", i), text); got != "" {
			t.Fatalf("raider %d: %q", i, got)
		}
	}
	for i := range 3 {
		if got := c.say(fmt.Sprint("late raider ", i), strings.ToUpper(text)); got != "crowd" {
			t.Errorf("one more: %q", got)
		}
	}
	if got := c.say("bob", "what is going on here?"); got != "" {
		t.Errorf("bob: %q", got)
	}
	for i := range 3 * crowdAfter {
		if got := c.say(fmt.Sprint("fan ", i), "good evening"); got != "" {
			t.Errorf("a greeting: %q", got)
		}
	}
	c.rules(func(r *ChatRules) { r.Crowds = false })
	if got := c.say("raider 9", text); got != "" {
		t.Errorf("where nobody minds: %q", got)
	}
	c.rules(func(*ChatRules) {})
	c.clock.pass(recentFor + time.Second)
	if got := c.say("raider 9", text); got != "" {
		t.Errorf("later: %q", got)
	}
}

func TestWhatIsRememberedIsBounded(t *testing.T) {
	r, now := newRecentTexts(), time.Unix(1_800_000_000, 0)
	for i := range 2 * maxTexts {
		r.saidBefore("room", "bob", fmt.Sprint(i), now)
	}
	if len(r.texts) != maxTexts || r.order.Len() != maxTexts {
		t.Errorf("%d texts in %d places", len(r.texts), r.order.Len())
	}
	if n := r.saidBefore("room", "bob", fmt.Sprint(2*maxTexts-1), now); n != 1 {
		t.Errorf("the last one was said %d times", n)
	}
	if n := r.saidBefore("room", "bob", "0", now); n != 0 {
		t.Errorf("the first one was said %d times", n)
	}
	var filters filterCache
	for i := range 2*maxFilters + 1 {
		filters.put(fmt.Sprint(i), &chatFilter{}, now)
	}
	if len(filters.ready) > maxFilters {
		t.Errorf("%d filters are kept", len(filters.ready))
	}
}

func TestRulesAreKeptAndHoldAtOnce(t *testing.T) {
	c := newChat(t, nil)
	ctx := t.Context()
	if got, err := c.ChatRules(ctx, "ada", c.owner.ID); err != nil || got.Links != "allow" || !got.Repetition || !got.Crowds || got.BlockedWords == nil {
		t.Errorf("to begin with: %+v, %v", got, err)
	}
	if got := c.say("bob", "DARN"); got != "" {
		t.Errorf("before: %q", got)
	}
	kept, err := c.SetChatRules(ctx, "ADA", c.owner.ID, ChatRules{BlockedWords: []string{"darn", "Dárn", "heck*"}, Links: "deny", Capitals: true})
	if err != nil || !slices.Equal(kept.BlockedWords, []string{"darn", "heck*"}) {
		t.Errorf("kept %+v, %v", kept, err)
	}
	if got := c.say("bob", "DARN"); got != "word" {
		t.Errorf("after: %q", got)
	}
	if got, err := c.ChatRules(ctx, "ada", c.owner.ID); err != nil || !slices.Equal(got.BlockedWords, kept.BlockedWords) || got.Links != "deny" || !got.Capitals || got.Repetition {
		t.Errorf("read again: %+v, %v", got, err)
	}
	// Another process writes; this one follows within moments.
	if err := c.rows.PutChatFilter(ctx, c.owner.ID, `{"blockedWords":[],"links":"allow"}`, c.clock.Now()); err != nil {
		t.Fatal(err)
	}
	c.clock.pass(filterFresh)
	if got := c.say("bob", "DARN"); got != "" {
		t.Errorf("written elsewhere: %q", got)
	}
}

func TestRulesOfAnotherOrWithoutSenseAreRefused(t *testing.T) {
	c := newChat(t, nil)
	bob := c.register("bob")
	for _, err := range []error{
		second(c.ChatRules(t.Context(), "ada", bob.ID)),
		second(c.SetChatRules(t.Context(), "ada", bob.ID, defaultChatRules())),
	} {
		if fault.Of(err) != fault.Denied {
			t.Errorf("another's rules: %v", err)
		}
	}
	if _, err := c.ChatRules(t.Context(), "nobody", bob.ID); fault.Of(err) != fault.NotFound {
		t.Errorf("nobody's rules: %v", err)
	}
	for name, change := range map[string]func(*ChatRules){
		"links":         func(r *ChatRules) { r.Links = "perhaps" },
		"too many":      func(r *ChatRules) { r.BlockedWords = slices.Repeat([]string{"x"}, maxBlockedWords+1) },
		"too long":      func(r *ChatRules) { r.BlockedWords = []string{strings.Repeat("x", maxWord+1)} },
		"an empty word": func(r *ChatRules) { r.BlockedWords = []string{"darn", " "} },
	} {
		rules := defaultChatRules()
		change(&rules)
		if _, err := c.SetChatRules(t.Context(), "ada", c.owner.ID, rules); fault.Of(err) != fault.Invalid {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func second[T any](_ T, err error) error { return err }

func TestAReviewNeedsAMessageAndTheDatabaseOrWhatWasReadBefore(t *testing.T) {
	c := newChat(t, func(r *ChatRules) { r.Links = "deny" })
	if _, err := c.Review(t.Context(), ChatMessage{Content: "x"}); fault.Of(err) != fault.Invalid {
		t.Errorf("no message: %v", err)
	}
	if got := c.say("bob", "www.example"); got != "link" {
		t.Errorf("with the database: %q", got)
	}
	c.clock.pass(time.Hour)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	m := ChatMessage{Content: "www.example", RoomARN: c.room}
	m.Sender.UserID = "bob"
	if v, err := c.Review(ctx, m); err != nil || v.ReviewResult != "DENY" {
		t.Errorf("without it: %+v, %v", v, err)
	}
	m.RoomARN += "x"
	if v, err := c.Review(ctx, m); err == nil {
		t.Errorf("without it, of a room never seen: %+v", v)
	}
}

func TestRoomsOfBeforeGetTheReviewHandler(t *testing.T) {
	w := newWorld(t)
	w.register("ada")
	w.register("bob")
	w.cloud.add("room", "foreign", map[string]string{"project": "another"})
	const handler = "arn:aws:lambda:us-east-1:000000000000:function:streamcat-chat-review"
	later := func(handler string) *App {
		return New(Deps{DB: w.DB, Channels: w.cloud, Rooms: w.cloud, Stages: w.cloud, Tag: "streamcat", Sealer: plainSealer{}, Now: w.clock.Now, ReviewHandler: handler})
	}
	app := later(handler)
	w.cloud.goWrong("UpdateRoom", mishap{})
	if err := app.Prepare(t.Context()); err == nil {
		t.Error("a failure was not told")
	}
	for range 2 {
		if err := app.Prepare(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if n := w.cloud.count("UpdateRoom"); n != 3 {
		t.Errorf("rooms were changed %d times, one of them in vain; want 3", n)
	}
	if _, err := app.Register(t.Context(), "eve", "correct horse"); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{"ada": handler, "bob": handler, "eve": handler, "foreign": ""} {
		for _, arn := range w.cloud.of("room", name) {
			h := w.cloud.reviewers[arn]
			if got := h; (got == nil) != (want == "") || got != nil && (aws.ToString(got.Uri) != want || got.FallbackResult != chattypes.FallbackResultAllow) {
				t.Errorf("%s: %+v", name, got)
			}
		}
	}
	if err := later("").Prepare(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := later(handler + "2").Prepare(t.Context()); err != nil {
		t.Fatal(err)
	}
	if n := w.cloud.count("UpdateRoom"); n != 6 {
		t.Errorf("rooms were changed %d times, want 6: not without a handler, and all for another", n)
	}
}
