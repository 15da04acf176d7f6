package channel

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"mime"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/streamcat/streamcat/internal/fault"
	"github.com/streamcat/streamcat/internal/media"
)

// ConfigurationPath is where encoders ask what to send (GetClientConfiguration).
const ConfigurationPath = "/api/v3/GetClientConfiguration"

const (
	maxConfigurationBody = 64 << 10
	configurationWait    = 10 * time.Second // for the body
	configurationSchema  = "2024-06-04"
	askAtOnce            = 30              // requests of one address in a row
	askAgain             = 2 * time.Second // and then one more in this time
)

// IngestEndpoint is where encoders may stream to.
type IngestEndpoint struct {
	Protocol string `json:"protocol"`     // "RTMPS" or "RTMP"
	Template string `json:"url_template"` // with {stream_key}
}

// Configurator answers GetClientConfiguration: which renditions an encoder shall send to the channel of its
// stream key, and where to. Directory and Endpoints must be set.
type Configurator struct {
	Directory Directory
	// Endpoints are told in this order. Those that are not encrypted are left out where a channel does not allow
	// them.
	Endpoints []IngestEndpoint
	// EnforceSecureIngest and ExceptLoopback are those of the Manager.
	EnforceSecureIngest, ExceptLoopback bool
	ClientAddr                          func(*http.Request) netip.AddrPort // nil: the request's peer
	Log                                 *slog.Logger
	Now                                 func() time.Time // nil: time.Now

	mu    sync.Mutex
	asked generations[netip.Prefix, allowance]
}

// ServeHTTP answers a POST of JSON. What an encoder cannot be helped with is said in the answer's status, in a
// sentence for the person in front of it, and the HTTP status is 200 then, since encoders show nothing else.
func (c *Configurator) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	if r.Method != http.MethodPost {
		h.Set("Allow", http.MethodPost)
		c.answer(w, http.StatusMethodNotAllowed, failed("ask by POST"))
		return
	}
	if !c.mayAsk(placeOf(c.from(r))) {
		h.Set("Retry-After", "2")
		c.answer(w, http.StatusTooManyRequests, failed("too many requests came from this address; wait a moment"))
		return
	}
	if kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); r.Header.Get("Content-Type") != "" && (err != nil || kind != "application/json") {
		c.answer(w, http.StatusUnsupportedMediaType, failed("the request must be application/json"))
		return
	}
	_ = http.NewResponseController(w).SetReadDeadline(time.Now().Add(configurationWait)) // not every test's writer can
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxConfigurationBody))
	if large := (*http.MaxBytesError)(nil); errors.As(err, &large) {
		c.answer(w, http.StatusRequestEntityTooLarge, failed("the request is larger than %d bytes", maxConfigurationBody))
		return
	}
	if err != nil {
		c.answer(w, http.StatusBadRequest, failed("the request could not be read"))
		return
	}
	in, err := parseConfigurationRequest(body)
	if err != nil {
		c.answer(w, http.StatusBadRequest, failed("%s", fault.Message(err)))
		return
	}
	c.answer(w, http.StatusOK, c.configure(r.Context(), in, c.from(r)))
}

// configure works the answer out.
func (c *Configurator) configure(ctx context.Context, in *configurationRequest, from netip.AddrPort) *configuration {
	if in.Authentication == "" {
		return failed("a stream key is required")
	}
	spec, err := c.Directory.ByStreamKey(ctx, in.Authentication)
	switch {
	case fault.Of(err) == fault.NotFound:
		return failed("this stream key is not known; look it up again where you got it")
	case err != nil:
		if c.Log != nil {
			c.Log.Error("could not look a channel up for its encoder", "err", err)
		}
		return failed("the server cannot look the channel up now; try again in a moment")
	}
	codec := in.codec()
	if codec == nil {
		return failed("the server takes H.264, HEVC and AV1, and the encoder has none of them")
	}
	limits, shape := spec.wishes(&in.Preferences)
	rungs := ladder(limits)
	switch {
	case len(rungs) == 0:
		return failed("%d kbit/s are too little for picture and sound", limits.kbps)
	case spec.Multitrack.Required && len(rungs) < 2:
		return failed("this channel takes multitrack input only, and the encoder is set to one video track or too little bandwidth")
	}
	out := &configuration{
		Meta:      configurationMeta{ID: uuid.NewString(), Schema: configurationSchema, Service: "IVS"},
		Endpoints: c.endpoints(&spec, from.Addr()),
		Audio:     soundOf(&in.Preferences),
		Status:    &configurationStatus{Result: "success"},
	}
	if len(out.Endpoints) == 0 {
		return failed("this channel takes only encrypted streams, and the server has no RTMPS")
	}
	for _, r := range rungs {
		out.Encoders = append(out.Encoders, encoderOf(r, shape, &in.Preferences, codec))
	}
	if !spec.Multitrack.Allowed && in.Preferences.tracks() != 1 {
		out.Status = &configurationStatus{"warning", "Multitrack input is not enabled on this channel, so one video track is sent."}
	}
	return out
}

// wishes joins what a channel takes with what its encoder would send, and gives the shape of the picture.
func (s *Spec) wishes(p *configurationPreferences) (w wishes, shape [2]int) {
	shape = p.shape()
	lines, most := min(min(shape[0], shape[1]), 1080), 1
	if s.Multitrack.Allowed {
		most = MaxRenditions
		if s.Multitrack.MaxLines > 0 && p.tracks() != 1 {
			lines = min(lines, s.Multitrack.MaxLines)
		}
	}
	if n := p.tracks(); n > 0 {
		most = min(most, n)
	}
	w = wishes{lines: lines, tracks: most}
	w.kbps = int(bitrateLimit(s.Type, []*media.Track{{Width: lines, Height: lines}}) / 1000)
	if n := p.kbps(); n > 0 {
		w.kbps = min(w.kbps, n)
	}
	return w, shape
}

// endpoints are those that a channel allows an encoder.
func (c *Configurator) endpoints(s *Spec, from netip.Addr) []IngestEndpoint {
	open := !c.EnforceSecureIngest || s.InsecureIngest || c.ExceptLoopback && from.Unmap().IsLoopback()
	list := slices.Clone(c.Endpoints)
	return slices.DeleteFunc(list, func(e IngestEndpoint) bool {
		return !open && e.Protocol != "RTMPS"
	})
}

func (c *Configurator) from(r *http.Request) netip.AddrPort {
	if c.ClientAddr != nil {
		return c.ClientAddr(r)
	}
	at, _ := netip.ParseAddrPort(r.RemoteAddr) // the zero one is nowhere
	return at
}

// mayAsk counts a request of an address, and says whether it is one too many.
func (c *Configurator) mayAsk(from netip.Prefix) bool {
	now := time.Now()
	if c.Now != nil {
		now = c.Now()
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	a, ok := c.asked.get(from)
	if !ok {
		a = allowance{askAtOnce, now}
	}
	if passed := now.Sub(a.at); passed > 0 {
		a = allowance{min(askAtOnce, a.left+float64(passed)/float64(askAgain)), now}
	}
	if a.left < 1 {
		return false
	}
	a.left--
	c.asked.put(from, a, maxBad, askAtOnce*askAgain, now)
	return true
}

func (c *Configurator) answer(w http.ResponseWriter, status int, out *configuration) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(out)
}

// failed is an answer that only says why there is none. What goes in is never the client's.
func failed(format string, args ...any) *configuration {
	text := fmt.Sprintf(format, args...)
	return &configuration{
		Meta:      configurationMeta{ID: uuid.NewString(), Schema: configurationSchema, Service: "IVS"},
		Endpoints: []IngestEndpoint{}, Encoders: []encoderConfiguration{}, Audio: audioConfigurations{Live: []audioConfiguration{}},
		Status: &configurationStatus{"error", strings.ToUpper(text[:1]) + text[1:] + "."},
	}
}
