// Package arn names things as Amazon IVS does: it parses, prints and mints resource names and ids.
//
// Forms: arn:aws:<service>:<region>:<account>:<kind>/<id>, at most 128 characters. Services are "ivs"
// (low latency and real time) and "ivschat".
package arn

import (
	"crypto/rand"
	"regexp"
	"slices"
	"strings"

	"github.com/streamcat/streamcat/internal/fault"
)

// Kind is the resource type inside a name.
type Kind string

// The 13 kinds of resources that the three services know.
const (
	Channel                   Kind = "channel"
	StreamKey                 Kind = "stream-key"
	PlaybackKey               Kind = "playback-key"
	RecordingConfiguration    Kind = "recording-configuration"
	PlaybackRestrictionPolicy Kind = "playback-restriction-policy"
	AdConfiguration           Kind = "ad-configuration"
	Stage                     Kind = "stage"
	EncoderConfiguration      Kind = "encoder-configuration"
	StorageConfiguration      Kind = "storage-configuration"
	IngestConfiguration       Kind = "ingest-configuration"
	Composition               Kind = "composition"
	PublicKey                 Kind = "public-key"
	Room                      Kind = "room"
	LoggingConfiguration      Kind = "logging-configuration"
)

// Service gives the service field that names of this kind carry.
func (k Kind) Service() string {
	if k == Room || k == LoggingConfiguration {
		return "ivschat"
	}
	return "ivs"
}

// ARN is a parsed resource name. The zero value names nothing.
type ARN struct {
	Service string // "ivs" or "ivschat"
	Region  string // such as "us-east-1"
	Account string // 12 digits
	Kind    Kind
	ID      string // letters, digits and dashes
}

var form = regexp.MustCompile(`^arn:aws:(ivs|ivschat):([a-z0-9-]+):([0-9]+):([a-z-]+)/([a-zA-Z0-9-]+)$`)

// Parse reads a name. An error is an Invalid fault that says what is wrong; whatever parses prints
// the same again.
func Parse(s string) (ARN, error) {
	if len(s) > 128 {
		return ARN{}, fault.InvalidInput("ARN is longer than 128 characters")
	}
	m := form.FindStringSubmatch(s)
	if m == nil {
		return ARN{}, fault.InvalidInput("%q is not an ARN of this service", clip(s))
	}
	return ARN{m[1], m[2], m[3], Kind(m[4]), m[5]}, nil
}

func clip(s string) string {
	if len(s) > 64 {
		return s[:64] + "…"
	}
	return s
}

// String prints the name.
func (a ARN) String() string {
	return "arn:aws:" + a.Service + ":" + a.Region + ":" + a.Account + ":" + string(a.Kind) + "/" + a.ID
}

// ID gives what follows the last slash of a name, or all of s where there is none. It does not
// validate: it is for names that this server made itself.
func ID(s string) string { return s[strings.LastIndexByte(s, '/')+1:] }

// Minter makes new names and judges whose names it is shown. It is safe for concurrent use.
type Minter struct {
	Region  string
	Account string
}

// New makes a name of kind k with a fresh 12-character id.
func (m Minter) New(k Kind) string { return m.Of(k, NewID(12)) }

// Of makes the name of the thing of kind k with the given id.
func (m Minter) Of(k Kind, id string) string {
	return ARN{k.Service(), m.Region, m.Account, k, id}.String()
}

// Own parses s and wants a name of kind k in this region and account. A malformed name or another
// kind is Invalid, and so is another region (the message names ours, as AWS does); another account's
// is NotFound: whether it exists elsewhere is not ours to say.
func (m Minter) Own(k Kind, s string) (ARN, error) {
	a, err := Parse(s)
	switch {
	case err != nil:
		return ARN{}, err
	case a.Kind != k || a.Service != k.Service():
		return ARN{}, fault.InvalidInput("%q is not the ARN of a %s", s, k)
	case a.Region != m.Region:
		return ARN{}, fault.InvalidInput("the ARN is of region %s, this is region %s", a.Region, m.Region)
	case a.Account != m.Account:
		return ARN{}, a.Missing()
	}
	return a, nil
}

// OwnAny is Own for a name of any of the given kinds.
func (m Minter) OwnAny(s string, kinds ...Kind) (ARN, error) {
	a, err := Parse(s)
	if err != nil {
		return ARN{}, err
	}
	if !slices.Contains(kinds, a.Kind) {
		return ARN{}, fault.InvalidInput("%q is not the ARN of such a resource of this service", s)
	}
	return m.Own(a.Kind, s)
}

// Missing is the NotFound fault for the thing of this name.
func (a ARN) Missing() *fault.Error {
	kind := strings.ToUpper(strings.ReplaceAll(string(a.Kind), "-", "_"))
	return fault.Missing("%s %s does not exist", a.Kind, a).About(kind, a.ID)
}

const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"

// NewID gives n random letters and digits, about 5.95 bits each, from the system's secure source.
func NewID(n int) string {
	out := make([]byte, 0, n)
	buf := make([]byte, n+n/4+4)
	for len(out) < n {
		rand.Read(buf) // never fails; it ends the process instead
		for _, b := range buf {
			// 248 is the largest multiple of 62 in a byte: without this, some letters came more often.
			if b < 248 && len(out) < n {
				out = append(out, alphabet[b%62])
			}
		}
	}
	return string(out)
}
