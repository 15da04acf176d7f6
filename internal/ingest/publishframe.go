package ingest

import (
	"strconv"

	"github.com/streamcat/streamcat/internal/media"
)

// WriteTag sends one FLV tag; the caller keeps the pace. Metadata that names no encoder gets ours.
func (p *PublishConn) WriteTag(t FLVTag) error {
	m := message{kind: t.Kind, stream: messageStreamID, timestamp: t.Timestamp, payload: t.Data}
	cs := byte(csVideo)
	switch t.Kind {
	case FLVAudio:
		cs = csAudio
	case FLVScript:
		cs = csAudio
		m.payload = p.metadata(t.Data)
	}
	err := p.send(cs, m)
	if err != nil {
		select {
		case <-p.done: // the server's reason is better than a broken pipe
			return p.Err()
		default:
		}
	}
	return err
}

// metadata makes the message that carries the script tag b.
func (p *PublishConn) metadata(b []byte) []byte {
	values, err := decodeAMF(b)
	if err != nil || len(values) < 2 || values[0] != "onMetaData" {
		return append(appendAMF(nil, "@setDataFrame"), b...)
	}
	if o, ok := values[1].(amfObject); ok && o.get("encoder") == nil {
		values[1] = append(o, amfMember{"encoder", p.encoder})
	}
	return appendAMF(nil, append([]any{"@setDataFrame"}, values...)...)
}

// Announce sends metadata of the tracks and their configurations, at a time. An encoder that sends several
// video tracks announces all of them before the first frame, so that the server knows how many there are;
// for one of each kind WriteFrame does it.
func (p *PublishConn) Announce(timestamp uint32, tracks ...*media.Track) error {
	var all, more amfObject
	for _, t := range tracks {
		about := amfObject{{"videodatarate", float64(t.Bitrate) / 1000}, {"framerate", t.FrameRate}, {"width", float64(t.Width)}, {"height", float64(t.Height)}}
		switch {
		case t.ID == media.FirstVideo:
			all = append(all, about...)
		case t.Kind == media.Video:
			more = append(more, amfMember{strconv.Itoa(int(number(t))), about})
		}
	}
	if more != nil {
		all = append(all, amfMember{"videoTrackIdInfoMap", more})
	}
	if err := p.WriteTag(FLVTag{FLVScript, timestamp, appendAMF(nil, "onMetaData", all)}); err != nil {
		return err
	}
	for _, t := range tracks {
		if err := p.configure(timestamp, t); err != nil {
			return err
		}
	}
	return nil
}

func (p *PublishConn) configure(timestamp uint32, t *media.Track) error {
	p.tracks[t.ID] = t
	config := t.Config
	if t.Codec == media.Opus {
		config = appendOpusHead(nil, config)
	}
	return p.WriteTag(FLVTag{flvKind(t), timestamp, appendTag(nil, t, packetConfig, true, 0, config)})
}

// WriteFrame sends one frame, with the configuration of its track before it where that is new.
//
// H.264 and AAC of the first tracks go as plain FLV has them; other codecs, and tracks after the first of
// their kind, by Enhanced RTMP.
func (p *PublishConn) WriteFrame(f *media.Frame) error {
	t := f.Track
	ts := uint32(f.DTS.Milliseconds())
	if p.tracks[t.ID] != t {
		if len(p.tracks) == 0 {
			if err := p.Announce(ts, t); err != nil {
				return err
			}
		} else if err := p.configure(ts, t); err != nil {
			return err
		}
	}
	offset := int32((f.PTS - f.DTS).Milliseconds())
	return p.WriteTag(FLVTag{flvKind(t), ts, appendTag(nil, t, packetFrame, f.Key, offset, f.Payload)})
}

func flvKind(t *media.Track) byte {
	if t.Kind == media.Video {
		return FLVVideo
	}
	return FLVAudio
}

// number is how encoders count a track: from 0 for each kind.
func number(t *media.Track) byte {
	if t.Kind == media.Video {
		return byte(t.ID - media.FirstVideo)
	}
	return byte(t.ID - media.FirstAudio)
}

// appendTag writes the body of an FLV tag. packet is a configuration or a frame.
func appendTag(b []byte, t *media.Track, packet byte, key bool, offset int32, data []byte) []byte {
	frame := byte(2) // an inter frame
	if key {
		frame = 1
	}
	n := number(t)
	switch {
	case t.Codec == media.AAC && n == 0:
		// 0xAF: AAC, and the 44 kHz, 16 bit and stereo that the format wants said whatever the truth is.
		return append(append(b, flvSoundAAC<<4|0x0F, packet), data...)
	case t.Codec == media.H264 && n == 0:
		b = append(b, frame<<4|flvCodecAVC, packet)
		return append(appendUint24(b, uint32(offset)&0xFFFFFF), data...)
	}

	// Packet types of Enhanced RTMP begin with the same two numbers.
	timed := packet == packetFrame && (t.Codec == media.H264 || t.Codec == media.HEVC)
	if timed && offset == 0 {
		packet, timed = exCodedFramesX, false
	}
	first, many := flvEnhanced|frame<<4, byte(exVideoMultitrack)
	if t.Kind == media.Audio {
		first, many = flvSoundEx<<4, exAudioMultitrack
	}
	if n == 0 {
		b = append(append(b, first|packet), fourCCOf(t.Codec)...)
	} else {
		b = append(append(b, first|many, exOneTrack<<4|packet), fourCCOf(t.Codec)...)
		b = append(b, n)
	}
	if timed {
		b = appendUint24(b, uint32(offset)&0xFFFFFF)
	}
	return append(b, data...)
}
