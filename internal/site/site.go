// Package site is the web app as HTTP: its pages, its JSON, its live feed, and the door by which events
// come in.
//
// The rules are ugc's; what is here is how they are spoken: sessions and cookies, refusals of requests
// that another site made a browser send, limits on what may be tried how often, and the front end, which
// is built apart and embedded. Every mutation is a POST, PUT or PATCH with a JSON body, or a DELETE; errors are
// {"error": {"message", "code", "fields"}}. Nothing here touches the live side: the app acts through the AWS SDK.
package site

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/alexedwards/scs/v2"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/streamcat/streamcat/internal/store"
	"github.com/streamcat/streamcat/internal/ugc"
)

// Deps is what a Server is made of.
type Deps struct {
	DB       *store.DB
	Channels ugc.Channels // an *ivs.Client
	Rooms    ugc.Rooms    // an *ivschat.Client
	Stages   ugc.Stages   // an *ivsrealtime.Client
	Engine   ugc.Engine   // an *ugc.EngineClient; nil where there is no /engine/v1
	Sealer   ugc.Sealer   // an *auth.Keyring: keeps participant tokens; without one nobody gets a place on a stage

	ReviewHandler string // ARN that the app's chat rooms name as their review handler; "": nobody reviews them

	HookSecret   string // what /hooks/* demands; "whsec_…" for keys in the form of Standard Webhooks
	AppTag       string // value of the tag "project" on all that the app makes
	PublicURL    string // where people reach the app: scheme and host
	IngestServer string // what the dashboard shows, such as "rtmp://host:1935/app/"; "" asks the channel
	ChatEndpoint string // WebSocket address of the chat rooms
	WhipEndpoint string // where browsers send broadcasts to channels by WHIP; "" where that is not possible

	// MediaOrigins are further origins that playlists and parts come from, such as Amazon's; the origin
	// of PublicURL and the page's own are always allowed.
	MediaOrigins []string

	// TrustedProxies are those whose X-Forwarded-For tells where a request comes from. Without them it is
	// never read, and everybody behind a proxy is one client.
	TrustedProxies []netip.Prefix

	Log        *slog.Logger
	Registerer prometheus.Registerer // may be nil
	Now        func() time.Time      // time.Now when nil
}

// Server serves the web app. It is safe for concurrent use.
type Server struct {
	Deps
	app      *ugc.App
	sessions *scs.SessionManager
	pages    *pages
	live     *hub
	signIns  *throttle
	seats    *throttle
	checks   *throttle
	chats    *throttle
	api      *http.ServeMux
	handler  http.Handler
	secure   bool // people reach the app by https
	strict   bool // and never by anything else: browsers are told to remember that
	metrics  *metrics

	stop    context.CancelFunc
	running sync.WaitGroup
}

// New makes a Server. It answers at once; Start brings it up to date and keeps it so.
func New(d Deps) *Server {
	if d.Now == nil {
		d.Now = time.Now
	}
	if d.Log == nil {
		d.Log = slog.New(slog.DiscardHandler)
	}
	s := &Server{Deps: d, secure: strings.HasPrefix(d.PublicURL, "https://"), strict: onlyHTTPS(d.PublicURL), metrics: newMetrics(d.Registerer), stop: func() {}}
	s.app = ugc.New(ugc.Deps{
		DB: d.DB, Channels: d.Channels, Rooms: d.Rooms, Stages: d.Stages, Engine: d.Engine, Tag: d.AppTag, Sealer: d.Sealer, ReviewHandler: d.ReviewHandler,
		Log: d.Log, Registerer: d.Registerer, Now: d.Now,
	})
	s.sessions = newSessions(d.DB.App(), d.Now, s.secure)
	s.pages = newPages(s.app, builtFrontEnd())
	s.live = newHub(s.app, origin(d.PublicURL), d.TrustedProxies, d.Log, s.metrics)
	s.signIns = newThrottle(d.TrustedProxies, d.Now, signInRates)
	s.seats = newThrottle(d.TrustedProxies, d.Now, seatRates)
	s.checks = newThrottle(d.TrustedProxies, d.Now, checkRates)
	s.chats = newThrottle(d.TrustedProxies, d.Now, chatRates)
	s.api = s.routes()

	root := http.NewServeMux()
	root.Handle("/api/", s.protect(s.withSession(http.HandlerFunc(s.serveAPI))))
	root.Handle("GET /api/live", s.live)
	root.HandleFunc("POST /hooks/events", s.serveEvents)
	root.HandleFunc("POST /hooks/chat-review", s.serveReview)
	root.Handle("/", s.pages)
	s.handler = s.withHeaders(root)
	return s
}

// ServeHTTP answers for the app's pages, /api and /hooks.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.handler.ServeHTTP(w, r) }

const (
	startPatience = 10 * time.Second
	purgeEvery    = time.Hour
	streamsFor    = 60 * 24 * time.Hour // as long as IVS tells of a channel's streams
	chattersFor   = 7 * 24 * time.Hour  // who asked for a chat token, and from what marks
	chatLogFor    = 90 * 24 * time.Hour // what moderators did
	stageFor      = 7 * 24 * time.Hour  // tokens and invitations that ended
)

// Start brings the app in step with the services, and keeps it so until Shutdown. The services must
// answer by now; if they do not, the app stays not ready and tries again by itself.
func (s *Server) Start(ctx context.Context) error {
	first, cancel := context.WithTimeout(ctx, startPatience)
	defer cancel()
	if err := s.app.Prepare(first); err != nil {
		s.Log.WarnContext(ctx, "the web app could not catch up with the services; it tries again", "ready", s.app.Ready(), "err", err)
	}
	run, stop := context.WithCancel(context.WithoutCancel(ctx))
	s.stop = stop
	s.running.Go(func() { s.app.Run(run) })
	s.running.Go(func() { s.purge(run) })
	return nil
}

func (s *Server) purge(ctx context.Context) {
	tick := time.NewTicker(purgeEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			if err := s.purgeOnce(ctx); err != nil && ctx.Err() == nil {
				s.Log.WarnContext(ctx, "expired sessions, old streams and old invitations could not be removed", "err", err)
			}
		}
	}
}

func (s *Server) purgeOnce(ctx context.Context) error {
	_, err := s.DB.App().TrimStreams(ctx, s.Now().Add(-streamsFor))
	err = errors.Join(err, s.DB.App().PurgeChat(ctx, s.Now(), s.Now().Add(-chattersFor), s.Now().Add(-chatLogFor)))
	return errors.Join(err, s.DB.App().PurgeSessions(ctx, s.Now()), s.DB.App().PurgeStage(ctx, s.Now().Add(-stageFor)))
}

// Shutdown ends the live feed and what Start began, and waits for it until ctx ends.
func (s *Server) Shutdown(ctx context.Context) error {
	s.stop()
	s.live.shutdown()
	done := make(chan struct{})
	go func() {
		s.running.Wait()
		s.live.wait()
		close(done)
	}()
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// onlyHTTPS says whether a browser may be told to use nothing but https:// for that host (RFC 6797). With a port of
// its own it may not: the rule is for all ports of a host, and what else listens there is not ours to know.
func onlyHTTPS(address string) bool {
	u, err := url.Parse(address)
	return err == nil && u.Scheme == "https" && (u.Port() == "" || u.Port() == "443")
}

// origin gives scheme and host of a URL, or "".
func origin(address string) string {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" {
		return ""
	}
	return u.Scheme + "://" + u.Host
}

type metrics struct {
	requests *prometheus.CounterVec
	sockets  prometheus.Gauge
	dropped  prometheus.Counter
	refused  *prometheus.CounterVec
}

func newMetrics(r prometheus.Registerer) *metrics {
	m := &metrics{
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "streamcat_site_requests_total", Help: "Requests to the web app's API, by route and status.",
		}, []string{"route", "code"}),
		sockets: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "streamcat_site_live_sockets", Help: "Open sockets of the live feed.",
		}),
		dropped: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "streamcat_site_live_dropped_total", Help: "Sockets of the live feed closed because they read too slowly.",
		}),
		refused: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "streamcat_site_live_refused_total",
			Help: "Sockets of the live feed turned away: there were too many (full), or too many from their network (network).",
		}, []string{"reason"}),
	}
	if r != nil {
		r.MustRegister(m.requests, m.sockets, m.dropped, m.refused)
	}
	return m
}
