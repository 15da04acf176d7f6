package plus

import (
	"cmp"
	"context"
	"encoding/json"
	"net/http"
	"slices"
	"time"

	"github.com/streamcat/streamcat/internal/api"
	"github.com/streamcat/streamcat/internal/fault"
	"github.com/streamcat/streamcat/internal/store"
)

// AccessKey is a pair of API credentials without its secret.
type AccessKey struct {
	ID       string
	Note     string
	Created  time.Time
	LastUsed time.Time // zero: never
	Root     bool      // the server's own
	Policy   json.RawMessage
}

// AccessKeys manage the keys of the account. A policy that is nil allows everything; one that is not
// understood is an Invalid fault.
type AccessKeys interface {
	List(ctx context.Context) ([]AccessKey, error)
	Create(ctx context.Context, note string, policy json.RawMessage) (k AccessKey, secret string, err error)
	SetPolicy(ctx context.Context, id string, policy json.RawMessage) error
	Rotate(ctx context.Context, id string) (k AccessKey, secret string, err error) // another key with the same note and policy
	Delete(ctx context.Context, id string) error
}

func (s *Service) handleAccessKeys() {
	one := s.about("access-key")
	s.handle(operation{"ListAccessKeys", "GET access-keys", http.StatusOK, []string{"maxResults", "nextToken"}, nil, s.listAccessKeys})
	s.handle(operation{"CreateAccessKey", "POST access-keys", http.StatusCreated, nil, nil, s.createAccessKey})
	s.handle(operation{"GetAccessKey", "GET access-keys/{id}", http.StatusOK, nil, one, s.getAccessKey})
	s.handle(operation{"PutAccessKeyPolicy", "PUT access-keys/{id}/policy", http.StatusOK, nil, one, s.putAccessKeyPolicy})
	s.handle(operation{"RotateAccessKey", "POST access-keys/{id}/rotate", http.StatusCreated, nil, one, s.rotateAccessKey})
	s.handle(operation{"DeleteAccessKey", "DELETE access-keys/{id}", http.StatusNoContent, nil, one, s.deleteAccessKey})
}

// accessKey is an access key in an answer. The secret is there once.
type accessKey struct {
	ID       string          `json:"id"`
	ARN      string          `json:"arn"`
	Note     string          `json:"note"`
	Created  time.Time       `json:"created"`
	LastUsed *time.Time      `json:"lastUsed,omitempty"`
	Root     bool            `json:"root"`
	Policy   json.RawMessage `json:"policy,omitempty"`
	Secret   string          `json:"secret,omitempty"`
}

func (s *Service) accessKey(k AccessKey, secret string) accessKey {
	return accessKey{k.ID, s.name("access-key", k.ID), k.Note, k.Created.UTC(), stamp(k.LastUsed), k.Root, k.Policy, secret}
}

func (s *Service) listAccessKeys(v *visit) (any, error) {
	limit, err := v.pageSize()
	if err != nil {
		return nil, err
	}
	after, err := api.Page[store.Cursor](v.nextToken(), "ListAccessKeys")
	if err != nil {
		return nil, err
	}
	keys, err := s.d.AccessKeys.List(v.Context())
	if err != nil {
		return nil, err
	}
	slices.SortFunc(keys, func(a, b AccessKey) int { return cmp.Or(b.Created.Compare(a.Created), cmp.Compare(b.ID, a.ID)) })
	if after != nil {
		keys = slices.DeleteFunc(keys, func(k AccessKey) bool {
			return cmp.Or(cmp.Compare(k.Created.UnixMicro(), after.Time), cmp.Compare(k.ID, after.ARN)) >= 0
		})
	}
	var next *store.Cursor
	if len(keys) > limit {
		keys = keys[:limit]
		last := keys[limit-1]
		next = &store.Cursor{Time: last.Created.UnixMicro(), ARN: last.ID}
	}
	out := struct {
		AccessKeys []accessKey `json:"accessKeys"`
		NextToken  *string     `json:"nextToken,omitempty"`
	}{[]accessKey{}, api.NextToken(next, "ListAccessKeys")}
	for _, k := range keys {
		out.AccessKeys = append(out.AccessKeys, s.accessKey(k, ""))
	}
	return out, nil
}

func (s *Service) createAccessKey(v *visit) (any, error) {
	var in struct {
		Note   string          `json:"note"`
		Policy json.RawMessage `json:"policy"`
	}
	if err := v.decode(&in); err != nil {
		return nil, err
	}
	k, secret, err := s.d.AccessKeys.Create(v.Context(), in.Note, in.Policy)
	if err != nil {
		return nil, err
	}
	v.about = append(v.about, s.name("access-key", k.ID))
	return s.accessKey(k, secret), nil
}

func (s *Service) getAccessKey(v *visit) (any, error) {
	keys, err := s.d.AccessKeys.List(v.Context())
	if err != nil {
		return nil, err
	}
	for _, k := range keys {
		if k.ID == v.PathValue("id") {
			return s.accessKey(k, ""), nil
		}
	}
	return nil, fault.Missing("access key %.128s does not exist", v.PathValue("id"))
}

func (s *Service) putAccessKeyPolicy(v *visit) (any, error) {
	var in struct {
		Policy json.RawMessage `json:"policy"`
	}
	if err := v.decode(&in); err != nil {
		return nil, err
	}
	if in.Policy == nil { // who forgets it does not mean to allow everything
		return nil, fault.InvalidInput("policy is required")
	}
	if err := s.d.AccessKeys.SetPolicy(v.Context(), v.PathValue("id"), in.Policy); err != nil {
		return nil, err
	}
	return s.getAccessKey(v)
}

func (s *Service) rotateAccessKey(v *visit) (any, error) {
	if err := v.decode(&struct{}{}); err != nil {
		return nil, err
	}
	k, secret, err := s.d.AccessKeys.Rotate(v.Context(), v.PathValue("id"))
	if err != nil {
		return nil, err
	}
	v.about = append(v.about, s.name("access-key", k.ID))
	return s.accessKey(k, secret), nil
}

func (s *Service) deleteAccessKey(v *visit) (any, error) {
	return nil, s.d.AccessKeys.Delete(v.Context(), v.PathValue("id"))
}
