package bus

import (
	"errors"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats-server/v2/server"
)

// Limits of the embedded server. It carries wake-ups, chat and leases, not media.
const (
	maxMemory  = 64 << 20
	maxStore   = 1 << 30
	maxPayload = 1 << 20
)

// startServer starts NATS in this process. It listens nowhere: only this process can connect.
func startServer(o Options) (*server.Server, error) {
	if o.Dir == "" {
		return nil, errors.New("no directory is given")
	}
	s, err := server.NewServer(&server.Options{
		ServerName:             o.Name,
		DontListen:             true,
		NoSigs:                 true,
		DisableJetStreamBanner: true,
		MaxPayload:             maxPayload,
		JetStream:              true,
		JetStreamMaxMemory:     maxMemory,
		JetStreamMaxStore:      maxStore,
		StoreDir:               o.Dir,
	})
	if err != nil {
		return nil, err
	}
	log := &serverLog{log: o.Log}
	s.SetLoggerV2(log, false, false, false)
	s.Start()
	why := log.fatal.Load()
	if why == nil && s.ReadyForConnections(20*time.Second) && s.JetStreamEnabled() {
		return s, nil
	}
	s.Shutdown()
	s.WaitForShutdown()
	if why != nil {
		return nil, errors.New(*why)
	}
	return nil, errors.New("it did not become ready")
}

// serverLog hands the embedded server's log on. Its notices tell of starting and stopping: of interest
// only to who looks for a fault.
type serverLog struct {
	log   *slog.Logger
	fatal atomic.Pointer[string] // why it gave up
}

func (l *serverLog) Noticef(format string, v ...any) {
	l.log.Debug("nats: " + fmt.Sprintf(format, v...))
}

func (l *serverLog) Warnf(format string, v ...any) { l.log.Warn("nats: " + fmt.Sprintf(format, v...)) }

func (l *serverLog) Errorf(format string, v ...any) {
	l.log.Error("nats: " + fmt.Sprintf(format, v...))
}
func (l *serverLog) Debugf(string, ...any) {}
func (l *serverLog) Tracef(string, ...any) {}

// Fatalf is called instead of ending the process.
func (l *serverLog) Fatalf(format string, v ...any) {
	why := fmt.Sprintf(format, v...)
	l.fatal.Store(&why)
}
