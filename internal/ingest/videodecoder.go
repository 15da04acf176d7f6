package ingest

import "github.com/streamcat/streamcat/internal/media"

// videoDecoder is what is known of how to decode a video track: its configuration, kept up to date with
// what comes along in the pictures.
type videoDecoder interface {
	// accessUnit takes one access unit and cleans it in place. Errors are faults that name the codec.
	accessUnit(b []byte) (picture, error)
	// whole tells whether the configuration is complete. Only then may rebuild and track be called.
	whole() bool
	// rebuild brings the configuration up to date after accessUnit said that it changed.
	rebuild() error
	// track describes the video as it is now.
	track(id int, d declared) (*media.Track, error)
	// same tells whether another configuration, as it was sent, says the same.
	same(other videoDecoder) bool
}
