package ivsrealtime

import (
	"context"
	"fmt"

	"github.com/streamcat/streamcat/internal/api"
	"github.com/streamcat/streamcat/internal/arn"
	"github.com/streamcat/streamcat/internal/auth"
	"github.com/streamcat/streamcat/internal/fault"
	"github.com/streamcat/streamcat/internal/store"
)

// ingest is what the database keeps of an ingest configuration.
type ingest struct {
	Name          string            `json:"name"`
	StageArn      string            `json:"stageArn"` // empty: attached to no stage
	ParticipantID string            `json:"participantId"`
	UserID        string            `json:"userId"`
	Attributes    map[string]string `json:"attributes"`
	Protocol      string            `json:"protocol"`
	Insecure      bool              `json:"insecure"`
	Keys          []ingestKey       `json:"keys"` // two where ingest is redundant, else one
}

// ingestKey is one stream key, sealed and found by a digest, and whom it makes a publisher. Where ingest is
// redundant neither is the participant that subscribers see, but one of two that stand for it.
type ingestKey struct {
	ParticipantID string `json:"participantId"`
	Sealed        []byte `json:"sealed"`
	Digest        string `json:"digest"`
}

const (
	refStage       = "stage"
	refParticipant = "participant"
	refDigest      = "digest"

	// ingestSecret is the length of what cannot be guessed of a stream key: 190 bits.
	ingestSecret = 32
)

func ingests(db *store.DB) *store.Collection[ingest] {
	return store.NewCollection(db, arn.IngestConfiguration, func(doc *ingest) []store.Ref {
		refs := []store.Ref{{Name: refParticipant, Value: doc.ParticipantID}}
		if doc.StageArn != "" {
			refs = append(refs, store.Ref{Name: refStage, Value: doc.StageArn})
		}
		for _, k := range doc.Keys {
			refs = append(refs, store.Ref{Name: refParticipant, Value: k.ParticipantID}, store.Ref{Name: refDigest, Value: k.Digest})
		}
		return refs
	}, refDigest)
}

func (doc *ingest) redundant() bool { return len(doc.Keys) > 1 }

// participants gives the ids of all whom the configuration lets in, and of the one who is seen.
func (doc *ingest) participants() []string {
	ids := []string{doc.ParticipantID}
	for _, k := range doc.Keys {
		if k.ParticipantID != doc.ParticipantID {
			ids = append(ids, k.ParticipantID)
		}
	}
	return ids
}

func ingestDigest(k *auth.Keyring, key string) string { return k.Digest("ingest-key", key) }

// newIngestKey makes a stream key for the configuration of this name.
func (s *Service) newIngestKey(name, participantID string) (ingestKey, error) {
	value := "rt_" + s.Minter.Account + "_" + s.Minter.Region + "_" + arn.ID(name) + "_" + arn.NewID(ingestSecret)
	sealed, err := s.Keyring.Seal([]byte(value), "ingest-key "+name)
	if err != nil {
		return ingestKey{}, fmt.Errorf("seal a stream key of %s: %w", name, err)
	}
	return ingestKey{participantID, sealed, ingestDigest(s.Keyring, value)}, nil
}

func (s *Service) openIngestKey(name string, k ingestKey) (api.Secret, error) {
	value, err := s.Keyring.Open(k.Sealed, "ingest-key "+name)
	if err != nil {
		return "", fmt.Errorf("open a stream key of %s: %w", name, err)
	}
	return api.Secret(value), nil
}

// setRedundant gives a configuration its second key, or takes it away. The first one stays good.
func (s *Service) setRedundant(name string, doc *ingest, redundant bool) error {
	switch {
	case redundant == doc.redundant():
	case redundant:
		second, err := s.newIngestKey(name, arn.NewID(12))
		if err != nil {
			return err
		}
		doc.Keys[0].ParticipantID = arn.NewID(12)
		doc.Keys = append(doc.Keys, second)
	default:
		doc.Keys = doc.Keys[:1]
		doc.Keys[0].ParticipantID = doc.ParticipantID
	}
	return nil
}

// CreateIngestConfiguration makes a stream key by which an encoder becomes a participant of a stage.
func (s *Service) CreateIngestConfiguration(ctx context.Context, in *CreateIngestConfigurationInput) (*CreateIngestConfigurationOutput, error) {
	insecure := in.InsecureIngest != nil && *in.InsecureIngest
	if in.IngestProtocol == IngestProtocolRtmp && !insecure {
		return nil, fault.InvalidInput("ingestProtocol RTMP needs insecureIngest to be true")
	}
	name := s.Minter.New(arn.IngestConfiguration)
	doc := ingest{
		Name: text(in.Name), StageArn: text(in.StageArn), ParticipantID: arn.NewID(12), UserID: text(in.UserId),
		Attributes: orEmpty(in.Attributes), Protocol: in.IngestProtocol, Insecure: insecure,
	}
	key, err := s.newIngestKey(name, doc.ParticipantID)
	if err != nil {
		return nil, err
	}
	doc.Keys = []ingestKey{key}
	if err := s.setRedundant(name, &doc, in.RedundantIngest != nil && *in.RedundantIngest); err != nil {
		return nil, err
	}
	var row *store.Row[ingest]
	err = s.DB.Tx(ctx, func(ctx context.Context) error {
		if err := s.holdStage(ctx, doc.StageArn); err != nil {
			return asValidation(err)
		}
		row, err = s.ingests.InsertWithin(ctx, s.Quotas[arn.IngestConfiguration], name, &doc, in.Tags)
		return err
	})
	if err != nil {
		return nil, err
	}
	shown, err := s.showIngest(row, in.Tags, false)
	if err != nil {
		return nil, err
	}
	return &CreateIngestConfigurationOutput{IngestConfiguration: shown}, nil
}

// holdStage wants a stage to exist, if one is named, until the transaction of ctx ends.
func (s *Service) holdStage(ctx context.Context, name string) error {
	if name == "" {
		return nil
	}
	if _, err := s.Minter.Own(arn.Stage, name); err != nil {
		return err
	}
	return s.DB.Hold(ctx, name)
}

func ingestState(active bool) string {
	if active {
		return IngestConfigurationStateActive
	}
	return IngestConfigurationStateInactive
}

func (s *Service) showIngest(row *store.Row[ingest], tags map[string]string, active bool) (*IngestConfiguration, error) {
	doc := &row.Doc
	out := &IngestConfiguration{
		Arn: row.ARN, Name: &doc.Name, StageArn: doc.StageArn, ParticipantId: doc.ParticipantID, UserId: &doc.UserID,
		Attributes: doc.Attributes, IngestProtocol: doc.Protocol, State: ingestState(active),
		RedundantIngest: new(doc.redundant()), Tags: orEmpty(tags),
	}
	var err error
	if out.StreamKey, err = s.openIngestKey(row.ARN, doc.Keys[0]); err != nil || !doc.redundant() {
		return out, err
	}
	for i := range doc.Keys {
		value, err := s.openIngestKey(row.ARN, doc.Keys[i])
		if err != nil {
			return nil, err
		}
		out.RedundantIngestCredentials = append(out.RedundantIngestCredentials, RedundantIngestCredential{
			ParticipantId: &doc.Keys[i].ParticipantID, StreamKey: &value,
		})
	}
	return out, nil
}

// ingestActive says whether anybody publishes through a configuration to the stage that it is attached to.
func (s *Service) ingestActive(ctx context.Context, doc *ingest) (bool, error) {
	if doc.StageArn == "" {
		return false, nil
	}
	who, err := s.DB.Publishing(ctx, doc.StageArn, doc.participants()...)
	return len(who) > 0, err
}

// GetIngestConfiguration gives one ingest configuration and its stream key.
func (s *Service) GetIngestConfiguration(ctx context.Context, in *GetIngestConfigurationInput) (*GetIngestConfigurationOutput, error) {
	row, tags, err := get(ctx, s, s.ingests, arn.IngestConfiguration, in.Arn)
	if err != nil {
		return nil, err
	}
	active, err := s.ingestActive(ctx, &row.Doc)
	if err != nil {
		return nil, err
	}
	shown, err := s.showIngest(row, tags, active)
	if err != nil {
		return nil, err
	}
	return &GetIngestConfigurationOutput{IngestConfiguration: shown}, nil
}

// UpdateIngestConfiguration attaches a configuration to another stage, or to none, or makes its ingest
// redundant or not, while nobody publishes through it.
func (s *Service) UpdateIngestConfiguration(ctx context.Context, in *UpdateIngestConfigurationInput) (*UpdateIngestConfigurationOutput, error) {
	if _, err := s.Minter.Own(arn.IngestConfiguration, in.Arn); err != nil {
		return nil, err
	}
	var before ingest
	var row *store.Row[ingest]
	err := s.DB.Tx(ctx, func(ctx context.Context) (err error) {
		if err := s.holdStage(ctx, text(in.StageArn)); err != nil { // before the configuration, as everywhere
			return err
		}
		row, err = s.ingests.Update(ctx, in.Arn, func(doc *ingest) error {
			if err := s.mustRest(ctx, in.Arn, doc); err != nil {
				return err
			}
			before = *doc
			before.Keys = append([]ingestKey(nil), doc.Keys...)
			if in.StageArn != nil {
				doc.StageArn = *in.StageArn
			}
			if in.RedundantIngest == nil {
				return nil
			}
			return s.setRedundant(in.Arn, doc, *in.RedundantIngest)
		})
		return err
	})
	if err != nil {
		return nil, err
	}
	if before.StageArn != row.Doc.StageArn || before.redundant() != row.Doc.redundant() {
		s.cut(ctx, &before) // who came in at the same moment, by what is no more so
	}
	tags, err := s.DB.Tags(ctx, row.ARN)
	if err != nil {
		return nil, err
	}
	shown, err := s.showIngest(row, tags[row.ARN], false)
	if err != nil {
		return nil, err
	}
	return &UpdateIngestConfigurationOutput{IngestConfiguration: shown}, nil
}

// mustRest is a Conflict while somebody publishes through a configuration.
func (s *Service) mustRest(ctx context.Context, name string, doc *ingest) error {
	active, err := s.ingestActive(ctx, doc)
	if err == nil && active {
		err = fault.InConflict("ingest-configuration %s is ACTIVE", name)
	}
	return err
}

// cut ends what runs through a configuration as it was before it was changed.
func (s *Service) cut(ctx context.Context, doc *ingest) {
	if doc.StageArn != "" {
		s.Live.Cut(ctx, doc.StageArn, doc.participants()...)
	}
}

// DeleteIngestConfiguration removes an ingest configuration: with force also while somebody publishes through
// it, who is cut.
func (s *Service) DeleteIngestConfiguration(ctx context.Context, in *DeleteIngestConfigurationInput) (*DeleteIngestConfigurationOutput, error) {
	if _, err := s.Minter.Own(arn.IngestConfiguration, in.Arn); err != nil {
		return nil, err
	}
	var row *store.Row[ingest]
	err := s.DB.Tx(ctx, func(ctx context.Context) (err error) {
		if err := s.DB.Hold(ctx, in.Arn); err != nil {
			return err
		}
		if row, err = s.ingests.Get(ctx, in.Arn); err != nil {
			return err
		}
		if in.Force == nil || !*in.Force {
			if err := s.mustRest(ctx, in.Arn, &row.Doc); err != nil {
				return err
			}
		}
		return s.ingests.Delete(ctx, in.Arn)
	})
	if err != nil {
		return nil, err
	}
	s.cut(ctx, &row.Doc)
	return &DeleteIngestConfigurationOutput{}, nil
}

// detach takes an ingest configuration off a stage, in a transaction that holds the stage.
func (s *Service) detach(ctx context.Context, name, stageARN string) error {
	_, err := s.ingests.Update(ctx, name, func(doc *ingest) error {
		if doc.StageArn == stageARN { // else it went elsewhere just now
			doc.StageArn = ""
		}
		return nil
	})
	if fault.Of(err) == fault.NotFound { // deleted just now
		return nil
	}
	return err
}

// detachAll takes all ingest configurations off a stage, in a transaction that holds the stage.
func (s *Service) detachAll(ctx context.Context, stageARN string) error {
	for {
		rows, _, err := s.ingests.List(ctx, store.Query{Refs: []store.Ref{{Name: refStage, Value: stageARN}}, Limit: 100})
		if err != nil || len(rows) == 0 {
			return err
		}
		for _, row := range rows {
			if err := s.detach(ctx, row.ARN, stageARN); err != nil {
				return err
			}
		}
	}
}
