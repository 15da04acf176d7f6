package site

import (
	"container/list"
	"math"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"github.com/streamcat/streamcat/internal/fault"
)

// throttle bounds how often somebody may try something: by address, and much tighter by address and name
// together. It remembers a bounded number of pairs and forgets the longest unused;
// an address that tries many names runs into its own limit long before it can make it forget.
type throttle struct {
	clients clients
	now     func() time.Time
	rates   rates

	mu    sync.Mutex
	known map[string]*list.Element
	order *list.List // of *bucket, the last used in front
}

type bucket struct {
	key   string
	limit *rate.Limiter
}

// rates are how much a throttle lets pass: so many at once, and one more each so often.
type rates struct {
	addressEvery time.Duration
	addressBurst int
	pairEvery    time.Duration
	pairBurst    int
}

const (
	addressEvery, addressBurst = time.Second, 60
	pairEvery, pairBurst       = 10 * time.Second, 8
	maxBuckets                 = 20_000
)

var (
	// signInRates are for tries to sign in or register.
	signInRates = rates{addressEvery, addressBurst, pairEvery, pairBurst}
	// seatRates are for what has a token made or an event sent. Many viewers may share one address.
	seatRates = rates{addressEvery: 100 * time.Millisecond, addressBurst: 300, pairEvery: 2 * time.Second, pairBurst: 30}
	// chatRates are for chat tokens: clients that lost their connection ask again at once, and a crowd may share an address.
	chatRates = rates{addressEvery: 50 * time.Millisecond, addressBurst: 600, pairEvery: time.Second, pairBurst: 60}
	// checkRates are for checks of a connection, which need no account: an office, but not a crowd.
	checkRates = rates{addressEvery: 10 * time.Second, addressBurst: 12, pairEvery: 10 * time.Second, pairBurst: 12}
)

func newThrottle(c clients, now func() time.Time, r rates) *throttle {
	return &throttle{clients: c, now: now, rates: r, known: map[string]*list.Element{}, order: list.New()}
}

// admit lets an attempt pass or refuses it with a Throttled fault and a Retry-After header. forgive
// takes the attempt back from the pair's account, when it turned out to be rightful.
func (t *throttle) admit(w http.ResponseWriter, r *http.Request, name string) (forgive func(), err error) {
	address := t.clients.network(r)
	if len(name) > 64 {
		name = name[:64] // cannot exist; one account for all such will do
	}
	pair := address + " " + strings.ToLower(name)
	wait := t.take(address, t.rates.addressEvery, t.rates.addressBurst)
	if wait == 0 {
		wait = t.take(pair, t.rates.pairEvery, t.rates.pairBurst)
	}
	if wait > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(int(math.Ceil(wait.Seconds()))))
		return nil, fault.TooFast(t.rates.pairBurst, "too many tries; please wait a moment")
	}
	return func() { t.forget(pair) }, nil
}

// take draws from a bucket, and says how long it takes until that is possible if it is not.
func (t *throttle) take(key string, every time.Duration, burst int) time.Duration {
	t.mu.Lock()
	defer t.mu.Unlock()
	e, ok := t.known[key]
	if ok {
		t.order.MoveToFront(e)
	} else {
		if t.order.Len() >= maxBuckets {
			delete(t.known, t.order.Remove(t.order.Back()).(*bucket).key)
		}
		e = t.order.PushFront(&bucket{key, rate.NewLimiter(rate.Every(every), burst)})
		t.known[key] = e
	}
	now := t.now()
	reservation := e.Value.(*bucket).limit.ReserveN(now, 1)
	wait := reservation.DelayFrom(now)
	if wait > 0 {
		reservation.CancelAt(now)
	}
	return wait
}

func (t *throttle) forget(key string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if e, ok := t.known[key]; ok {
		t.order.Remove(e)
		delete(t.known, key)
	}
}
