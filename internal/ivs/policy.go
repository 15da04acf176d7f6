package ivs

import (
	"context"

	"github.com/streamcat/streamcat/internal/api"
	"github.com/streamcat/streamcat/internal/arn"
	"github.com/streamcat/streamcat/internal/store"
)

// policyDoc is a playback restriction policy as the database keeps it. An empty list allows everything.
type policyDoc struct {
	Name             string
	AllowedCountries []string
	AllowedOrigins   []string
	Strict           bool // the origin is enforced on every request
}

// policies is where playback restriction policies are kept.
func policies(db *store.DB) *store.Collection[policyDoc] {
	return store.NewCollection[policyDoc](db, arn.PlaybackRestrictionPolicy, nil)
}

// change applies what a request gives; absent members keep their value.
func (d *policyDoc) change(in *UpdatePlaybackRestrictionPolicyInput) {
	set(&d.Name, in.Name)
	set(&d.Strict, in.EnableStrictOriginEnforcement)
	if in.AllowedCountries != nil {
		d.AllowedCountries = in.AllowedCountries
	}
	if in.AllowedOrigins != nil {
		d.AllowedOrigins = in.AllowedOrigins
	}
}

// checkPlaces wants countries that there are, and origins that a browser could be from.
func checkPlaces(countries, origins []string) error {
	var c api.Check
	for i, code := range countries {
		if !isCountry(code) {
			c.Broken("", api.Item("allowedCountries", i), "must be an officially assigned ISO 3166-1 alpha-2 code")
		}
	}
	for i, origin := range origins {
		if !isOrigin(origin) {
			c.Broken("", api.Item("allowedOrigins", i), "must be an origin such as https://example.com")
		}
	}
	return c.Err()
}

// CreatePlaybackRestrictionPolicy makes a policy: everybody may watch, but for what is given.
func (s *Service) CreatePlaybackRestrictionPolicy(ctx context.Context, in *CreatePlaybackRestrictionPolicyInput) (*CreatePlaybackRestrictionPolicyOutput, error) {
	if err := checkPlaces(in.AllowedCountries, in.AllowedOrigins); err != nil {
		return nil, err
	}
	doc := policyDoc{AllowedCountries: []string{}, AllowedOrigins: []string{}}
	doc.change(&UpdatePlaybackRestrictionPolicyInput{
		Name: in.Name, AllowedCountries: in.AllowedCountries, AllowedOrigins: in.AllowedOrigins,
		EnableStrictOriginEnforcement: in.EnableStrictOriginEnforcement,
	})
	name, err := create(ctx, s, s.policies, arn.PlaybackRestrictionPolicy, &doc, in.Tags)
	if err != nil {
		return nil, err
	}
	return &CreatePlaybackRestrictionPolicyOutput{PlaybackRestrictionPolicy: showPolicy(name, &doc, in.Tags)}, nil
}

func showPolicy(name string, d *policyDoc, tags map[string]string) *PlaybackRestrictionPolicy {
	return &PlaybackRestrictionPolicy{
		Arn: name, Name: &d.Name, AllowedCountries: d.AllowedCountries, AllowedOrigins: d.AllowedOrigins,
		EnableStrictOriginEnforcement: &d.Strict, Tags: orEmpty(tags),
	}
}

// GetPlaybackRestrictionPolicy tells of one policy.
func (s *Service) GetPlaybackRestrictionPolicy(ctx context.Context, in *GetPlaybackRestrictionPolicyInput) (*GetPlaybackRestrictionPolicyOutput, error) {
	row, tags, err := read(ctx, s, s.policies, arn.PlaybackRestrictionPolicy, in.Arn)
	if err != nil {
		return nil, err
	}
	return &GetPlaybackRestrictionPolicyOutput{PlaybackRestrictionPolicy: showPolicy(row.ARN, &row.Doc, tags)}, nil
}

// ListPlaybackRestrictionPolicies lists the policies, newest first. As at AWS, a page holds one unless more
// are asked for.
func (s *Service) ListPlaybackRestrictionPolicies(ctx context.Context, in *ListPlaybackRestrictionPoliciesInput) (*ListPlaybackRestrictionPoliciesOutput, error) {
	p, err := list(ctx, s, s.policies, "ListPlaybackRestrictionPolicies", limit(in.MaxResults, 1), in.NextToken)
	if err != nil {
		return nil, err
	}
	out := &ListPlaybackRestrictionPoliciesOutput{PlaybackRestrictionPolicies: []PlaybackRestrictionPolicySummary{}, NextToken: p.next}
	for i := range p.rows {
		shown := showPolicy(p.rows[i].ARN, &p.rows[i].Doc, p.tags[p.rows[i].ARN])
		out.PlaybackRestrictionPolicies = append(out.PlaybackRestrictionPolicies, PlaybackRestrictionPolicySummary(*shown))
	}
	return out, nil
}

// UpdatePlaybackRestrictionPolicy changes a policy, of whose channels some may be live: those who come to
// watch from now on are judged by the new one.
func (s *Service) UpdatePlaybackRestrictionPolicy(ctx context.Context, in *UpdatePlaybackRestrictionPolicyInput) (*UpdatePlaybackRestrictionPolicyOutput, error) {
	if err := checkPlaces(in.AllowedCountries, in.AllowedOrigins); err != nil {
		return nil, err
	}
	if _, err := s.minter.Own(arn.PlaybackRestrictionPolicy, in.Arn); err != nil {
		return nil, err
	}
	row, err := s.policies.Update(ctx, in.Arn, func(d *policyDoc) error { d.change(in); return nil })
	if err != nil {
		return nil, err
	}
	tags, err := s.db.Tags(ctx, in.Arn)
	if err != nil {
		return nil, err
	}
	return &UpdatePlaybackRestrictionPolicyOutput{PlaybackRestrictionPolicy: showPolicy(row.ARN, &row.Doc, tags[in.Arn])}, nil
}

// DeletePlaybackRestrictionPolicy removes a policy that no channel has.
func (s *Service) DeletePlaybackRestrictionPolicy(ctx context.Context, in *DeletePlaybackRestrictionPolicyInput) (*DeletePlaybackRestrictionPolicyOutput, error) {
	if err := deleteUnused(ctx, s, s.policies, arn.PlaybackRestrictionPolicy, refRestriction, in.Arn); err != nil {
		return nil, err
	}
	return &DeletePlaybackRestrictionPolicyOutput{}, nil
}
