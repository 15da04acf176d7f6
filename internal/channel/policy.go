package channel

import (
	"context"
	"net/http"
	"slices"
	"sync"

	"github.com/streamcat/streamcat/internal/auth"
	"github.com/streamcat/streamcat/internal/fault"
)

// Policy is a playback restriction policy. An empty list allows everything.
type Policy struct {
	AllowedCountries []string // ISO 3166-1 alpha-2, in capitals
	AllowedOrigins   []string
	StrictOrigin     bool // every request must carry an allowed origin
}

// policies keeps what was last heard of each policy.
type policies struct {
	mu  sync.Mutex
	all map[string]*fresh[Policy] // by ARN
}

// maxPolicies is how many are kept: more than an account has, since those that were deleted are among them.
const maxPolicies = 1024

func (p *policies) of(arn string) *fresh[Policy] {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.all == nil {
		p.all = map[string]*fresh[Policy]{}
	}
	f := p.all[arn]
	if f == nil {
		if len(p.all) >= maxPolicies {
			clear(p.all)
		}
		f = &fresh[Policy]{}
		p.all[arn] = f
	}
	return f
}

// policy gives the policy of a channel; the zero one if it has none.
func (m *Manager) policy(ctx context.Context, spec Spec) (Policy, error) {
	if spec.PolicyARN == "" || m.d.Viewers == nil {
		return Policy{}, nil
	}
	p, err := m.policies.of(spec.PolicyARN).get(ctx, m.d.Now, func(ctx context.Context) (Policy, error) {
		return m.d.Viewers.Policy(ctx, spec.PolicyARN)
	})
	if fault.Of(err) == fault.NotFound { // a policy in use cannot be deleted; without it nobody may watch
		err = fault.Down("the playback restriction policy is missing").Because(err)
	}
	return p, err
}

var errOrigin = fault.AccessDenied("this channel is not for viewers from here")

// checkOrigin holds a request to a list of origins, which is all if it is empty. Only browsers say where
// they are; strict wants everybody to.
func checkOrigin(r *http.Request, allowed []string, strict bool) error {
	origin := r.Header.Get("Origin")
	switch {
	case origin == "" && strict:
		return fault.AccessDenied("this channel wants requests to carry an origin")
	case origin == "" || len(allowed) == 0:
		return nil
	case !auth.AllowsOrigin(allowed, origin):
		return errOrigin
	}
	return nil
}

var errCountry = fault.AccessDenied("this channel is not for viewers from this country")

// checkCountry holds a request to a policy's countries. Whoever names some must keep others out, so an address
// of which nobody knows the country, such as one of a private network, may not watch.
func (m *Manager) checkCountry(r *http.Request, p Policy) error {
	switch {
	case len(p.AllowedCountries) == 0:
		return nil
	case m.d.Country == nil:
		m.countriesOff.Do(func() {
			m.d.Log.Warn("a playback restriction policy allows some countries only, which is not enforced: set geoip-file")
		})
		return nil
	}
	country := m.d.Country(m.clientAddr(r).Addr())
	if slices.Contains(p.AllowedCountries, country) {
		return nil
	}
	if country == "" {
		m.countryUnknown.Do(func() {
			m.d.Log.Warn("a viewer from an unknown country was refused by a playback restriction policy; behind a proxy, set trusted-proxies", "address", m.clientAddr(r).Addr())
		})
	}
	return errCountry
}

// oneOrigin tells browsers and caches that the answer is for the origin of the request alone.
func oneOrigin(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Access-Control-Allow-Origin", r.Header.Get("Origin"))
	w.Header().Set("Vary", "Accept-Encoding, Origin")
}
