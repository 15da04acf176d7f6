package stage

import (
	"bytes"
	"encoding/json"
	"errors"
	"strconv"

	"github.com/streamcat/streamcat/internal/auth"
	"github.com/streamcat/streamcat/internal/rtc"
	"github.com/streamcat/streamcat/internal/sfu"
)

// participantFrame is a participant as sockets are told of it.
type participantFrame struct {
	ID           string            `json:"id"`
	UserID       string            `json:"userId"`
	Attributes   map[string]string `json:"attributes"`
	IsPublishing bool              `json:"isPublishing"`
	AudioMuted   bool              `json:"audioMuted"`
	VideoStopped bool              `json:"videoStopped"`
	Capabilities []string          `json:"capabilities"`
	JoinedAt     int64             `json:"joinedAt"` // Unix milliseconds
}

func (mem *member) frame() participantFrame {
	return participantFrame{
		ID: mem.seat.ParticipantID, UserID: mem.seat.UserID, Attributes: mem.doc.Attributes,
		IsPublishing: mem.publishing, AudioMuted: mem.audioMuted, VideoStopped: mem.noVideo,
		Capabilities: capabilities(mem.seat), JoinedAt: mem.joined.UnixMilli(),
	}
}

func capabilities(s auth.Seat) []string {
	c := []string{}
	if s.Publish {
		c = append(c, "publish")
	}
	if s.Subscribe {
		c = append(c, "subscribe")
	}
	return c
}

// updateFrame is the payload of STAGE_UPDATE.
type updateFrame struct {
	Joined  []participantFrame `json:"joined"`
	Changed []participantFrame `json:"changed"`
	Left    []string           `json:"left"`
	Others  *int               `json:"others,omitempty"`
}

// encode makes a text frame. What it is given is always JSON.
func encode(kind string, payload any) []byte {
	frame, err := json.Marshal(struct {
		Type    string `json:"type"`
		Payload any    `json:"payload,omitempty"`
	}{kind, payload})
	if err != nil {
		panic("a frame is always JSON: " + err.Error())
	}
	return frame
}

var (
	pingFrame = encode("PING", nil)
	pongFrame = encode("PONG", nil)
)

// stateFrame is a STAGE_STATE whose list of participants was encoded once for many sockets. extra is a
// participant that the list lacks; nil for none.
type stateFrame struct {
	head, list, tail []byte // the participant's id comes after head
}

func newStateFrame(stageID, sessionID string, list []participantFrame, others int) stateFrame {
	var f stateFrame
	f.head = append(f.head, `{"type":"STAGE_STATE","payload":{"stageId":`...)
	f.head = append(f.head, quote(stageID)...)
	f.head = append(f.head, `,"sessionId":`...)
	f.head = append(f.head, quote(sessionID)...)
	f.head = append(f.head, `,"participantId":`...)
	text, err := json.Marshal(list)
	if err != nil {
		panic("participants are always JSON: " + err.Error())
	}
	f.list = text[1 : len(text)-1]
	f.tail = append(f.tail, `],"others":`...)
	f.tail = strconv.AppendInt(f.tail, int64(others), 10)
	f.tail = append(f.tail, `,"maxSlots":`...)
	f.tail = strconv.AppendInt(f.tail, rtc.MaxSlots, 10)
	f.tail = append(f.tail, `}}`...)
	return f
}

func (f stateFrame) of(participantID string, extra *participantFrame) []byte {
	var b bytes.Buffer
	b.Grow(len(f.head) + len(f.list) + len(f.tail) + 256)
	b.Write(f.head)
	b.Write(quote(participantID))
	b.WriteString(`,"participants":[`)
	if extra != nil {
		text, err := json.Marshal(extra)
		if err != nil {
			panic("a participant is always JSON: " + err.Error())
		}
		b.Write(text)
		if len(f.list) > 0 {
			b.WriteByte(',')
		}
	}
	b.Write(f.list)
	b.Write(f.tail)
	return b.Bytes()
}

func quote(s string) []byte {
	text, err := json.Marshal(s)
	if err != nil {
		panic("a string is always JSON: " + err.Error())
	}
	return text
}

// The types of frames that clients send. Others are ignored.
const (
	typePing      = "PING"
	typePong      = "PONG"
	typeMute      = "MUTE"
	typePrefer    = "PREFER"
	typeSubscribe = "SUBSCRIBE"
	typeExchange  = "EXCHANGE_TOKEN"
	typeLeave     = "LEAVE"
)

// clientFrame is what a client sends.
type clientFrame struct {
	Type       string
	AudioMuted bool // of MUTE; so is the next
	NoVideo    bool
	Of         string // of PREFER: whose picture; so is the next
	Pixels     int    // how large it is to be at most; 0: no bound
	Wishes     []wish // of SUBSCRIBE
	Token      string // of EXCHANGE_TOKEN
}

const (
	// maxClientFrame is the longest frame, in bytes, that a client may send,
	maxClientFrame = 4 << 10
	// but for the one that brings a token.
	maxTokenFrame = maxToken + 256
)

var errFrame = errors.New("the frame is not understood")

// parseFrame reads a frame of a client. Frames of unknown types are good, whatever their payload. A word that
// MUTE lacks is false.
func parseFrame(b []byte) (clientFrame, error) {
	var envelope struct {
		Type    *string         `json:"type"`
		Payload json.RawMessage `json:"payload"`
	}
	if len(b) > maxTokenFrame || json.Unmarshal(b, &envelope) != nil || envelope.Type == nil {
		return clientFrame{}, errFrame
	}
	f := clientFrame{Type: *envelope.Type}
	if len(b) > maxClientFrame && f.Type != typeExchange {
		return clientFrame{}, errFrame
	}
	var err error
	switch f.Type {
	case typeMute:
		err = f.readMute(envelope.Payload)
	case typePrefer:
		err = f.readPrefer(envelope.Payload)
	case typeSubscribe:
		err = f.readSubscribe(envelope.Payload)
	case typeExchange:
		err = f.readExchange(envelope.Payload)
	}
	return f, err
}

func (f *clientFrame) readMute(payload []byte) error {
	var mute struct {
		AudioMuted   bool `json:"audioMuted"`
		VideoStopped bool `json:"videoStopped"`
	}
	if json.Unmarshal(payload, &mute) != nil {
		return errFrame
	}
	f.AudioMuted, f.NoVideo = mute.AudioMuted, mute.VideoStopped
	return nil
}

func (f *clientFrame) readExchange(payload []byte) error {
	var exchange struct {
		Token *string `json:"token"`
	}
	if json.Unmarshal(payload, &exchange) != nil || exchange.Token == nil {
		return errFrame
	}
	f.Token = *exchange.Token
	return nil
}

// maxSide is the longest side of a picture that a client may name.
const maxSide = 16384

func (f *clientFrame) readPrefer(payload []byte) error {
	var prefer struct {
		ParticipantID string `json:"participantId"`
		MaxWidth      int    `json:"maxWidth"`
		MaxHeight     int    `json:"maxHeight"`
	}
	if json.Unmarshal(payload, &prefer) != nil || !isParticipant(prefer.ParticipantID) {
		return errFrame
	}
	for _, side := range []int{prefer.MaxWidth, prefer.MaxHeight} {
		if side < 0 || side > maxSide {
			return errFrame
		}
	}
	f.Of, f.Pixels = prefer.ParticipantID, prefer.MaxWidth*prefer.MaxHeight
	return nil
}

// isParticipant says whether a text may be a participant's id.
func isParticipant(id string) bool { return id != "" && len(id) <= 64 }

// maxWishes is how many participants a client may want to watch in its gallery.
const maxWishes = 64

// initials are a client's words for the size that a picture is to begin with.
var initials = map[string]sfu.First{"": sfu.Fitting, "lowest": sfu.Smallest, "highest": sfu.Largest}

func (f *clientFrame) readSubscribe(payload []byte) error {
	var subscribe struct {
		Participants []struct {
			ParticipantID string `json:"participantId"`
			Audio         bool   `json:"audio"`
			Video         bool   `json:"video"`
			Initial       string `json:"initial"`
		} `json:"participants"`
	}
	if json.Unmarshal(payload, &subscribe) != nil || subscribe.Participants == nil || len(subscribe.Participants) > maxWishes {
		return errFrame
	}
	known := map[string]bool{}
	for _, p := range subscribe.Participants {
		first, ok := initials[p.Initial]
		if !isParticipant(p.ParticipantID) || known[p.ParticipantID] || !ok {
			return errFrame
		}
		known[p.ParticipantID] = true
		w := wish{remote: p.ParticipantID, first: first}
		w.kinds[index(rtc.Audio)], w.kinds[index(rtc.Video)] = p.Audio, p.Video
		f.Wishes = append(f.Wishes, w)
	}
	return nil
}
