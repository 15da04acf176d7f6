// Package cluster says which nodes live, and which of them owns what.
//
// A node that has joined keeps a key of its own alive; a thing is owned by who wrote its name last, for as
// long as that node's key lives. So it costs one write a second and node to keep any number of leases, and when
// a node dies all of them end within a term, three seconds.
//
// Each lease has an epoch, larger than that of every lease of the same thing before. A holder asks [Node.Holds]
// before it acts. That is no lock: a process may be stopped between asking and acting, so what an owner
// does must carry its epoch, and who takes over must see to it that earlier ones do not count any more.
//
// Nodes also call each other here, by address.
package cluster

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/streamcat/streamcat/internal/arn"
	"github.com/streamcat/streamcat/internal/bus"
	"github.com/streamcat/streamcat/internal/fault"
)

const (
	term     = 3 * time.Second
	keepFor  = 10 * time.Minute // names of owners; holders renew them
	patience = time.Second      // for the bus to answer
)

// Options say what to join. Bus must be given.
type Options struct {
	Bus  *bus.Bus
	Log  *slog.Logger  // nil: slog.Default()
	Term time.Duration // for how long a node that is not heard of counts as living, the same on all nodes; 0: 3 seconds
}

// Node is this process as a member of the cluster. It is safe for concurrent use.
type Node struct {
	bus     *bus.Bus
	log     *slog.Logger
	address string
	nodes   *bus.KV
	leases  *bus.KV
	length  time.Duration // of a term

	stop context.CancelFunc
	done chan struct{}

	mu       sync.Mutex
	term     string    // name of the time since which the node lives without a break; "": it does not
	until    time.Time // when it ends unless it is renewed; by the clock that cannot be set
	revision uint64    // of the node's key; of the goroutine that keeps it alone
	subs     []*bus.Sub
}

// Join makes this process a member, under an address that nobody had before; Leave ends that. It is an
// Unavailable fault if the bus has no JetStream.
func Join(ctx context.Context, o Options) (*Node, error) {
	n := &Node{bus: o.Bus, log: o.Log, length: o.Term, address: arn.NewID(12), done: make(chan struct{})}
	if n.length == 0 {
		n.length = term
	}
	if n.log == nil {
		n.log = slog.Default()
	}
	var err error
	if n.nodes, err = o.Bus.KV(ctx, "node", n.length); err != nil {
		return nil, err
	}
	if n.leases, err = o.Bus.KV(ctx, "lease", keepFor); err != nil {
		return nil, err
	}
	if err := n.renew(ctx); err != nil {
		return nil, fmt.Errorf("join the cluster: %w", err)
	}
	life, stop := context.WithCancel(context.Background())
	n.stop = stop
	go n.live(life)
	return n, nil
}

// Address is how other nodes call this one.
func (n *Node) Address() string { return n.address }

// live renews the node's key until ctx ends.
func (n *Node) live(ctx context.Context) {
	defer close(n.done)
	tick := time.NewTicker(n.length / 4)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		if err := n.renew(ctx); err != nil && ctx.Err() == nil {
			n.log.Warn("cluster: this node's membership was not renewed", "error", err)
		}
	}
}

// renew writes the node's key. A key that was not renewed in time was lost, and all leases with it: then a new
// term begins.
func (n *Node) renew(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	now := time.Now()
	n.mu.Lock()
	if now.After(n.until) {
		n.term = ""
	}
	term := n.term
	n.mu.Unlock()
	var err error
	if term != "" {
		if n.revision, err = n.nodes.Update(ctx, n.address, []byte(term), n.revision); fault.Of(err) == fault.Conflict {
			term = ""
		}
	}
	if term == "" {
		term = arn.NewID(12)
		n.revision, err = n.nodes.Put(ctx, n.address, []byte(term))
	}
	if err != nil {
		return err
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	n.term, n.until = term, now.Add(n.length*5/6) // a holder stops before others may begin
	return nil
}

// current gives the term, "" if this node does not count as living.
func (n *Node) current() string {
	n.mu.Lock()
	defer n.mu.Unlock()
	if time.Now().After(n.until) {
		return ""
	}
	return n.term
}

// Leave gives up all leases at once and ends calls. The caller acts on no lease any more.
func (n *Node) Leave(ctx context.Context) error {
	n.stop()
	<-n.done
	n.mu.Lock()
	n.until = time.Time{}
	subs := n.subs
	n.subs = nil
	n.mu.Unlock()
	for _, s := range subs {
		s.Close()
	}
	if !n.bus.Healthy() {
		return nil // the term runs out
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	return n.nodes.Delete(ctx, n.address, 0)
}

// Members gives the addresses of all nodes that live, this one included.
func (n *Node) Members(ctx context.Context) ([]string, error) { return n.nodes.Keys(ctx) }

// Lease says who owns a thing. The zero value: nobody.
type Lease struct {
	Owner string // address
	Epoch uint64 // from 1 on
	Term  string // of the owner

	revision uint64
}

// Look gives a thing's lease, and whether its owner lives.
func (n *Node) Look(ctx context.Context, thing string) (l Lease, alive bool, err error) {
	e, err := n.leases.Get(ctx, thing)
	if fault.Of(err) == fault.NotFound {
		return Lease{}, false, nil
	} else if err != nil {
		return Lease{}, false, err
	}
	if err := json.Unmarshal(e.Value, &l); err != nil {
		return Lease{}, false, fmt.Errorf("read the lease of %s: %w", thing, err)
	}
	l.revision = e.Revision
	owner, err := n.nodes.Get(ctx, l.Owner)
	if fault.Of(err) == fault.NotFound {
		return l, false, nil
	}
	return l, err == nil && string(owner.Value) == l.Term, err
}

// Take makes this node a thing's owner, after last, with an epoch above the given one and last's. It is a
// Conflict if somebody else took it since.
func (n *Node) Take(ctx context.Context, thing string, last Lease, above uint64) (Lease, error) {
	l := Lease{Owner: n.address, Epoch: max(last.Epoch, above) + 1, Term: n.current()}
	if l.Term == "" {
		return Lease{}, fault.Down("this node has lost the cluster")
	}
	value, err := json.Marshal(l)
	if err != nil {
		return Lease{}, err
	}
	if last.revision == 0 {
		l.revision, err = n.leases.Create(ctx, thing, value)
	} else {
		l.revision, err = n.leases.Update(ctx, thing, value, last.revision)
	}
	return l, err
}

// Renew keeps the name of an owner; a holder does so every few minutes.
func (n *Node) Renew(ctx context.Context, thing string, l Lease) (Lease, error) {
	value, err := json.Marshal(l)
	if err != nil {
		return l, err
	}
	revision, err := n.leases.Update(ctx, thing, value, l.revision)
	if err == nil {
		l.revision = revision
	}
	return l, err
}

// Release gives a lease up. One that was lost already is no error.
func (n *Node) Release(ctx context.Context, thing string, l Lease) error {
	err := n.leases.Delete(ctx, thing, l.revision)
	if fault.Of(err) == fault.Conflict {
		return nil
	}
	return err
}

// Holds says whether a lease that this node took is in force now.
func (n *Node) Holds(l Lease) bool {
	return l.Term != "" && l.Owner == n.address && n.current() == l.Term
}

func subject(address, service string) string { return "owner." + address + "." + service }

// Serve answers the calls of other nodes to a service, one after the other. Their data and the answers are
// less than a megabyte.
func (n *Node) Serve(service string, answer func(data []byte) []byte) error {
	sub, err := n.bus.Subscribe(subject(n.address, service), func(m bus.Message) {
		if err := m.Respond(answer(m.Data)); err != nil && fault.Of(err) != fault.Unavailable {
			n.log.Warn("cluster: a call was not answered", "service", service, "error", err)
		}
	})
	if err != nil {
		return err
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	n.subs = append(n.subs, sub)
	return nil
}

// Call asks a node and waits for its answer, a second at most. It is an Unavailable fault if there is no such
// node, or none that answers.
func (n *Node) Call(ctx context.Context, address, service string, data []byte) ([]byte, error) {
	if !n.bus.Healthy() {
		return nil, fault.Down("the bus is not available")
	}
	short, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	answer, err := n.bus.Request(short, subject(address, service), data)
	if errors.Is(err, context.DeadlineExceeded) && ctx.Err() == nil {
		return nil, fault.Down("the node does not answer")
	}
	return answer, err
}
