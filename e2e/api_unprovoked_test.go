package e2e

import "strings"

// unprovoked says why a modelled error of an operation cannot be provoked from outside, or nothing if it can.
func unprovoked(service, operation, exception string) string {
	switch exception {
	case "PendingVerification":
		return "no account is ever under review here"
	case "InternalServerException":
		return "only a bug or a broken disk gives it; the database's failure is provoked in internal/api"
	case "ServiceUnavailable", "StreamUnavailable":
		return "AWS has parts that can be out of reach; here they are one program"
	}
	return never[service+" "+operation+" "+exception]
}

// never has the single errors that nothing can provoke: most are modelled for a whole family of operations
// though they can be true of a few only.
var never = reasons(map[string][]string{
	"nothing can be in the way of reading or listing": {
		"ivs ListPlaybackRestrictionPolicies ConflictException",
		"ivs-realtime GetComposition ConflictException", "ivs-realtime GetEncoderConfiguration ConflictException",
		"ivs-realtime GetStorageConfiguration ConflictException", "ivs-realtime ListCompositions ConflictException",
		"ivs-realtime ListEncoderConfigurations ConflictException", "ivs-realtime ListStages ConflictException",
		"ivs-realtime ListStorageConfigurations ConflictException",
	},
	"nothing becomes more, so no quota can be passed": {
		"ivs-realtime DeleteEncoderConfiguration ServiceQuotaExceededException", "ivs-realtime DeleteStorageConfiguration ServiceQuotaExceededException",
		"ivs-realtime GetComposition ServiceQuotaExceededException", "ivs-realtime GetEncoderConfiguration ServiceQuotaExceededException",
		"ivs-realtime GetStorageConfiguration ServiceQuotaExceededException", "ivs-realtime ListCompositions ServiceQuotaExceededException",
		"ivs-realtime ListEncoderConfigurations ServiceQuotaExceededException", "ivs-realtime ListStorageConfigurations ServiceQuotaExceededException",
		"ivs-realtime StopComposition ServiceQuotaExceededException", "ivs-realtime UpdateStage ServiceQuotaExceededException",
		"ivs-realtime CreateParticipantToken ServiceQuotaExceededException",
	},
	"compositions end as soon as they start until they have media, so none keeps anything or adds up; internal/ivsrealtime makes them": {
		"ivs-realtime DeleteEncoderConfiguration ConflictException", "ivs-realtime StartComposition ServiceQuotaExceededException",
	},
	"to stop what has stopped changes nothing":                                {"ivs-realtime StopComposition ConflictException"},
	"stages end whatever goes on there":                                       {"ivs-realtime DeleteStage ConflictException"},
	"nothing refers to a public key":                                          {"ivs-realtime DeletePublicKey ConflictException"},
	"nothing is recorded yet, which is what an update would be in the way of": {"ivs-realtime UpdateStage ConflictException"},
	"50,000 rooms take long to make; internal/ivschat has a quota of one":     {"ivschat CreateRoom ServiceQuotaExceededException"},
	"a slow machine is not sure to pass a hundred calls a second; internal/api passes rates by a clock of its own": {
		"ivschat SendEvent ThrottlingException", "ivschat DeleteMessage ThrottlingException", "ivschat DisconnectUser ThrottlingException",
	},
	"what is used may change": {"ivs UpdatePlaybackRestrictionPolicy ConflictException", "ivschat UpdateLoggingConfiguration ConflictException"},
	"what is new has a name of its own, and what it refers to is ready": {
		"ivs CreateAdConfiguration ConflictException", "ivs CreateRecordingConfiguration ConflictException",
		"ivs-realtime CreateEncoderConfiguration ConflictException", "ivs-realtime CreateStorageConfiguration ConflictException",
		"ivschat CreateLoggingConfiguration ConflictException", "ivschat CreateRoom ConflictException",
	},
	"it refers to nothing that could be missing": {
		"ivs CreateAdConfiguration ResourceNotFoundException",
		"ivs-realtime CreateEncoderConfiguration ResourceNotFoundException", "ivs-realtime CreateStorageConfiguration ResourceNotFoundException",
		"ivschat CreateLoggingConfiguration ResourceNotFoundException",
	},
})

func reasons(byReason map[string][]string) map[string]string {
	out := map[string]string{}
	for why, errors := range byReason {
		for _, e := range errors {
			if strings.Count(e, " ") != 2 || out[e] != "" {
				panic("not one error with one reason: " + e)
			}
			out[e] = why
		}
	}
	return out
}
