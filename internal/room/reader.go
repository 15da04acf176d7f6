package room

import (
	"context"
	"errors"
	"time"
	"unicode/utf8"

	"github.com/streamcat/streamcat/internal/fault"
)

const (
	perConnection = 10                     // requests per second, as at Amazon
	framesAtOnce  = 100                    // frames of any kind that a client may send per second
	framePause    = 100 * time.Millisecond // for a client that sends more
)

var errExpired = errors.New("the session is expired")

// serve reads until the connection is over. The early bytes came together with the handshake.
func (c *conn) serve(early []byte) {
	defer c.leave()
	flood := bucket{}
	take := func(p []byte) error { // made once: an idle reader must not allocate
		c.heard.Store(int64(c.room.m.uptime()))
		if c.deaf {
			return nil
		}
		return c.in.feed(p, func(op opcode, payload []byte, over bool) error {
			if !c.room.m.limitsOff && !flood.take(int64(c.room.m.uptime()), framesAtOnce) && c.open() {
				time.Sleep(framePause) // nothing is read meanwhile, so TCP slows the client down
			}
			return c.take(op, payload, over)
		})
	}
	var err error
	if len(early) > 0 {
		err = take(early)
	}
	for {
		if v := (*violation)(nil); errors.As(err, &v) {
			why := byViolation
			if v.code == closeBadText {
				why = byBadRequest
			}
			c.hangUp(why, v.code, v.text)
			c.deaf = true // its bytes make no sense any more, but closing in order needs them to be read
		} else if err != nil {
			return
		}
		err = c.wire.read(take)
	}
}

var errGoodbye = errors.New("the peer closed the connection")

// take handles one message or control frame. Of a connection that is ending only the goodbye counts: who
// was disconnected has nothing more to say.
func (c *conn) take(op opcode, payload []byte, over bool) error {
	if c.deaf || op != opClose && !c.open() {
		return nil
	}
	switch op {
	case opPing:
		c.send(appendFrame(nil, opPong, payload))
	case opClose:
		status, err := closeStatus(payload)
		if err != nil {
			return err
		}
		return c.goodbye(status)
	case opBinary:
		c.refuse("", fault.InvalidInput("frames must be text"))
	case opText:
		if over {
			c.refuse(findRequestID(payload), fault.OverQuota(c.in.limit, "the frame is larger than %d bytes", c.in.limit))
			return nil
		}
		if !utf8.Valid(payload) {
			return &violation{closeBadText, "text is not UTF-8"}
		}
		r, err := parseRequest(payload)
		c.room.m.metrics.requests.WithLabelValues(r.label()).Inc()
		if err = c.request(r, err); err != nil {
			c.refuse(r.RequestID, err)
		}
		if errors.Is(err, errExpired) {
			c.hangUp(byExpiry, closeNormal, "session expired")
		}
	}
	return nil
}

// goodbye answers the peer's close frame, if it is not itself the answer to ours.
func (c *conn) goodbye(status int) error {
	c.hangUp(byClient, status, "")
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.writing {
		c.deaf = true // the answer is still on its way; after it the stream ends
		return nil
	}
	return errGoodbye
}

// request does what a client asks, or says why not. The error is nil, errExpired or a fault, or else the
// server's own trouble.
func (c *conn) request(r *request, malformed error) error {
	m := c.room.m
	now := m.now()
	if now.UnixNano() >= c.expires {
		return errExpired
	}
	if !m.limitsOff && !c.rate.take(now.UnixNano(), perConnection) {
		return fault.TooFast(perConnection, "more than %d requests per second on one connection", perConnection)
	}
	if malformed != nil {
		return malformed
	}
	spec, err := c.room.current(now)
	if err != nil {
		return err
	}
	if err := c.allowed(r.Action); err != nil {
		return err
	}
	if err := r.check(spec.MaxLength, m.maxAttributes); err != nil {
		return err
	}
	switch r.Action {
	case actionSend:
		takeBack, err := c.room.keep.maySay(c, now)
		if err != nil {
			return err
		}
		if !m.limitsOff && m.cluster == nil && !c.room.spend(now, spec.MaxRate) {
			takeBack()
			return tooFast(spec)
		}
		return c.say(spec, r, now, takeBack)
	case actionDelete:
		_, err := c.room.announce(spec, noteDelete, r.ID, event{
			RequestID: r.RequestID, EventName: eventDelete, Attributes: deleted(r.ID, r.Reason),
		}, now, c.outcome(r.RequestID, nil))
		if err == nil && c.room.keep.isPinned(r.ID) {
			ctx, cancel := context.WithTimeout(m.life, lookupFor)
			defer cancel()
			err = m.unpinDeleted(ctx, spec.ARN, r.ID)
		}
		return err
	default:
		_, err := c.room.announce(spec, noteDisconnect, r.UserID, event{
			RequestID: r.RequestID, EventName: eventDisconnect, Attributes: disconnected(r.UserID, r.Reason),
		}, now, c.outcome(r.RequestID, nil))
		return err
	}
}

// allowed checks the capability that an action needs.
func (c *conn) allowed(action string) error {
	if action == actionSend && !c.pass.send ||
		action == actionDelete && !c.pass.delete ||
		action == actionDisconnect && !c.pass.disconnect {
		return fault.AccessDenied("the token does not have the capability %s", action)
	}
	return nil
}

// say sends a message to the room. The sender hears it back as everybody does. TakeBack gives back what it has used up, where it is refused.
func (c *conn) say(spec Spec, r *request, now time.Time, takeBack func()) error {
	msg := message{
		Type: "MESSAGE", ID: newID(), RequestID: r.RequestID, Content: r.Content,
		Attributes: r.Attributes, SendTime: sendTime(now), Sender: c.sender,
	}
	if spec.ReviewHandler != "" || !c.room.line.empty() {
		return c.lineUp(spec, msg, now, takeBack)
	}
	return c.utter(spec, msg, now, takeBack)
}

// utter sends everybody a message that was received at a time.
func (c *conn) utter(spec Spec, msg message, now time.Time, takeBack func()) error {
	frame, err := encode(msg)
	if err != nil {
		return err
	}
	err = c.room.post(spec, &note{kind: noteMessage, id: msg.ID, about: c.user, frame: frame, done: c.outcome(msg.RequestID, takeBack)}, now)
	if err != nil {
		takeBack()
	}
	return err
}

// outcome gives what is to be told how a request ended whose message another node takes. A node alone needs none:
// it knows at once. Undo, which may be nil, takes back what the request has used up, if it is refused.
func (c *conn) outcome(requestID string, undo func()) func(error) {
	if c.room.m.cluster == nil {
		return nil
	}
	return func(err error) {
		if err == nil {
			return
		}
		if undo != nil {
			undo()
		}
		c.refuse(requestID, err)
	}
}

// refuse tells the client that its request was not done.
func (c *conn) refuse(requestID string, err error) {
	m := c.room.m
	status, text := code(err), fault.Message(err)
	switch status {
	case 401:
		text = errExpired.Error()
	case 406:
		text = err.Error()
	case 500:
		m.log.Error("chat request failed", "room", c.room.id, "error", err)
	}
	m.metrics.failed(status)
	frame, err := encode(failure{Type: "ERROR", ID: newID(), RequestID: requestID, ErrorCode: status, ErrorMessage: text})
	if err != nil {
		m.log.Error("chat refusal not sent", "room", c.room.id, "error", err)
		return
	}
	c.send(textFrame(frame))
}

// leave ends the reader's work.
func (c *conn) leave() {
	c.room.part(c)
	why := c.finished()
	m := c.room.m
	m.metrics.connections.Dec()
	m.metrics.closed.WithLabelValues(string(why)).Inc()
	m.log.Debug("chat connection ended", "room", c.room.id, "reason", string(why))
	m.exit(c.room)
}
