package site

import (
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/lxzan/gws"

	"github.com/streamcat/streamcat/internal/ugc"
)

const (
	maxSockets      = 20_000
	maxPerNetwork   = 64  // sockets of one client network
	maxFollowed     = 100 // channels that one socket may ask for by name
	catchUpPatience = 10 * time.Second
)

// hub is the live feed: sockets on which pages hear that a channel's card changed. A page that is slow
// gets only the latest card of each channel; one that does not read at all is dropped, and comes back.
type hub struct {
	app      *ugc.App
	log      *slog.Logger
	metrics  *metrics
	origin   string // of the app's own pages, where it is not that of the request's Host
	clients  clients
	upgrader *gws.Upgrader
	unwatch  func()
	running  sync.WaitGroup

	mu        sync.Mutex
	closed    bool
	sockets   map[*socket]struct{}
	all       map[*socket]struct{}
	byName    map[string]map[*socket]struct{} // by lower-case username
	byNetwork map[string]int
}

func newHub(app *ugc.App, origin string, c clients, log *slog.Logger, m *metrics) *hub {
	h := &hub{
		app: app, origin: origin, clients: c, log: log, metrics: m,
		sockets: map[*socket]struct{}{}, all: map[*socket]struct{}{}, byName: map[string]map[*socket]struct{}{},
		byNetwork: map[string]int{},
	}
	h.upgrader = gws.NewUpgrader(liveEvents{}, &gws.ServerOption{
		ReadMaxPayloadSize: maxFrame, ReadBufferSize: 512, Logger: quiet{},
	})
	h.unwatch = app.Watch(h.tell)
	return h
}

// ServeHTTP opens a socket: ?channels=a,b follows those, no parameter follows all.
func (h *hub) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if !strings.EqualFold(r.Header.Get("Upgrade"), "websocket") {
		w.Header().Set("Upgrade", "websocket")
		writeProblem(w, http.StatusUpgradeRequired, problem{Message: "this is a WebSocket"})
		return
	}
	if !h.ownPage(r) {
		writeProblem(w, http.StatusForbidden, problem{Message: "this request came from another site"})
		return
	}
	names := followed(r.URL.Query())
	if len(names) > maxFollowed {
		writeProblem(w, http.StatusBadRequest, problem{Message: "these are too many channels to follow on one socket"})
		return
	}
	s := newSocket(names)
	if !h.clients.address(r).IsLoopback() { // likely a proxy of this machine that nobody told us to trust
		s.network = h.clients.network(r)
	}
	if refused := h.enter(s); refused != nil {
		w.Header().Set("Retry-After", "5")
		writeProblem(w, refused.code, problem{Message: refused.message})
		return
	}
	conn, err := h.upgrader.Upgrade(w, r)
	if err != nil { // the answer is written
		h.leave(s)
		h.running.Done()
		return
	}
	s.attach(conn)
	go func() { // the request ends here, the socket does not
		defer h.running.Done()
		var writing sync.WaitGroup
		writing.Go(func() {
			if s.write(conn) {
				h.metrics.dropped.Inc()
			}
		})
		h.catchUp(s)
		conn.ReadLoop()
		s.close()
		h.leave(s)
		writing.Wait()
	}()
}

// ownPage says whether no browser sent the request for another site's page, as protect does for requests
// that change something: CrossOriginProtection lets every GET pass.
func (h *hub) ownPage(r *http.Request) bool {
	o := r.Header.Get("Origin")
	if o == "" || o == h.origin {
		return true
	}
	u, err := url.Parse(o)
	return err == nil && u.Host == r.Host
}

// followed gives the channels a query asks for by name, each once; none means all.
func followed(q url.Values) []string {
	var names []string
	seen := map[string]bool{}
	for _, list := range q["channels"] {
		for name := range strings.SplitSeq(list, ",") {
			if name = strings.ToLower(strings.TrimSpace(name)); name != "" && !seen[name] {
				seen[name] = true
				names = append(names, name)
			}
		}
	}
	return names
}

var (
	errFeedFull  = &status{http.StatusServiceUnavailable, "there is no room for another live feed"}
	errFeedShare = &status{http.StatusTooManyRequests, "too many live feeds are open from your network"}
)

// enter lets a socket in, or says why not; from here on it hears of changes. Whoever enters ends with
// leave and running.Done.
func (h *hub) enter(s *socket) (refused *status) {
	h.mu.Lock()
	defer h.mu.Unlock()
	switch {
	case h.closed:
		return errFeedFull
	case len(h.sockets) >= maxSockets:
		h.metrics.refused.WithLabelValues("full").Inc()
		return errFeedFull
	case s.network != "" && h.byNetwork[s.network] >= maxPerNetwork:
		h.metrics.refused.WithLabelValues("network").Inc()
		return errFeedShare
	}
	h.running.Add(1)
	h.byNetwork[s.network]++
	h.sockets[s] = struct{}{}
	h.metrics.sockets.Inc()
	if len(s.names) == 0 {
		h.all[s] = struct{}{}
	}
	for _, name := range s.names {
		if h.byName[name] == nil {
			h.byName[name] = map[*socket]struct{}{}
		}
		h.byName[name][s] = struct{}{}
	}
	return nil
}

func (h *hub) leave(s *socket) {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.sockets, s)
	h.metrics.sockets.Dec()
	if h.byNetwork[s.network]--; h.byNetwork[s.network] == 0 {
		delete(h.byNetwork, s.network)
	}
	delete(h.all, s)
	for _, name := range s.names {
		if delete(h.byName[name], s); len(h.byName[name]) == 0 {
			delete(h.byName, name)
		}
	}
}

// tell passes a card on to the sockets that follow the channel. It never waits.
func (h *hub) tell(c ugc.Card) {
	frame := liveFrame(c)
	name := strings.ToLower(c.Username)
	h.mu.Lock()
	defer h.mu.Unlock()
	for s := range h.all {
		s.offer(name, frame)
	}
	for s := range h.byName[name] {
		s.offer(name, frame)
	}
}

// catchUp gives a new socket the cards as they are, so that nothing is lost between a page's first
// question and its socket. If that fails the page is sent away: it comes back, and asks again.
func (h *hub) catchUp(s *socket) {
	ctx, cancel := context.WithTimeout(context.Background(), catchUpPatience)
	defer cancel()
	err := h.app.Look(ctx, s.names, func(c ugc.Card) { s.offer(strings.ToLower(c.Username), liveFrame(c)) })
	if err != nil {
		h.log.WarnContext(ctx, "a live feed could not be brought up to date", "err", err)
		s.close()
	}
}

func liveFrame(c ugc.Card) []byte {
	frame, err := json.Marshal(map[string]any{"type": "channel", "channel": c})
	if err != nil {
		panic("a card is always JSON: " + err.Error())
	}
	return frame
}

// shutdown turns newcomers away and tells everybody to come back later.
func (h *hub) shutdown() {
	h.unwatch()
	h.mu.Lock()
	h.closed = true
	sockets := make([]*socket, 0, len(h.sockets))
	for s := range h.sockets {
		sockets = append(sockets, s)
	}
	h.mu.Unlock()
	for _, s := range sockets {
		s.close()
	}
}

func (h *hub) wait() { h.running.Wait() }
