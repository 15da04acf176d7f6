package bus_test

import (
	"log/slog"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"

	"github.com/streamcat/streamcat/internal/bus"
	"github.com/streamcat/streamcat/internal/fault"
)

// listen runs a NATS server of its own, as an operator would, until stop.
func listen(t *testing.T, port int) (s *server.Server, stop func()) {
	t.Helper()
	s, err := server.NewServer(&server.Options{Host: "127.0.0.1", Port: port, NoSigs: true, NoLog: true})
	check(t, err)
	s.Start()
	if !s.ReadyForConnections(20 * time.Second) {
		t.Fatal("the server did not start")
	}
	stop = func() { s.Shutdown(); s.WaitForShutdown() }
	t.Cleanup(stop)
	return s, stop
}

func dial(t *testing.T, url string, log *slog.Logger) *bus.Bus {
	t.Helper()
	b, err := bus.Open(t.Context(), bus.Options{URL: url, Name: "n", Log: log})
	check(t, err)
	t.Cleanup(func() { closeBus(t, b) })
	return b
}

func TestNodesHearEachOtherThroughACluster(t *testing.T) {
	s, _ := listen(t, server.RANDOM_PORT)
	quiet := slog.New(slog.DiscardHandler)
	a, b := dial(t, s.ClientURL(), quiet), dial(t, s.ClientURL(), quiet)
	got := make(chan string, 1)
	_, err := a.Subscribe("room.x", func(m bus.Message) { got <- string(m.Data) })
	check(t, err)
	check(t, a.Flush(t.Context())) // the other node's messages come from now on
	check(t, b.Publish("room.x", []byte("hello")))
	if text := within(t, got); text != "hello" {
		t.Errorf("got %q", text)
	}
	if _, err := a.KV(t.Context(), "lease", time.Minute); fault.Of(err) != fault.Unavailable {
		t.Errorf("keys of a cluster without JetStream: %v", err)
	}
}

func TestConnectionIsMadeAgainAfterTheClusterWasAway(t *testing.T) {
	s, stop := listen(t, server.RANDOM_PORT)
	said := make(chan string, 100)
	b := dial(t, s.ClientURL(), slog.New(slog.NewTextHandler(writer(func(p []byte) { said <- string(p) }), nil)))
	got := make(chan string, 1)
	_, err := b.Subscribe("s", func(m bus.Message) { got <- string(m.Data) })
	check(t, err)
	check(t, b.Flush(t.Context()))
	if !b.Healthy() {
		t.Error("connected and not healthy")
	}
	port := s.Addr().(*net.TCPAddr).Port
	stop()
	for !strings.Contains(within(t, said), "connection lost") {
	}
	if b.Healthy() {
		t.Error("the cluster is away and the bus healthy")
	}
	listen(t, port)
	for !strings.Contains(within(t, said), "connected again") {
	}
	check(t, b.Publish("s", []byte("back")))
	if text := within(t, got); text != "back" || !b.Healthy() {
		t.Errorf("got %q, healthy: %v", text, b.Healthy())
	}
}
