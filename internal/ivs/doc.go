// Package ivs is the low-latency API: channels and stream keys, what channels are given (playback keys,
// restriction policies, recording and ad configurations), live streams and tags, as resources in the
// database. The live side itself is package channel, which this package asks and which asks back through
// Directory; neither knows the other's shapes.
//
// Shapes, their rules and the route table are generated from spec/ivs.json; a method of Service is one
// operation. Stream keys and passphrases are stored sealed and found by a digest, so the database alone gives
// no access to a channel.
//
// A transaction holds what it names in the order channel, recording configuration, restriction policy, ad
// configuration.
package ivs
