package turn

import (
	"crypto/rand"
	"strconv"
	"strings"
	"time"
)

const (
	// maxTicket is how long credentials are good for, whatever their holder's admission says. It is for new
	// allocations: what carries a session goes on, as sessions outlast their tokens.
	maxTicket   = 12 * time.Hour
	maxUsername = 512 // bytes (RFC 8489 §14.3: 508)
)

// Tickets makes credentials that tell by themselves until when, and for whom, they are good
// (draft-uberti-behave-turn-rest-00 §2.2): nothing is kept of them.
type Tickets struct {
	// Password gives the password of a user name, which nobody else can compute.
	Password func(username string) string
	// URLs are where the relay is reached (RFC 7065).
	URLs []string
	Now  func() time.Time // nil: time.Now
}

// Issue gives credentials for a participant, or for somebody without a name, until the end of its admission; a
// zero time is no end. The user name has no quotes.
func (t *Tickets) Issue(participant string, until time.Time) (username, password string) {
	if last := t.now().Add(maxTicket); until.IsZero() || until.After(last) {
		until = last
	}
	if participant == "" {
		participant = rand.Text()
	}
	username = strconv.FormatInt(until.Unix(), 10) + ":" + participant
	return username, t.Password(username)
}

// read takes a user name apart. Whether it is one of ours, only its password can tell.
func (t *Tickets) read(username string) (participant string, until time.Time, ok bool) {
	if len(username) > maxUsername {
		return "", until, false
	}
	end, participant, ok := strings.Cut(username, ":")
	seconds, err := strconv.ParseInt(end, 10, 64)
	if !ok || participant == "" || err != nil || seconds <= 0 {
		return "", until, false
	}
	return participant, time.Unix(seconds, 0), true
}

func (t *Tickets) now() time.Time {
	if t.Now == nil {
		return time.Now()
	}
	return t.Now()
}
