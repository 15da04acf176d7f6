package stage_test

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/coder/websocket"

	"github.com/streamcat/streamcat/internal/arn"
	"github.com/streamcat/streamcat/internal/rtc"
)

// P is a participant as sockets are told.
type P struct {
	ID           string            `json:"id"`
	UserID       string            `json:"userId"`
	Attributes   map[string]string `json:"attributes"`
	IsPublishing bool              `json:"isPublishing"`
	AudioMuted   bool              `json:"audioMuted"`
	VideoStopped bool              `json:"videoStopped"`
	Capabilities []string          `json:"capabilities"`
	JoinedAt     int64             `json:"joinedAt"`
}

// Slot is what an m-section carries, as sockets are told.
type Slot struct {
	Mid           string `json:"mid"`
	ParticipantID string `json:"participantId"`
	Kind          string `json:"kind"`
}

// Layer is a size of a picture, as sockets are told.
type Layer struct {
	Label           string `json:"label"`
	Width           int    `json:"width"`
	Height          int    `json:"height"`
	BitrateBps      int    `json:"bitrateBps"`
	FramesPerSecond int    `json:"framesPerSecond"`
}

type frame struct {
	Type    string `json:"type"`
	Payload struct {
		StageID        string   `json:"stageId"`
		SessionID      string   `json:"sessionId"`
		ParticipantID  string   `json:"participantId"`
		Participants   []P      `json:"participants"`
		Joined         []P      `json:"joined"`
		Changed        []P      `json:"changed"`
		Left           []string `json:"left"`
		Others         *int     `json:"others"`
		ParticipantIDs []string `json:"participantIds"`
		Reason         string   `json:"reason"`
		Code           string   `json:"code"`
		Message        string   `json:"message"`
		Session        string   `json:"session"`
		Slots          []Slot   `json:"slots"`
		MaxSlots       int      `json:"maxSlots"`
		Waiting        []Slot   `json:"waiting"`
		Layers         []Layer  `json:"layers"`
		Selected       string   `json:"selected"`
	} `json:"payload"`
}

// client is an events socket, by a WebSocket library that is not ours.
type client struct {
	t    testing.TB
	ws   *websocket.Conn
	here map[string]P // as it was told
	own  string       // id
}

// dial opens a socket; without success there is but the HTTP answer.
func (n *node) dial(stageARN, token string) (*client, *http.Response) {
	n.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	url := "ws" + strings.TrimPrefix(n.srv.URL, "http") + "/stage-events/" + arn.ID(stageARN)
	ws, resp, err := websocket.Dial(ctx, url, &websocket.DialOptions{Subprotocols: []string{token}, HTTPHeader: http.Header{"Origin": {"https://elsewhere.example"}}})
	if err != nil {
		if resp == nil {
			n.t.Fatal(err)
		}
		return nil, resp
	}
	ws.SetReadLimit(8 << 20)
	n.t.Cleanup(func() { _ = ws.CloseNow() })
	if ws.Subprotocol() != token {
		n.t.Error("the token is not echoed")
	}
	return &client{t: n.t, ws: ws, here: map[string]P{}}, resp
}

// join opens a socket and takes the state.
func (n *node) join(token string) *client {
	n.t.Helper()
	c, resp := n.dial(n.stage, token)
	if c == nil {
		n.t.Fatalf("not let in: HTTP %d", resp.StatusCode)
	}
	f := c.read()
	if f.Type != "STAGE_STATE" || f.Payload.MaxSlots != 16 || f.Payload.StageID != arn.ID(n.stage) || len(f.Payload.SessionID) != 16 {
		n.t.Fatalf("first frame: %+v", f)
	}
	return c
}

// read takes a frame and follows what it says.
func (c *client) read() frame {
	c.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	_, text, err := c.ws.Read(ctx)
	if err != nil {
		c.t.Fatalf("no frame: %v", err)
	}
	var f frame
	if err := json.Unmarshal(text, &f); err != nil {
		c.t.Fatalf("%.200s: %.200v", text, err.Error())
	}
	if f.Type == "STAGE_STATE" {
		c.own = f.Payload.ParticipantID
	}
	for _, p := range slices.Concat(f.Payload.Participants, f.Payload.Joined) {
		if _, known := c.here[p.ID]; known && p.ID != c.own { // itself may be new to all others
			c.t.Errorf("%s joined twice", p.ID)
		}
		c.here[p.ID] = p
	}
	for _, p := range f.Payload.Changed {
		if _, known := c.here[p.ID]; !known {
			c.t.Errorf("%s changed, and is not known", p.ID)
		}
		c.here[p.ID] = p
	}
	for _, id := range f.Payload.Left {
		if _, known := c.here[id]; !known {
			c.t.Errorf("%s left, and is not known", id)
		}
		delete(c.here, id)
	}
	return f
}

// until reads until something is so.
func (c *client) until(is func() bool) {
	c.t.Helper()
	for !is() {
		c.read()
	}
}

func (c *client) send(text string) {
	c.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	check(c.t, c.ws.Write(ctx, websocket.MessageText, []byte(text)))
}

// wantEnd reads on to the close frame and gives the last frame before it.
func (c *client) wantEnd(code websocket.StatusCode) (last frame) {
	c.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	for {
		_, text, err := c.ws.Read(ctx)
		if err != nil {
			if got := websocket.CloseStatus(err); got != code {
				c.t.Errorf("closed with %v (%v), want %v", got, err, code)
			}
			return last
		}
		last = frame{}
		check(c.t, json.Unmarshal(text, &last))
	}
}

func asRefusal(err error, r **rtc.Refusal) bool { return errors.As(err, r) }
