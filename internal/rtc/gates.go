// Package rtc is the only one that knows WebRTC: one UDP port and the same TCP port for all media, the
// WHIP and WHEP doors over HTTP, and RTP in and out of them. Who may publish, and what a subscriber is
// sent, others decide: it asks Publishers and Subscribers.
package rtc

import (
	"context"
	"net/netip"
	"time"

	"github.com/pion/rtp"

	"github.com/streamcat/streamcat/internal/fault"
)

// Kind tells video from audio.
type Kind uint8

const (
	Video Kind = iota + 1
	Audio
)

// String gives "video" or "audio".
func (k Kind) String() string {
	switch k {
	case Video:
		return "video"
	case Audio:
		return "audio"
	}
	return "unknown"
}

// Request is what a client brings to a door.
type Request struct {
	Token         string // the bearer token, a secret: it must reach no log
	ParticipantID string // whom to subscribe to; empty when publishing, and for as many as the offer has m-sections for
	Remote        netip.AddrPort
	UserAgent     string
	Origin        string // what the client knows the session by: sess-id in the answer's origin (RFC 8866 §5.2)
	Audio, Video  bool   // what the offer has an m-section for
	Layers        int    // how many encodings of the video are offered (simulcast), at most three; 0: one, without a name
}

// Publishers decides who may publish by WHIP, and where the media goes.
//
// Publish's error is a Refusal or a fault. NotFound means that the token is none of this gate's: the
// door asks the next one.
type Publishers interface {
	Publish(ctx context.Context, r Request) (Publication, error)
}

// Publication is where one publisher's media goes. Start comes first, Ended last and exactly once, even
// if the session never came up. Start is called while the client waits for its answer; all else, and the
// sinks, by one goroutine of the session, which takes no packets meanwhile: so nothing here may wait.
type Publication interface {
	// Start hands over the means to act on the session, before any media.
	Start(p Peer)
	// Connected says that media can flow.
	Connected()
	// Track is called for each track when its first packet has come, and gives where its packets go. It is
	// called again for the same kind and RID, with the former sink closed, when the client goes over to another SSRC.
	Track(t Track, p Peer) Sink
	// Ended gives why the session is over: io.EOF when the client said goodbye, else one of this package's
	// errors (ErrLost, ErrPeerClosed, …) or what Peer.Close was given. All sinks are closed by then.
	Ended(reason error)
}

// Layered is a Publication that can take several encodings of one picture (simulcast, RFC 8853). Each comes
// as a track of its own, if and while the client sends it. Others get one encoding, which the client
// chooses.
type Layered interface {
	Publication
	// TakeLayers says whether all encodings that were offered are wanted. It is asked before Start.
	TakeLayers() bool
}

// Seated is a Publication or a Subscription of somebody who has a name, and an admission that ends.
type Seated interface {
	// Seat gives both; a zero time stands for no end.
	Seat() (participant string, until time.Time)
}

// Knower is a Publishers or a Subscribers that can tell whom a token is for without letting anybody in. Where one
// cannot, clients learn of relays from the answer to their offer.
type Knower interface {
	// Know's error is as Publish's and Subscribe's: a Refusal or a fault, NotFound for a token that is none of this gate's.
	Know(ctx context.Context, token string, subscribe bool) (Seated, error)
}

// ICEServer is a relay that a client may come by.
type ICEServer struct {
	URL                  string // such as "turn:live.example:3478?transport=udp" (RFC 7065)
	Username, Credential string // a long-term credential (RFC 8489 §9.2); a secret
}

// Bounded is a Publication that takes less than the server would.
type Bounded interface {
	Publication
	// MaxBitrate is how much all tracks together may bring, in bit/s over two seconds. More ends the session with ErrFlood.
	MaxBitrate() int
}

// Track describes an incoming track.
type Track struct {
	Kind         Kind
	RID          string // which encoding of a simulcast it is (RFC 8851); empty without
	SSRC         uint32
	PayloadType  uint8
	ClockRate    uint32 // Hz
	Fmtp         string // the negotiated format parameters
	AudioLevelID uint8  // header extension id of RFC 6464; 0: none
}

// Sink takes one track's packets, from one goroutine. *sfu.Up fits.
type Sink interface {
	// Write takes a whole RTP packet, whose memory is the caller's again afterwards. It never waits.
	Write(packet []byte, arrived time.Time)
	// SenderReport says which RTP time belongs to which time of the publisher's clock (RFC 3550 §6.4.1).
	SenderReport(ntp uint64, rtpTime uint32, arrived time.Time)
	// Close says that no more will come.
	Close()
}

// Peer is a running session, as gates see it.
type Peer interface {
	// KeyFrame asks the publisher of a track for a key frame (PLI, RFC 4585 §6.3.1). It never waits.
	KeyFrame(ssrc uint32)
	// Close ends the session for a reason, which Ended then gives. It never waits.
	Close(reason error)
}

// Subscribers decides who may watch whom. Subscribe's error is a Refusal or a fault.
type Subscribers interface {
	Subscribe(ctx context.Context, r Request) (Subscription, error)
}

// Subscription feeds one subscriber. Start comes first, Ended last and exactly once, even if the session
// never came up; between them nothing is written before Connected. What a Sender's Feedback was given, Connected
// and Ended are called by one goroutine of the session and must not wait.
type Subscription interface {
	// Start hands over one Sender per accepted m-section, in their order.
	Start(senders []Sender, p Peer)
	Connected()
	Ended(reason error)
}

// Sender is one outgoing track. Its two Write methods are used by one goroutine at a time; they allocate
// nothing and wait for nothing but the socket. A packet is on its way when they return, or lost: what the
// network did not take is only counted.
type Sender interface {
	Kind() Kind
	// Mid names its m-section (RFC 8843); empty if the only one has no name.
	Mid() string
	// WriteRTP sends a packet. SSRC and payload type are the sender's own affair.
	WriteRTP(h *rtp.Header, payload []byte) error
	WriteSenderReport(ntp uint64, rtpTime uint32, packets, octets uint32) error
	// Room tells how much the line to the subscriber has for pictures, in bit/s, and begins to measure that, as long as it
	// is asked at least every few seconds. want is how much there would be a use for, or 0, by all pictures of the
	// session together. It never waits, and is called by the goroutine that writes.
	Room(now time.Time, want int) int
	// Feedback sets who hears of the subscriber's wishes: lost sequence numbers, whose slice is good until nack
	// returns, and the want of a key frame. It is set once, in Start.
	Feedback(nack func(seqs []uint16), keyFrame func())
}

// Refusal is why a door stays closed: an HTTP status, and a word that clients act on. It wraps a fault.
type Refusal struct {
	Status     int
	Code       string        // such as "TOKEN_EXPIRED"
	RetryAfter time.Duration // zero: say nothing
	Fault      *fault.Error
}

// Refuse makes a Refusal of a fault.
func Refuse(status int, code string, f *fault.Error) *Refusal {
	return &Refusal{Status: status, Code: code, Fault: f}
}

func (r *Refusal) Error() string { return r.Fault.Error() }

// Unwrap gives the fault.
func (r *Refusal) Unwrap() error { return r.Fault }
