package engine

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/streamcat/streamcat/internal/api"
	"github.com/streamcat/streamcat/internal/arn"
	"github.com/streamcat/streamcat/internal/auth"
	"github.com/streamcat/streamcat/internal/bus"
	"github.com/streamcat/streamcat/internal/channel"
	"github.com/streamcat/streamcat/internal/cluster"
	"github.com/streamcat/streamcat/internal/fault"
	"github.com/streamcat/streamcat/internal/hook"
	"github.com/streamcat/streamcat/internal/ingest"
	"github.com/streamcat/streamcat/internal/ivs"
	"github.com/streamcat/streamcat/internal/ivschat"
	"github.com/streamcat/streamcat/internal/ivsrealtime"
	"github.com/streamcat/streamcat/internal/media"
	"github.com/streamcat/streamcat/internal/plus"
	"github.com/streamcat/streamcat/internal/room"
	"github.com/streamcat/streamcat/internal/site"
	"github.com/streamcat/streamcat/internal/stage"
	"github.com/streamcat/streamcat/internal/store"
	"github.com/streamcat/streamcat/internal/transcode"
)

// build opens, binds and wires everything. Parts are added in the order of starting; read backwards it
// is the order of stopping: streams first, the database last.
func (e *Engine) build(ctx context.Context) error {
	cfg, log := &e.cfg, e.log
	e.add("data directory", nil, e.removeEphemeral)
	lock, err := lockDataDir(cfg.DataDir)
	if err != nil {
		return err
	}
	e.add("lock", nil, func(context.Context) error { return lock.Close() })
	node, err := nodeName(cfg.DataDir)
	if err != nil {
		return err
	}

	// Substances: the keyring, the database, the bus.
	ring, err := auth.OpenKeyring(filepath.Join(cfg.DataDir, "keys"))
	if err != nil {
		return err
	}
	db, err := store.Open(ctx, cfg.databaseURL(), store.Options{Log: log})
	if err != nil {
		return fmt.Errorf("open the database: %w", err)
	}
	e.add("database", nil, func(context.Context) error { return db.Close() })
	messages, err := bus.Open(ctx, bus.Options{URL: cfg.NATSURL, Dir: filepath.Join(cfg.DataDir, "nats"), Name: node, Log: log})
	if err != nil {
		return fmt.Errorf("open the message bus: %w", err)
	}
	e.add("message bus", nil, messages.Close)

	// Listeners are bound before anything needs to know an address, and serve later.
	adminLn, err := e.listen("admin-addr", cfg.AdminAddr)
	if err != nil {
		return err
	}
	e.serveHTTP("admin listener", adminLn, e.newHTTP("admin listener", admin(e.reg)))
	httpLn, err := e.listen("http-addr", cfg.HTTPAddr)
	if err != nil {
		return err
	}
	e.add("http listener", nil, closing(httpLn))
	rtmpLn, err := e.listen("rtmp-addr", cfg.RTMPAddr)
	if err != nil {
		return err
	}
	e.add("rtmp listener", nil, closing(rtmpLn))
	srtLn, err := e.listenSRT()
	if err != nil {
		return err
	}
	mediaUDP, mediaTCP, err := listenBoth("webrtc-addr", cfg.WebRTCAddr)
	if err != nil {
		return err
	}
	e.add("webrtc port", nil, func(context.Context) error { // the server of the port closes it, too, if it came so far
		mediaUDP.Close()
		mediaTCP.Close()
		return nil
	})
	secure, err := e.openTLS(httpLn.Addr())
	if err != nil {
		return err
	}
	e.addr = Addresses{HTTP: httpLn.Addr().String(), RTMP: rtmpLn.Addr().String(), SRT: srtLn.Addr().String(), WebRTC: mediaTCP.Addr().String(), Admin: adminLn.Addr().String()}
	e.addr.URL = publicURL(cfg.PublicURL, "http://"+reachable(e.addr.HTTP))
	if secure != nil {
		e.addr.HTTPS = secure.ln.Addr().String()
		e.addr.URL = publicURL(cfg.PublicURL, secure.url())
	}
	relay, err := e.openTURN(ring)
	if err != nil {
		return err
	}
	ingestHost := e.addr.ingestHost()
	e.addr.Ingest = e.addr.ingestServer()
	if cfg.PublicURL == "" && onlyHere(e.addr.URL) && !loopback(cmp.Or(e.addr.HTTPS, e.addr.HTTP)) {
		log.Warn("public-url is not set: other machines are sent to an address that is only good on this one", "url", e.addr.URL)
	}

	proxies, err := cfg.trustedProxies()
	if err != nil {
		return err
	}
	clientAddr := site.ClientAddr(proxies)
	var country func(netip.Addr) string
	if cfg.GeoIPFile != "" {
		geo, err := openCountries(cfg.GeoIPFile, log.With("part", "countries"))
		if err != nil {
			return &BadConfig{"geoip-file", err.Error()}
		}
		country = geo.of
		e.runPart("country file", geo.run)
	}

	// The live things.
	sockets := "ws" + strings.TrimPrefix(e.addr.URL, "http")
	minter := arn.Minter{Region: cfg.Region, Account: cfg.AccountID}
	directory := ivs.NewDirectory(db, ring, minter)
	maxStreams, maxViewers := cfg.liveLimits()
	enforced := cfg.InsecureIngest == "enforce" || secure != nil
	if !enforced {
		log.Info("without TLS, RTMP and SRT are accepted unencrypted for every channel (insecure-ingest: auto)")
	}
	slates := transcode.NewSlates(e.ffmpeg.Load, log.With("part", "slate"))
	e.add("slates", nil, slates.Close)
	e.channels = channel.NewManager(channel.Deps{
		Directory: directory, Viewers: directory, ClientAddr: clientAddr, Country: country, Sealer: ring, DB: db, Bus: messages, Minter: minter, Node: node,
		Log: log.With("part", "channel"), Registerer: e.reg, EnforceSecureIngest: enforced, ExceptLoopback: cfg.InsecureIngest == "auto",
		MaxStreams: maxStreams, MaxViewers: maxViewers, LimitIngest: cfg.awsLimits(), Reconnect: cfg.reconnect(), Slates: slates,
		Pasts: filepath.Join(cfg.DataDir, "playlists"),
	})
	e.add("stream sessions", e.channels.Recover, nil)
	seats, err := auth.NewSeats(ring)
	if err != nil {
		return err
	}
	stages, err := stage.NewManager(stage.Deps{
		Directory: ivsrealtime.NewDirectory(db, ring, minter), DB: db, Bus: messages, Minter: minter, Seats: seats, Node: node,
		EventsURL: sockets + "/stage-events", WhipURL: e.addr.URL + "/whip",
		Log: log.With("part", "stage"), Registerer: e.reg, Encoders: e.encoderRules(enforced),
	})
	if err != nil {
		return err
	}
	e.add("stage sessions", stages.Recover, nil)
	passes := auth.NewChatPasses(ring)
	blobs, err := e.openBlobs()
	if err != nil {
		return err
	}
	chats := ivschat.NewDirectory(db, minter)
	record, err := e.openChatLog(ctx, db, blobs, chats)
	if err != nil {
		return err
	}
	var member *cluster.Node
	if !messages.Alone() {
		if member, err = cluster.Join(ctx, cluster.Options{Bus: messages, Log: log.With("part", "cluster")}); err != nil {
			return fmt.Errorf("nats-url: %w", err)
		}
	}
	secret, err := ensureHookSecret(ctx, db, ring, cfg.HookSecret)
	if err != nil {
		return fmt.Errorf("hook secret: %w", err)
	}
	var web *site.Server // made below; nobody chats before everything is
	reviews, err := e.newReviews(ctx, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { web.ServeHTTP(w, r) }), secret)
	if err != nil {
		return err
	}
	rooms, err := room.NewManager(room.Deps{
		Directory: chats, Recorder: record, DB: db, Bus: messages, Passes: passes,
		Log: log.With("part", "room"), Registerer: e.reg, Node: node, Cluster: member, LimitsOff: cfg.ChatLimits == "off", History: cfg.chatHistory(),
		Reviewer: reviews, ClientAddr: clientAddr,
	})
	if err != nil {
		return err
	}
	e.add("rooms", nil, rooms.Shutdown)

	// The API.
	keys := newAccessKeys(db, ring, cfg, time.Now, log.With("part", "access keys"))
	e.runPart("access keys", keys.writeUses)
	if e.root, err = keys.ensureRoot(ctx, credentials{cfg.RootAccessKeyID, cfg.RootSecretAccessKey}); err != nil {
		return fmt.Errorf("root access key: %w", err)
	}
	if e.credentialsFile, err = writeCredentials(cfg.DataDir, cfg.Region, e.root); err != nil {
		return err
	}
	auditLog := store.NewAuditLog(db) // one for both APIs: whoever waits writes for all
	mux := api.NewMux(api.Deps{
		Verifier: &auth.SigV4{Region: cfg.Region, Services: []string{"ivs", "ivschat"}, Secrets: keys, Used: keys.noteUse},
		Log:      log.With("part", "api"), Registerer: e.reg,
		ClientAddr: clientAddr, Tags: db, Audit: auditLog, Rates: cfg.awsLimits(),
	})
	mux.Handle(api.IVS, ivs.NewService(ivs.Deps{
		DB: db, Minter: minter, Keyring: ring, Live: e.channels, Quotas: cfg.quotas(),
		Endpoints: ivs.Endpoints{Ingest: ingestHost, SRT: srtEndpoint(e.addr.URL, e.addr.SRT), Playback: e.addr.URL},
	}).Routes()...)
	mux.Handle(api.IVSRealTime, ivsrealtime.NewService(ivsrealtime.Deps{
		DB: db, Minter: minter, Seats: seats, Keyring: ring, Live: stages, Compositor: stages, Replicator: stages, Quotas: cfg.quotas(),
		Endpoints: ivsrealtime.Endpoints{Events: sockets + "/stage-events", Whip: e.addr.URL + "/whip", Rtmp: "rtmp://" + publicHost(e.addr.URL, e.addr.RTMP) + "/app/", Rtmps: e.addr.rtmps()},
	}).Routes()...)
	mux.Handle(api.IVSChat, ivschat.NewService(ivschat.Deps{
		DB: db, Minter: minter, Passes: passes, Rooms: rooms, Log: log.With("part", "ivschat"), Quotas: cfg.quotas(),
	}).Routes()...)

	// The web app, and the events it hears.
	appKey, err := keys.ensureApp(ctx)
	if err != nil {
		return fmt.Errorf("the web app's access key: %w", err)
	}
	plusAPI := e.newPlus(db, messages, ring, keys, auditLog, rooms, clientAddr)
	self := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasPrefix(r.URL.Path, plus.Prefix) {
			plusAPI.ServeHTTP(w, r)
			return
		}
		mux.ServeHTTP(w, r)
	})
	sdk, err := newClients(ctx, cfg, self, e.addr.URL, appKey)
	if err != nil {
		return err
	}
	web = site.New(site.Deps{
		DB: db, Channels: sdk.channels, Rooms: sdk.rooms, Stages: sdk.stages, Engine: sdk.engine, Sealer: ring, HookSecret: secret, AppTag: cfg.AppTag, ReviewHandler: cfg.appReviewHandler(),
		TrustedProxies: proxies, PublicURL: e.addr.URL, IngestServer: e.ingestServer(), ChatEndpoint: e.chatEndpoint(sockets),
		WhipEndpoint: e.whipEndpoint(), MediaOrigins: e.mediaOrigins(),
		Log: log.With("part", "site"), Registerer: e.reg,
	})
	e.add("web app", web.Start, web.Shutdown)
	if cfg.IVSEndpoint == "" {
		deliver := hook.New(hook.Deps{
			DB: db, Bus: messages, Consumer: appConsumer, Account: cfg.AccountID, Region: cfg.Region,
			Target: inProcessHook(web, secret), Log: log.With("part", "hook"), Registerer: e.reg,
		})
		e.runPart("event delivery", deliver.Run)
	} else if err := db.ForgetEventCursor(ctx, appConsumer); err != nil { // events need not be kept for it
		return err
	}

	e.runPart("retention", func(ctx context.Context) error { return forget(ctx, db, cfg.retention(), log) })

	var looking sync.WaitGroup
	e.add("ffmpeg", func(context.Context) error {
		looking.Go(e.findFFmpeg)
		return nil
	}, func(context.Context) error {
		looking.Wait()
		return nil
	})

	// The doors.
	realtime, err := e.newRTC(mediaUDP, mediaTCP, stages, clientAddr, relay)
	if err != nil {
		return err
	}
	configurator := &channel.Configurator{
		Directory: directory, Endpoints: e.addr.encoderEndpoints(), EnforceSecureIngest: enforced, ExceptLoopback: cfg.InsecureIngest == "auto",
		ClientAddr: clientAddr, Log: log.With("part", "channel"),
	}
	e.front = &front{api: mux, plus: plusAPI, chat: rooms, stages: stages, rtc: realtime.Door(), playback: e.channels, encoders: configurator, site: web, ready: func(r *http.Request) error {
		ctx, cancel := context.WithTimeout(r.Context(), 2*time.Second)
		defer cancel()
		if err := db.Ping(ctx); err != nil {
			return errors.New("the database does not answer")
		}
		if !messages.Healthy() {
			return errors.New("the message bus is not connected")
		}
		return nil
	}}
	plain := http.Handler(e.front)
	if secure != nil {
		e.front.upgrade = upgradeTo(e.addr.URL, proxies)
		if secure.acme != nil {
			plain = secure.acme.Challenges(plain)
		}
	}
	e.serveHTTP("http server", httpLn, e.newHTTP("http server", plain))
	rtmp := ingest.NewRTMP(ingest.RTMPDeps{Gates: []media.Gate{stages.RTMP(), e.channels}, MaxPerIP: 1024, Log: log.With("part", "rtmp"), Registerer: e.reg})
	var serving sync.WaitGroup
	e.add("rtmp server", func(context.Context) error {
		serving.Go(func() {
			if err := rtmp.Serve(rtmpLn); !errors.Is(err, ingest.ErrServerClosed) {
				e.fail("rtmp server", err)
			}
		})
		return nil
	}, func(ctx context.Context) error {
		defer serving.Wait()
		return rtmp.Shutdown(ctx)
	})
	if secure != nil {
		e.serveTLS(secure, e.front, rtmp, relay)
	}
	e.serveSRT(srtLn, directory, e.channels)
	e.add("webrtc sessions", nil, realtime.Shutdown)
	e.add("stages", nil, stages.Shutdown)
	e.add("streams", nil, func(ctx context.Context) error {
		// Not all the time there is: whoever stops after them wants some, too.
		ctx, cancel := context.WithTimeout(ctx, 8*time.Second)
		defer cancel()
		return e.channels.Close(ctx)
	})
	return nil
}

// runPart adds a part that is one function, running until its context ends.
func (e *Engine) runPart(name string, run func(context.Context) error) {
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	e.add(name, func(context.Context) error {
		running.Go(func() {
			if err := run(ctx); err != nil && ctx.Err() == nil {
				e.fail(name, err)
			}
		})
		return nil
	}, func(context.Context) error {
		cancel()
		running.Wait()
		return nil
	})
}

// appConsumer is the web app as a reader of the outbox.
const appConsumer = "web app"

// closing stops a listener that may never have served; closing it twice is no error.
func closing(ln net.Listener) func(context.Context) error {
	return func(context.Context) error {
		ln.Close()
		return nil
	}
}

// inProcessHook posts envelopes to the web app's own door without a socket, with the secret that anybody
// else would need.
func inProcessHook(web http.Handler, secret string) func(context.Context, []byte) error {
	return func(ctx context.Context, envelope []byte) error {
		r, err := http.NewRequestWithContext(ctx, http.MethodPost, "/hooks/events", bytes.NewReader(envelope))
		if err != nil {
			return err
		}
		r.RemoteAddr = "127.0.0.1:0"
		r.Header.Set("Content-Type", "application/json")
		r.Header.Set("Authorization", "Bearer "+secret)
		w := httptest.NewRecorder()
		web.ServeHTTP(w, r)
		switch {
		case w.Code == http.StatusNoContent:
			return nil
		case w.Code == http.StatusBadRequest:
			return fault.InvalidInput("the web app cannot read this event")
		}
		return fmt.Errorf("the web app answered %d", w.Code)
	}
}

// nodeName gives the name that this data directory keeps: what a crashed process left open is found by it.
func nodeName(dir string) (string, error) {
	path := filepath.Join(dir, "node")
	name, err := os.ReadFile(path)
	if err == nil && len(name) > 0 {
		return strings.TrimSpace(string(name)), nil
	}
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return "", err
	}
	fresh := "node-" + arn.NewID(8)
	return fresh, writeFile(path, []byte(fresh+"\n"), 0o600)
}
