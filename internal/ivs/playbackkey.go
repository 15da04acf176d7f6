package ivs

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/md5"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"strings"

	"github.com/streamcat/streamcat/internal/arn"
	"github.com/streamcat/streamcat/internal/fault"
	"github.com/streamcat/streamcat/internal/store"
)

// playbackKeyDoc is the public half of a playback key pair as the database keeps it.
type playbackKeyDoc struct {
	Name        string
	PEM         string // of the SubjectPublicKeyInfo, always in the same form
	Fingerprint string
}

const refMaterial = "material"

// playbackKeys is where playback keys are kept. No two are the same.
func playbackKeys(db *store.DB) *store.Collection[playbackKeyDoc] {
	return store.NewCollection(db, arn.PlaybackKey, func(d *playbackKeyDoc) []store.Ref {
		return []store.Ref{{Name: refMaterial, Value: d.PEM}}
	}, refMaterial)
}

// parsePlaybackKey reads a public key as a client gives it. Its errors repeat nothing of the text: it may
// be a private key.
func parsePlaybackKey(text string) (*ecdsa.PublicKey, error) {
	block, rest := pem.Decode([]byte(strings.TrimSpace(text)))
	if block == nil || strings.TrimSpace(string(rest)) != "" {
		return nil, errors.New("must be one PEM block")
	}
	if block.Type != "PUBLIC KEY" {
		return nil, errors.New("must be a public key: BEGIN PUBLIC KEY")
	}
	key, err := x509.ParsePKIXPublicKey(block.Bytes)
	if err != nil {
		return nil, errors.New("must be the public key of the curve P-384")
	}
	ec, ok := key.(*ecdsa.PublicKey)
	if !ok || ec.Curve != elliptic.P384() {
		return nil, errors.New("must be the public key of the curve P-384")
	}
	return ec, nil
}

// newPlaybackKey makes the document of a key. What Amazon's fingerprints are of is not known; ours are the
// MD5 of the key's DER form, and nothing relies on them.
func newPlaybackKey(name string, key *ecdsa.PublicKey) (*playbackKeyDoc, error) {
	der, err := x509.MarshalPKIXPublicKey(key)
	if err != nil {
		return nil, fmt.Errorf("encode a public key: %w", err)
	}
	sum := md5.Sum(der)
	return &playbackKeyDoc{
		Name: name, PEM: string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})),
		Fingerprint: strings.ReplaceAll(fmt.Sprintf("% x", sum), " ", ":"),
	}, nil
}

// ImportPlaybackKeyPair takes the public key that playback tokens are verified with. The same key is taken
// once.
func (s *Service) ImportPlaybackKeyPair(ctx context.Context, in *ImportPlaybackKeyPairInput) (*ImportPlaybackKeyPairOutput, error) {
	key, err := parsePlaybackKey(*in.PublicKeyMaterial)
	if err != nil {
		return nil, broken("publicKeyMaterial", err.Error())
	}
	doc, err := newPlaybackKey(text(in.Name), key)
	if err != nil {
		return nil, err
	}
	name := s.minter.New(arn.PlaybackKey)
	err = s.db.Tx(ctx, func(ctx context.Context) error {
		// A key that is here already is that, rather than one too many.
		switch old, err := s.playbackKeys.Find(ctx, store.Ref{Name: refMaterial, Value: doc.PEM}); {
		case err == nil:
			return fault.InConflict("this key was imported as %s already", old.ARN)
		case fault.Of(err) != fault.NotFound:
			return err
		}
		_, err := s.playbackKeys.InsertWithin(ctx, s.quotas[arn.PlaybackKey], name, doc, in.Tags)
		return err
	})
	if err != nil {
		return nil, err
	}
	return &ImportPlaybackKeyPairOutput{KeyPair: showPlaybackKey(name, doc, in.Tags)}, nil
}

func showPlaybackKey(name string, d *playbackKeyDoc, tags map[string]string) *PlaybackKeyPair {
	return &PlaybackKeyPair{Arn: &name, Name: &d.Name, Fingerprint: &d.Fingerprint, Tags: orEmpty(tags)}
}

// GetPlaybackKeyPair tells of a key, but not the key itself.
func (s *Service) GetPlaybackKeyPair(ctx context.Context, in *GetPlaybackKeyPairInput) (*GetPlaybackKeyPairOutput, error) {
	row, tags, err := read(ctx, s, s.playbackKeys, arn.PlaybackKey, in.Arn)
	if err != nil {
		return nil, err
	}
	return &GetPlaybackKeyPairOutput{KeyPair: showPlaybackKey(row.ARN, &row.Doc, tags)}, nil
}

// ListPlaybackKeyPairs lists the keys, newest first.
func (s *Service) ListPlaybackKeyPairs(ctx context.Context, in *ListPlaybackKeyPairsInput) (*ListPlaybackKeyPairsOutput, error) {
	p, err := list(ctx, s, s.playbackKeys, "ListPlaybackKeyPairs", limit(in.MaxResults, s.usual(arn.PlaybackKey)), in.NextToken)
	if err != nil {
		return nil, err
	}
	out := &ListPlaybackKeyPairsOutput{KeyPairs: []PlaybackKeyPairSummary{}, NextToken: p.next}
	for i := range p.rows {
		row := &p.rows[i]
		out.KeyPairs = append(out.KeyPairs, PlaybackKeyPairSummary{Arn: &row.ARN, Name: &row.Doc.Name, Tags: p.tags[row.ARN]})
	}
	return out, nil
}

// DeletePlaybackKeyPair forgets a key: tokens that were signed with it are worth nothing from now on.
func (s *Service) DeletePlaybackKeyPair(ctx context.Context, in *DeletePlaybackKeyPairInput) (*DeletePlaybackKeyPairOutput, error) {
	if _, err := s.minter.Own(arn.PlaybackKey, in.Arn); err != nil {
		return nil, err
	}
	if err := s.playbackKeys.Delete(ctx, in.Arn); err != nil {
		return nil, err
	}
	return &DeletePlaybackKeyPairOutput{}, nil
}
