package api

import (
	"context"
	"net/http"
	"net/netip"
	"net/url"
	"slices"

	"github.com/streamcat/streamcat/internal/arn"
	"github.com/streamcat/streamcat/internal/auth"
	"github.com/streamcat/streamcat/internal/fault"
)

// Tags finds the tags of resources, for policies that ask for them. A name without any, or that nothing has,
// is in the answer with none.
type Tags interface {
	Tags(ctx context.Context, names ...string) (map[string]map[string]string, error)
}

// maxNames is more than any operation takes.
const maxNames = 100

// visit is one request on its way to its operation.
type visit struct {
	body        []byte
	resourceARN string // that a tag route names
	query       url.Values
	source      netip.Addr     // the zero Addr is no network peer
	who         auth.Principal // once the signature was found good

	enter func(context.Context, Access) error // asked as soon as it is known what the request is about
	about []string                            // what it names, then what was made
}

// rated tells whether a request counts against the rates. Those from within this process do not: the web app
// would share the five calls a second with whoever tries out how his own program does with them.
func (v *visit) rated() bool { return v.source.IsValid() }

// enter lets a request in, or not: its policy must allow it for all that it names. It comes before the shapes
// are checked, and before anything is looked for, so that a refusal tells nothing of what is there.
func (m *Mux) enter(ctx context.Context, t target, v *visit, a Access) error {
	a.Uses = slices.DeleteFunc(slices.Clone(a.Uses), func(name string) bool { return name == "" })
	if len(a.Resources)+len(a.Uses) > maxNames {
		return fault.InvalidInput("a request names at most %d resources", maxNames)
	}
	v.about = slices.Concat(a.Resources, a.Uses)
	if err := m.authorize(ctx, t, v, a); err != nil {
		return err
	}
	if !v.rated() {
		return nil
	}
	return m.rates.takeNamed(t, a)
}

func (m *Mux) authorize(ctx context.Context, t target, v *visit, a Access) error {
	if v.who.Policy == nil {
		return nil
	}
	named := a.Resources
	if len(named) == 0 && a.Kind != "" {
		named = []string{"arn:aws:" + t.service.SigningName + ":" + m.verifier.Region + ":" + v.who.AccountID + ":" + a.Kind + "/*"}
	} else if len(named) == 0 {
		named = []string{"*"}
	}
	named = slices.Concat(named, a.Uses) // what may not be touched may not be made use of, either
	tags, err := m.tagsOf(ctx, t, v, named)
	if err != nil {
		return err
	}
	var asks []auth.Ask
	for _, name := range named {
		asks = append(asks, auth.Ask{
			Action: t.service.SigningName + ":" + t.Name, Resource: name,
			ResourceTags: tags[name], RequestTags: a.Tags, Source: v.source,
		})
	}
	return v.who.Authorize(m.verifier.Region, asks...)
}

// tagsOf reads the tags of what a request names, if the policy asks for them: those of this service only.
func (m *Mux) tagsOf(ctx context.Context, t target, v *visit, named []string) (map[string]map[string]string, error) {
	if !v.who.Policy.WantsResourceTags() || m.tags == nil {
		return nil, nil
	}
	var own []string
	for _, name := range named {
		if a, err := arn.Parse(name); err == nil && a.Service == t.service.SigningName && !slices.Contains(own, name) {
			own = append(own, name)
		}
	}
	return m.tags.Tags(ctx, own...)
}

// peer gives the address at the other end of the connection.
func peer(r *http.Request) netip.AddrPort {
	at, _ := netip.ParseAddrPort(r.RemoteAddr)
	return at
}
