// Package ivs is the low-latency API: channels, stream keys, live streams and their tags, as resources
// in the database. The live side itself is package channel, which this package asks and which asks back
// through Directory; neither knows the other's shapes.
//
// Shapes, their rules, the route table and the answers of operations not built yet are generated from
// spec/ivs.json; a method of Service is one operation. Stream keys and passphrases are stored sealed
// and found by a digest, so the database alone gives no access to a channel.
package ivs
