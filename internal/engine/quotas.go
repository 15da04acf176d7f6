package engine

import "github.com/streamcat/streamcat/internal/arn"

// awsQuotas is how many of a kind an account may have at AWS by default. A channel's one stream key is no
// count of the account's, and holds anyway.
var awsQuotas = map[arn.Kind]int{
	arn.Channel:                   5000,
	arn.PlaybackKey:               3,
	arn.RecordingConfiguration:    20,
	arn.PlaybackRestrictionPolicy: 20,
	arn.AdConfiguration:           20,
	arn.Stage:                     1000,
	arn.EncoderConfiguration:      20,
	arn.StorageConfiguration:      5,
	arn.IngestConfiguration:       100,
	arn.Composition:               20,
	arn.PublicKey:                 3,
	arn.Room:                      50_000,
	arn.LoggingConfiguration:      10,
}

// awsLimits tells whether AWS's limits apply.
func (c *Config) awsLimits() bool { return c.Quotas == "aws" }

// quotas gives the counts per kind; nil for none.
func (c *Config) quotas() map[arn.Kind]int {
	if c.awsLimits() {
		return awsQuotas
	}
	return nil
}

// liveLimits gives how many streams and viewers there may be at a time; zero for any number.
func (c *Config) liveLimits() (streams, viewers int) {
	if c.awsLimits() {
		return 100, 15_000
	}
	return 0, 0
}
