package ivsrealtime

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/md5"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"encoding/pem"
	"strings"

	"github.com/streamcat/streamcat/internal/arn"
	"github.com/streamcat/streamcat/internal/fault"
	"github.com/streamcat/streamcat/internal/store"
)

// publicKey is what the database keeps of a public key.
type publicKey struct {
	Name        string `json:"name"`
	Material    string `json:"material"` // as it was imported
	Fingerprint string `json:"fingerprint"`
	Digest      string `json:"digest"` // of the key itself, however its material was written
}

// refKey names the digest of a public key, which no other one may have.
const refKey = "key"

func publicKeys(db *store.DB) *store.Collection[publicKey] {
	return store.NewCollection(db, arn.PublicKey, func(k *publicKey) []store.Ref { return []store.Ref{{Name: refKey, Value: k.Digest}} }, refKey)
}

// parsePublicKey reads a P-384 key in PEM, and gives it also in its one binary form.
func parsePublicKey(material string) (*ecdsa.PublicKey, []byte, error) {
	block, _ := pem.Decode([]byte(material))
	if block == nil || block.Type != "PUBLIC KEY" {
		return nil, nil, fault.InvalidInput("publicKeyMaterial must hold a public key in PEM")
	}
	parsed, err := x509.ParsePKIXPublicKey(block.Bytes)
	if err != nil {
		return nil, nil, fault.InvalidInput("publicKeyMaterial holds no public key that can be read").Because(err)
	}
	key, ok := parsed.(*ecdsa.PublicKey)
	if !ok || key.Curve != elliptic.P384() {
		return nil, nil, fault.InvalidInput("publicKeyMaterial must be an ECDSA key on the curve P-384")
	}
	der, err := x509.MarshalPKIXPublicKey(key)
	if err != nil {
		return nil, nil, fault.InvalidInput("publicKeyMaterial holds no usable public key").Because(err)
	}
	return key, der, nil
}

// fingerprint names a key for people; nothing is decided by it. Amazon's way of making it is not documented.
func fingerprint(der []byte) string {
	sum := md5.Sum(der)
	pairs := make([]string, len(sum))
	for i, b := range sum {
		pairs[i] = hex.EncodeToString([]byte{b})
	}
	return strings.Join(pairs, ":")
}

// ImportPublicKey keeps the public half of a key with which a customer signs participant tokens.
func (s *Service) ImportPublicKey(ctx context.Context, in *ImportPublicKeyInput) (*ImportPublicKeyOutput, error) {
	_, der, err := parsePublicKey(in.PublicKeyMaterial)
	if err != nil {
		return nil, err
	}
	digest := sha256.Sum256(der)
	doc := publicKey{text(in.Name), in.PublicKeyMaterial, fingerprint(der), hex.EncodeToString(digest[:])}
	var row *store.Row[publicKey]
	err = s.DB.Tx(ctx, func(ctx context.Context) error {
		old, err := s.publicKeys.Find(ctx, store.Ref{Name: refKey, Value: doc.Digest})
		if err == nil { // rather than that there are too many
			return fault.InConflict("public-key %s is this key already", old.ARN)
		}
		if fault.Of(err) != fault.NotFound {
			return err
		}
		row, err = s.publicKeys.InsertWithin(ctx, s.Quotas[arn.PublicKey], s.Minter.New(arn.PublicKey), &doc, in.Tags)
		return err
	})
	if err != nil {
		return nil, err
	}
	return &ImportPublicKeyOutput{PublicKey: showPublicKey(row, in.Tags)}, nil
}

func showPublicKey(row *store.Row[publicKey], tags map[string]string) *PublicKey {
	return &PublicKey{
		Arn: &row.ARN, Name: &row.Doc.Name, Fingerprint: &row.Doc.Fingerprint, PublicKeyMaterial: &row.Doc.Material, Tags: orEmpty(tags),
	}
}

// GetPublicKey gives one public key.
func (s *Service) GetPublicKey(ctx context.Context, in *GetPublicKeyInput) (*GetPublicKeyOutput, error) {
	row, tags, err := get(ctx, s, s.publicKeys, arn.PublicKey, in.Arn)
	if err != nil {
		return nil, err
	}
	return &GetPublicKeyOutput{PublicKey: showPublicKey(row, tags)}, nil
}

// ListPublicKeys gives the public keys, newest first, without what they are made of.
func (s *Service) ListPublicKeys(ctx context.Context, in *ListPublicKeysInput) (*ListPublicKeysOutput, error) {
	out := &ListPublicKeysOutput{PublicKeys: []PublicKeySummary{}}
	var err error
	out.NextToken, err = list(ctx, s, s.publicKeys, "ListPublicKeys", in.NextToken, limit(in.MaxResults, defaultPage),
		func(row *store.Row[publicKey], tags map[string]string) {
			out.PublicKeys = append(out.PublicKeys, PublicKeySummary{Arn: &row.ARN, Name: &row.Doc.Name, Tags: tags})
		})
	if err != nil {
		return nil, err
	}
	return out, nil
}

// DeletePublicKey forgets a public key: tokens that were signed with its other half open nothing any more.
// Who came in with one stays.
func (s *Service) DeletePublicKey(ctx context.Context, in *DeletePublicKeyInput) (*DeletePublicKeyOutput, error) {
	if _, err := s.Minter.Own(arn.PublicKey, in.Arn); err != nil {
		return nil, err
	}
	if err := s.publicKeys.Delete(ctx, in.Arn); err != nil {
		return nil, err
	}
	return &DeletePublicKeyOutput{}, nil
}
