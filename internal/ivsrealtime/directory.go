package ivsrealtime

import (
	"context"
	"crypto/ecdsa"

	"github.com/streamcat/streamcat/internal/arn"
	"github.com/streamcat/streamcat/internal/auth"
	"github.com/streamcat/streamcat/internal/fault"
	live "github.com/streamcat/streamcat/internal/stage"
	"github.com/streamcat/streamcat/internal/store"
)

// Directory is how the live side looks stages and their ingest configurations up. It is a stage.Directory,
// and stands apart from Service so that the live side can be made before the service that asks it.
type Directory struct {
	db       *store.DB
	keyring  *auth.Keyring
	minter   arn.Minter
	stages   *store.Collection[stage]
	storages *store.Collection[storage]
	ingests  *store.Collection[ingest]

	publicKeys *store.Collection[publicKey]
}

// NewDirectory makes a directory on an open database.
func NewDirectory(db *store.DB, keyring *auth.Keyring, minter arn.Minter) *Directory {
	return &Directory{
		db: db, keyring: keyring, minter: minter,
		stages: stages(db), storages: store.NewCollection[storage](db, arn.StorageConfiguration, nil), ingests: ingests(db), publicKeys: publicKeys(db),
	}
}

// Stage is a NotFound fault for a stage that does not exist here.
func (d *Directory) Stage(ctx context.Context, stageARN string) error {
	a, err := d.minter.Own(arn.Stage, stageARN)
	if err != nil {
		return err
	}
	ok, err := d.db.ResourceExists(ctx, stageARN)
	if err == nil && !ok {
		err = a.Missing()
	}
	return err
}

// PublicKey gives an imported public key.
func (d *Directory) PublicKey(ctx context.Context, name string) (*ecdsa.PublicKey, error) {
	row, err := d.publicKeys.Get(ctx, name)
	if err != nil {
		return nil, err
	}
	key, _, err := parsePublicKey(row.Doc.Material)
	return key, err
}

// RecordingBucket names the bucket that participants of a stage, or replicas on it, are to be recorded to, or
// nothing.
func (d *Directory) RecordingBucket(ctx context.Context, stageARN string, replicas bool) (string, error) {
	row, err := d.stages.Get(ctx, stageARN)
	if err != nil || *row.Doc.Recording.StorageConfigurationArn == "" || replicas && !*row.Doc.Recording.RecordParticipantReplicas {
		return "", err
	}
	to, err := d.storages.Get(ctx, *row.Doc.Recording.StorageConfigurationArn)
	if err != nil {
		return "", err
	}
	return to.Doc.Bucket, nil
}

// ByIngestKey finds whom a stream key lets in, and where. The fault for an unknown key does not repeat it.
func (d *Directory) ByIngestKey(ctx context.Context, key string) (live.Ingest, error) {
	digest := ingestDigest(d.keyring, key)
	row, err := d.ingests.Find(ctx, store.Ref{Name: refDigest, Value: digest})
	if fault.Of(err) == fault.NotFound {
		return live.Ingest{}, fault.Missing("no ingest configuration has this stream key")
	}
	if err != nil {
		return live.Ingest{}, err
	}
	in := live.Ingest{
		ARN: row.ARN, StageARN: row.Doc.StageArn, SeenAs: row.Doc.ParticipantID,
		UserID: row.Doc.UserID, Attributes: row.Doc.Attributes, Redundant: row.Doc.redundant(), Insecure: row.Doc.Insecure,
	}
	for _, k := range row.Doc.Keys {
		if k.Digest == digest {
			in.ParticipantID = k.ParticipantID
		}
	}
	return in, nil
}

// AttachedTo names the stage that an ingest configuration is attached to, or nothing.
func (d *Directory) AttachedTo(ctx context.Context, ingestARN string) (string, error) {
	row, err := d.ingests.Get(ctx, ingestARN)
	if fault.Of(err) == fault.NotFound {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	return row.Doc.StageArn, nil
}
