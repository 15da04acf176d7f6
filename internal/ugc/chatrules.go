package ugc

import (
	"context"
	"encoding/json"
	"fmt"
	"sync"
	"time"

	"github.com/streamcat/streamcat/internal/fault"
	"github.com/streamcat/streamcat/internal/store"
)

// ChatRules say what the reviewer minds in a channel's chat. Its JSON is the app's and what the database keeps.
type ChatRules struct {
	BlockedWords []string `json:"blockedWords"` // at most 300; "*" at an end lets anything stand there
	Links        string   `json:"links"`        // "allow" or "deny"
	Repetition   bool     `json:"repetition"`   // minds texts that repeat themselves, and the same text again and again
	Capitals     bool     `json:"capitals"`     // minds long texts in capitals
	Crowds       bool     `json:"crowds"`       // minds the same text from many people within moments
}

const (
	linksAllowed = "allow"
	linksDenied  = "deny"

	maxBlockedWords = 300
)

// defaultChatRules hold where nobody has said otherwise.
func defaultChatRules() ChatRules {
	return ChatRules{BlockedWords: []string{}, Links: linksAllowed, Repetition: true, Crowds: true}
}

// chatFilter is ChatRules, ready to be applied to the messages of one channel.
type chatFilter struct {
	ChatRules
	owner   string // user id; "": the room is none of the app's
	blocked []blockedWord
}

// newChatFilter judges rules and makes them ready. Of words that are the same once folded the first stays.
func newChatFilter(owner string, rules ChatRules) (*chatFilter, error) {
	f := &chatFilter{ChatRules: rules, owner: owner}
	switch {
	case rules.Links != linksAllowed && rules.Links != linksDenied:
		return nil, invalid("links", "must be allow or deny")
	case len(rules.BlockedWords) > maxBlockedWords:
		return nil, invalid("blockedWords", fmt.Sprintf("must be at most %d", maxBlockedWords))
	}
	f.BlockedWords = []string{}
	known := map[string]bool{}
	for _, text := range rules.BlockedWords {
		w, ok := parseBlocked(text)
		if !ok {
			return nil, invalid("blockedWords", fmt.Sprintf("each must have letters or digits, and at most %d characters", maxWord))
		}
		if known[w.spelled] {
			continue
		}
		known[w.spelled] = true
		f.BlockedWords = append(f.BlockedWords, text)
		f.blocked = append(f.blocked, w)
	}
	return f, nil
}

// readChatFilter reads what the database keeps for a channel.
func (a *App) readChatFilter(ctx context.Context, owner string) (*chatFilter, error) {
	text, err := a.rows.ChatFilter(ctx, owner)
	if err != nil {
		return nil, err
	}
	rules := defaultChatRules()
	if text != "" {
		if err := json.Unmarshal([]byte(text), &rules); err != nil {
			return nil, fmt.Errorf("chat rules of %s: %w", owner, err)
		}
	}
	return newChatFilter(owner, rules)
}

// ChatRules gives the rules of a channel's chat to who may change them: its owner. Others get a Denied fault.
func (a *App) ChatRules(ctx context.Context, username, userID string) (ChatRules, error) {
	c, err := a.chatOf(ctx, username, userID)
	if err != nil {
		return ChatRules{}, err
	}
	f, err := a.readChatFilter(ctx, c.UserID)
	if err != nil {
		return ChatRules{}, err
	}
	return f.ChatRules, nil
}

// SetChatRules replaces the rules of a channel's chat and gives them as they are kept. They hold at once for what this
// process reviews, and within moments elsewhere.
func (a *App) SetChatRules(ctx context.Context, username, userID string, rules ChatRules) (ChatRules, error) {
	c, err := a.chatOf(ctx, username, userID)
	if err != nil {
		return ChatRules{}, err
	}
	f, err := newChatFilter(c.UserID, rules)
	if err != nil {
		return ChatRules{}, err
	}
	text, err := json.Marshal(f.ChatRules)
	if err != nil {
		return ChatRules{}, err
	}
	if err := a.rows.PutChatFilter(ctx, c.UserID, string(text), a.Now()); err != nil {
		return ChatRules{}, err
	}
	a.filters.forget(c.RoomARN)
	return f.ChatRules, nil
}

// chatOf gives a channel to who may set the rules of its chat.
func (a *App) chatOf(ctx context.Context, username, userID string) (store.AppChannel, error) {
	c, err := a.rows.ChannelByName(ctx, nameKey(username))
	if err == nil && c.UserID != userID {
		err = fault.AccessDenied("only who owns a channel may look after its chat")
	}
	return c, err
}

const (
	filterFresh = 2 * time.Second // how long a filter may lag behind what another process wrote
	maxFilters  = 4096            // that are kept ready
)

// filterCache keeps filters ready, by the ARN of their room. The zero value is empty.
type filterCache struct {
	mu    sync.Mutex
	ready map[string]freshFilter
}

type freshFilter struct {
	*chatFilter
	read time.Time
}

// get gives a filter, and whether it is fresh.
func (c *filterCache) get(roomARN string, now time.Time) (f *chatFilter, fresh bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	known := c.ready[roomARN]
	age := now.Sub(known.read)
	return known.chatFilter, known.chatFilter != nil && age >= 0 && age < filterFresh
}

// put keeps a filter that was read at a time. If there are too many, all are read again: it costs a moment.
func (c *filterCache) put(roomARN string, f *chatFilter, read time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.ready == nil || len(c.ready) >= maxFilters {
		c.ready = map[string]freshFilter{}
	}
	c.ready[roomARN] = freshFilter{f, read}
}

func (c *filterCache) forget(roomARN string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.ready, roomARN)
}
