package ingest

import (
	"slices"

	"github.com/streamcat/streamcat/internal/fault"
	"github.com/streamcat/streamcat/internal/media"
)

// maxVideoTracks is how many video tracks one connection may send.
const maxVideoTracks = 8

var errManyTracks = fault.InvalidInput("too many video tracks: the encoder sends more than %d", maxVideoTracks)

// videoTrack is one video track of a connection.
type videoTrack struct {
	number  byte // as the encoder counts, from 0
	id      int  // media.Track.ID; 0 until it is settled
	codec   media.Codec
	decoder videoDecoder
	track   *media.Track // nil while the decoder is not whole
	clock   trackClock
}

// videoTracks are those of one connection, in the order in which they were announced.
//
// When the first picture comes, IDs are given to all that were announced by then: the encoder's number 0,
// which is what it means most viewers to see, is media.FirstVideo, the others follow by falling size of
// the picture, and in the order of their announcement where that is equal. What is announced later gets
// the next ID that is free. IDs stay, whatever becomes of the sizes.
type videoTracks struct {
	all     []*videoTrack
	settled bool
	said    map[byte]declared // of tracks that metadata tells of by number
}

func (t *videoTracks) find(number byte) *videoTrack {
	for _, v := range t.all {
		if v.number == number {
			return v
		}
	}
	return nil
}

func (t *videoTracks) add(number byte) (*videoTrack, error) {
	if len(t.all) >= maxVideoTracks {
		return nil, errManyTracks
	}
	v := &videoTrack{number: number}
	t.all = append(t.all, v)
	if t.settled {
		v.id = media.FirstVideo + len(t.all) - 1
	}
	return v, nil
}

// settle gives the tracks their IDs.
func (t *videoTracks) settle() {
	t.settled = true
	slices.SortStableFunc(t.all, func(a, b *videoTrack) int {
		switch {
		case a.number == 0:
			return -1
		case b.number == 0:
			return 1
		}
		return b.pixels() - a.pixels()
	})
	for i, v := range t.all {
		v.id = media.FirstVideo + i
		if v.track != nil {
			own := *v.track
			own.ID = v.id
			v.track = &own
		}
	}
}

func (v *videoTrack) pixels() int {
	if v.track == nil {
		return 0
	}
	return v.track.Width * v.track.Height
}

// expected is how many tracks there will be: those that were announced, and those that metadata tells of.
func (t *videoTracks) expected() int {
	n := len(t.all)
	for number := range t.said {
		if t.find(number) == nil {
			n++
		}
	}
	if _, listed := t.said[0]; !listed && len(t.said) > 0 && t.find(0) == nil {
		n++ // the list has only what comes besides number 0
	}
	return min(n, maxVideoTracks)
}

func parseVideoConfig(c media.Codec, b []byte) (videoDecoder, error) {
	switch c {
	case media.HEVC:
		return parseHEVCConfig(b)
	case media.AV1:
		return parseAV1Config(b)
	}
	return parseAVCConfig(b)
}
