package ingest

import (
	"net/url"
	"strings"
)

// srtMaxStreamID is what the protocol lets a stream id have (draft-sharabayko-srt-01 §3.2.1.3).
const srtMaxStreamID = 512

// srtID is what the stream id of a caller asks for.
type srtID struct {
	key      string
	priority int // of a stream takeover; 0 where none is claimed
}

// parseSRTID reads a stream id: the stream key alone, with "publish:" before it, as some servers want it,
// or SRT's access control form "#!::r=<key>,m=publish" (SRT Access Control Guidelines). A priority may
// follow the key as "?priority=7". The refusal holds nothing of the stream id.
func parseSRTID(s string) (srtID, *refusal) {
	if len(s) > srtMaxStreamID {
		return srtID{}, refuse("stream_id", "", "the stream id is too long")
	}
	// Some encoders pass on what stands in their URL without decoding it. No key has a percent sign.
	if plain, err := url.PathUnescape(s); err == nil {
		s = plain
	}
	name, mode := s, "publish"
	if rest, ok := strings.CutPrefix(s, "#!::"); ok {
		var r *refusal
		if name, mode, r = accessControl(rest); r != nil {
			return srtID{}, r
		}
	} else if strings.HasPrefix(s, "#!") {
		return srtID{}, refuse("stream_id", "", "the stream id cannot be read: use the stream key alone, or #!::r=<stream key>,m=publish")
	} else if before, after, ok := strings.Cut(s, ":"); ok {
		switch before {
		case "publish", "read", "request", "play":
			mode, name = before, after
		}
	}
	if mode != "publish" {
		return srtID{}, refuse("mode", "", "this server takes publishers only: use m=publish; streams are watched over HLS")
	}
	key, query, _ := strings.Cut(name, "?")
	if key == "" {
		return srtID{}, refuse("stream_id", "", "the stream id must be the stream key")
	}
	priority, ok := priorityOf(query)
	if !ok {
		return srtID{}, refuse("priority", "", "the priority must be a whole number from 1 to 2147483647")
	}
	return srtID{key, priority}, nil
}

// accessControl reads the list of pairs after "#!::". A mode that is missing would stand for "request", but
// whoever gives a stream key here can only mean to publish.
func accessControl(list string) (name, mode string, _ *refusal) {
	mode = "publish"
	for pair := range strings.SplitSeq(list, ",") {
		k, v, _ := strings.Cut(pair, "=")
		switch strings.TrimSpace(k) {
		case "r":
			name = strings.TrimSpace(v)
		case "m":
			mode = strings.TrimSpace(v)
		case "t":
			if t := strings.TrimSpace(v); t != "stream" {
				return "", "", refuse("media_type", "", "this server takes live streams only: use t=stream, or leave it out")
			}
		}
	}
	return name, mode, nil
}
