package ugc

import (
	"context"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"github.com/streamcat/streamcat/internal/fault"
)

// ChatMessage is what a review handler is asked about, in Amazon's words.
type ChatMessage struct {
	Content    string
	MessageID  string `json:"MessageId"`
	RoomARN    string `json:"RoomArn"`
	Attributes map[string]string
	Sender     struct {
		UserID     string `json:"UserId"`
		IP         string `json:"Ip"`
		Attributes map[string]string
	}
}

// ChatVerdict is a review handler's answer, in Amazon's words.
type ChatVerdict struct {
	ReviewResult string // ALLOW or DENY
	Content      string
	Attributes   map[string]string `json:",omitempty"` // of a denial: Reason, for the sender
}

// refusals are what senders are told, by what was found.
var refusals = map[string]string{
	"word":       "Your message has a word in it that is not welcome in this chat.",
	"link":       "Links are not allowed in this chat.",
	"capitals":   "Please do not write everything in capital letters.",
	"repetition": "Your message says the same over and over. Please shorten it.",
	"again":      "You have said that already. Please wait a little before you say it again.",
	"crowd":      "Many people are sending this text right now. Please say it in your own words.",
}

// Review judges a message by the rules of the channel whose room it is for. What is said in rooms that are none of the
// app's is let pass, and so is what a channel's owner says. An error says that there is no verdict.
func (a *App) Review(ctx context.Context, m ChatMessage) (ChatVerdict, error) {
	if m.RoomARN == "" || m.Content == "" || m.Sender.UserID == "" {
		return ChatVerdict{}, fault.InvalidInput("this is no chat message to be reviewed")
	}
	f, err := a.chatFilter(ctx, m.RoomARN)
	if err != nil {
		a.metrics.reviews.WithLabelValues("failed").Inc()
		return ChatVerdict{}, err
	}
	found := ""
	if f.owner != "" && f.owner != m.Sender.UserID {
		found = f.judge(m, a)
	}
	if found == "" {
		a.metrics.reviews.WithLabelValues("allowed").Inc()
		return ChatVerdict{"ALLOW", m.Content, m.Attributes}, nil
	}
	a.metrics.reviews.WithLabelValues(found).Inc()
	return ChatVerdict{"DENY", m.Content, map[string]string{"Reason": refusals[found]}}, nil
}

// chatFilter gives the filter of a room: a fresh one, or the last one if the database does not answer.
func (a *App) chatFilter(ctx context.Context, roomARN string) (*chatFilter, error) {
	now := a.Now()
	last, fresh := a.filters.get(roomARN, now)
	if fresh {
		return last, nil
	}
	c, err := a.rows.ChannelByRoom(ctx, roomARN)
	f := &chatFilter{}
	if err == nil {
		f, err = a.readChatFilter(ctx, c.UserID)
	} else if fault.Of(err) == fault.NotFound {
		err = nil
	}
	switch {
	case err == nil:
		a.filters.put(roomARN, f, now)
		return f, nil
	case last != nil:
		return last, nil
	}
	return nil, err
}

// judge gives what is wrong with a message, a key of refusals, or "".
func (f *chatFilter) judge(m ChatMessage, a *App) string {
	folded := fold(m.Content)
	words := tokens(folded)
	if len(f.blocked) > 0 {
		spelled := spelledOut(words)
		if slices.ContainsFunc(f.blocked, func(w blockedWord) bool { return w.in(words, spelled) }) {
			return "word"
		}
	}
	text := strings.Join(strings.Fields(folded), " ")
	size := utf8.RuneCountInString(text)
	switch {
	case f.Links == linksDenied && hasLink(m.Content):
		return "link"
	case f.Capitals && shouts(m.Content):
		return "capitals"
	case f.Repetition && repeats(text, words):
		return "repetition"
	case f.Repetition && size >= minAgain && a.recent.saidBefore(m.RoomARN, m.Sender.UserID, text, a.Now()) >= againAfter:
		return "again"
	case f.Crowds && size >= minCrowd && a.recent.others(m.RoomARN, m.Sender.UserID, text, a.Now()) >= crowdAfter:
		return "crowd"
	}
	return ""
}

const (
	minCapitals = 30 // letters that have cases, from which on a text is long
	maxSameRune = 25 // in a row
	maxSameWord = 8  // in a row
	minAgain    = 4  // code points; shorter ones are how people cheer
	minCrowd    = 15 // likewise, of many
)

// shouts says whether a long text has four capitals in five letters.
func shouts(text string) bool {
	upper, all := 0, 0
	for _, r := range norm.NFKC.String(text) {
		if unicode.IsUpper(r) {
			upper++
		}
		if unicode.IsUpper(r) || unicode.IsLower(r) {
			all++
		}
	}
	return all >= minCapitals && upper*5 >= all*4
}

// repeats says whether a folded text has the same rune or the same word too often in a row.
func repeats(text string, words []token) bool {
	run, last := 0, rune(-1)
	for _, r := range text {
		if r != last {
			run, last = 0, r
		}
		if run++; run > maxSameRune {
			return true
		}
	}
	run = 0
	for i, w := range words {
		if i == 0 || !slices.Equal(w, words[i-1]) {
			run = 0
		}
		if run++; run > maxSameWord && len(w) > 1 {
			return true
		}
	}
	return false
}
