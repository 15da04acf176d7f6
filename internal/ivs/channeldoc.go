package ivs

import (
	"github.com/streamcat/streamcat/internal/arn"
	"github.com/streamcat/streamcat/internal/channel"
	"github.com/streamcat/streamcat/internal/fault"
	"github.com/streamcat/streamcat/internal/store"
)

// channelDoc is a channel as the database keeps it.
type channelDoc struct {
	Name, Type, LatencyMode, Preset, ContainerFormat string
	Authorized, InsecureIngest                       bool
	Multitrack                                       multitrack
	RecordingConfigurationArn                        string // "" means none, like the next two
	PlaybackRestrictionPolicyArn                     string
	AdConfigurationArn                               string
	Passphrase                                       []byte // for SRT; sealed
}

type multitrack struct {
	Enabled                   bool
	MaximumResolution, Policy string
}

// The properties by which channels are found.
const (
	refName        = "name"
	refRecording   = "recording-configuration"
	refRestriction = "playback-restriction-policy"
	refAds         = "ad-configuration"
)

func channels(db *store.DB) *store.Collection[channelDoc] {
	return store.NewCollection(db, arn.Channel, func(d *channelDoc) []store.Ref {
		refs := []store.Ref{{Name: refName, Value: d.Name}}
		for _, r := range []store.Ref{{Name: refRecording, Value: d.RecordingConfigurationArn}, {Name: refRestriction, Value: d.PlaybackRestrictionPolicyArn}, {Name: refAds, Value: d.AdConfigurationArn}} {
			if r.Value != "" {
				refs = append(refs, r)
			}
		}
		return refs
	})
}

func newChannel() channelDoc {
	return channelDoc{
		Type: ChannelTypeStandard, LatencyMode: ChannelLatencyModeLow, ContainerFormat: ContainerFormatTs,
		Multitrack: multitrack{MaximumResolution: MultitrackMaximumResolutionFullHd, Policy: MultitrackPolicyAllow},
	}
}

// set copies a value that was given.
func set[T any](to *T, from *T) {
	if from != nil {
		*to = *from
	}
}

// change applies what a request gives; absent members keep their value. It makes the rules hold that
// concern several members at once.
func (d *channelDoc) change(in *UpdateChannelInput) error {
	set(&d.Name, in.Name)
	set(&d.Type, in.Type)
	set(&d.LatencyMode, in.LatencyMode)
	set(&d.ContainerFormat, in.ContainerFormat)
	set(&d.Authorized, in.Authorized)
	set(&d.InsecureIngest, in.InsecureIngest)
	set(&d.RecordingConfigurationArn, in.RecordingConfigurationArn)
	set(&d.PlaybackRestrictionPolicyArn, in.PlaybackRestrictionPolicyArn)
	set(&d.AdConfigurationArn, in.AdConfigurationArn)
	if err := d.changePreset(in.Preset); err != nil {
		return err
	}
	if err := d.changeMultitrack(in.MultitrackInputConfiguration); err != nil {
		return err
	}
	if d.AdConfigurationArn != "" && d.ContainerFormat == ContainerFormatFragmentedMp4 {
		return broken("adConfigurationArn", "cannot be used with containerFormat FRAGMENTED_MP4")
	}
	return nil
}

// changePreset keeps the preset empty for types that have no choice, and never empty for the others.
func (d *channelDoc) changePreset(given *string) error {
	if d.Type == ChannelTypeBasic || d.Type == ChannelTypeStandard {
		if given != nil {
			return broken("preset", "can be chosen for the types ADVANCED_SD and ADVANCED_HD only")
		}
		d.Preset = ""
		return nil
	}
	set(&d.Preset, given)
	if d.Preset == "" {
		d.Preset = TranscodePresetHigherBandwidthDelivery
	}
	return nil
}

func (d *channelDoc) changeMultitrack(in *MultitrackInputConfiguration) error {
	if in != nil {
		if in.Enabled != nil && *in.Enabled && (in.Policy == nil || in.MaximumResolution == nil) {
			return broken("multitrackInputConfiguration", "needs policy and maximumResolution when it is enabled")
		}
		set(&d.Multitrack.Enabled, in.Enabled)
		set(&d.Multitrack.Policy, in.Policy)
		set(&d.Multitrack.MaximumResolution, in.MaximumResolution)
	}
	if !d.Multitrack.Enabled {
		return nil
	}
	if d.Type != ChannelTypeStandard {
		return broken("multitrackInputConfiguration", "can be enabled for the type STANDARD only")
	}
	if d.ContainerFormat != ContainerFormatFragmentedMp4 {
		return broken("containerFormat", "must be FRAGMENTED_MP4 when multitrackInputConfiguration is enabled")
	}
	return nil
}

// broken is an Invalid fault about one member.
func broken(name, message string) error {
	e := fault.InvalidInput("%s %s", name, message)
	e.Fields = []fault.Field{{Name: name, Message: message}}
	return e
}

// show makes the channel of an answer.
func (s *Service) show(name string, d *channelDoc, tags map[string]string) (*Channel, error) {
	passphrase, err := s.unseal(d.Passphrase, "passphrase", name)
	if err != nil {
		return nil, err
	}
	return &Channel{
		Arn: &name, Name: &d.Name, Type: &d.Type, LatencyMode: &d.LatencyMode,
		Preset: &d.Preset, ContainerFormat: &d.ContainerFormat,
		Authorized: &d.Authorized, InsecureIngest: &d.InsecureIngest,
		MultitrackInputConfiguration: &MultitrackInputConfiguration{
			Enabled: &d.Multitrack.Enabled, MaximumResolution: &d.Multitrack.MaximumResolution, Policy: &d.Multitrack.Policy,
		},
		RecordingConfigurationArn:    &d.RecordingConfigurationArn,
		PlaybackRestrictionPolicyArn: &d.PlaybackRestrictionPolicyArn,
		AdConfigurationArn:           &d.AdConfigurationArn,
		IngestEndpoint:               &s.endpoints.Ingest,
		PlaybackUrl:                  new(s.playbackURL(name)),
		Srt:                          &Srt{Endpoint: &s.endpoints.SRT, Passphrase: passphrase},
		Tags:                         tags,
	}, nil
}

func (s *Service) playbackURL(channelARN string) string {
	return s.endpoints.Playback + channel.PlaybackPath(channelARN)
}

// summarize makes the channel of a list.
func summarize(row *store.Row[channelDoc], tags map[string]string) ChannelSummary {
	d := &row.Doc
	return ChannelSummary{
		Arn: &row.ARN, Name: &d.Name, Type: &d.Type, LatencyMode: &d.LatencyMode, Preset: &d.Preset,
		Authorized: &d.Authorized, InsecureIngest: &d.InsecureIngest,
		RecordingConfigurationArn:    &d.RecordingConfigurationArn,
		PlaybackRestrictionPolicyArn: &d.PlaybackRestrictionPolicyArn,
		AdConfigurationArn:           &d.AdConfigurationArn,
		Tags:                         tags,
	}
}

// spec gives what the live side needs to know of a channel.
func (d *channelDoc) spec(name string) channel.Spec {
	return channel.Spec{
		ARN: name, ID: arn.ID(name), Name: d.Name, Type: d.Type, LatencyMode: d.LatencyMode,
		Authorized: d.Authorized, InsecureIngest: d.InsecureIngest,
		Multitrack: d.Multitrack.spec(),
		PolicyARN:  d.PlaybackRestrictionPolicyArn, AdARN: d.AdConfigurationArn, RecordingARN: d.RecordingConfigurationArn,
	}
}

// spec gives what the live side needs to know of a channel's multitrack input.
func (m *multitrack) spec() channel.Multitrack {
	if !m.Enabled {
		return channel.Multitrack{}
	}
	lines := map[string]int{MultitrackMaximumResolutionSd: 480, MultitrackMaximumResolutionHd: 720, MultitrackMaximumResolutionFullHd: 1080}
	return channel.Multitrack{Allowed: true, Required: m.Policy == MultitrackPolicyRequire, MaxLines: lines[m.MaximumResolution]}
}
