package transcode

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"log/slog"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/streamcat/streamcat/internal/media"
)

// madeSlate waits until a slate is made.
func madeSlate(t *testing.T, s *Slates, f SlateFormat) *Slate {
	t.Helper()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for end := time.After(time.Minute); ; {
		if made := s.Slate(f); made != nil {
			return made
		}
		select {
		case <-end:
			t.Fatalf("no slate of %+v", f)
		case <-tick.C:
		}
	}
}

func slates(t *testing.T, ffmpeg func() *FFmpeg) (*Slates, *bytes.Buffer) {
	var log bytes.Buffer
	s := NewSlates(ffmpeg, slog.New(slog.NewTextHandler(&log, nil)))
	t.Cleanup(func() { s.Close(t.Context()) })
	return s, &log
}

// decode has ffmpeg decode a loop of a slate twice, and gives the mean luma of each picture.
func decode(t *testing.T, s *Slate) (luma []float64) {
	t.Helper()
	form := map[media.Codec]string{media.H264: "h264", media.HEVC: "hevc", media.AV1: "obu"}[s.Track.Codec]
	var in bytes.Buffer
	if form != "obu" {
		for _, set := range sets(s.Track) {
			in.Write(append([]byte{0, 0, 0, 1}, set...))
		}
	}
	for range 2 {
		for _, f := range s.Frames {
			if form == "obu" {
				in.Write(append([]byte{0x12, 0}, f.Payload...)) // a temporal delimiter before each
				continue
			}
			for b := f.Payload; len(b) > 0; {
				n := 4 + int(binary.BigEndian.Uint32(b))
				in.Write(append([]byte{0, 0, 0, 1}, b[4:n]...))
				b = b[n:]
			}
		}
	}
	cmd := exec.Command("ffmpeg", "-v", "error", "-f", form, "-i", "-", "-fps_mode", "passthrough", "-pix_fmt", "gray", "-f", "rawvideo", "-")
	cmd.Stdin = &in
	var said bytes.Buffer
	cmd.Stderr = &said
	out, err := cmd.Output()
	if err != nil || said.Len() > 0 {
		t.Fatalf("%v: %s", err, &said)
	}
	size := s.Track.Width * s.Track.Height
	for ; len(out) >= size; out = out[size:] {
		sum := 0
		for _, v := range out[:size] {
			sum += int(v)
		}
		luma = append(luma, float64(sum)/float64(size))
	}
	return luma
}

// sets gives the parameter sets of a track's configuration.
func sets(t *media.Track) [][]byte {
	if t.Codec == media.H264 {
		return [][]byte{t.SPS, t.PPS}
	}
	var out [][]byte
	for b := t.Config[23:]; len(b) > 0; { // ISO/IEC 14496-15 §8.3.3
		n := int(binary.BigEndian.Uint16(b[1:]))
		for b = b[3:]; n > 0; n-- {
			size := 2 + int(binary.BigEndian.Uint16(b))
			out = append(out, b[2:size])
			b = b[size:]
		}
	}
	return out
}

func TestASlateIsALoopInTheFormatOfItsStream(t *testing.T) {
	s, _ := slates(t, func() *FFmpeg { return find(t) })
	for _, f := range []SlateFormat{
		{media.H264, 66, 320, 180, 30},
		{media.H264, 77, 180, 320, 25},
		{media.H264, 100, 640, 360, 60},
		{media.HEVC, 0, 320, 180, 24},
		{media.AV1, 0, 320, 180, 15},
	} {
		t.Run(fmt.Sprintf("%v %d %dx%d", f.Codec, f.Profile, f.Width, f.Height), func(t *testing.T) {
			made := madeSlate(t, s, f)
			if s.Slate(f) != made {
				t.Error("it is made twice")
			}
			if got := SlateFormatOf(made.Track, 0); got != f {
				t.Errorf("it is %+v", got)
			}
			rate := int(f.FrameRate)
			if len(made.Frames) != 2*rate || !made.Frames[0].Key || !made.Frames[rate].Key {
				t.Errorf("%d pictures, key frames %v and %v", len(made.Frames), made.Frames[0].Key, made.Frames[rate].Key)
			}
			size := 0
			for _, frame := range made.Frames {
				size += len(frame.Payload)
			}
			luma := decode(t, made)
			t.Logf("%d bytes, mean luma %.1f", size, luma[0])
			if len(luma) != 4*rate {
				t.Fatalf("%d pictures of %d can be decoded", len(luma), 4*rate)
			}
			still := true
			for _, l := range luma {
				if l < 20 || l > 80 {
					t.Fatalf("a picture's mean luma is %.1f", l)
				}
				still = still && l == luma[0]
			}
			if still {
				t.Error("nothing moves")
			}
		})
	}
}

func TestWhereNoSlateCanBeMadeThatIsSaidOnce(t *testing.T) {
	f := SlateFormat{media.H264, 100, 320, 180, 30}
	t.Run("no ffmpeg", func(t *testing.T) {
		s, log := slates(t, func() *FFmpeg { return nil })
		for range 3 {
			if s.Slate(f) != nil {
				t.Error("a slate")
			}
		}
		if n := strings.Count(log.String(), "no ffmpeg"); n != 1 {
			t.Errorf("said %d times:\n%s", n, log)
		}
	})
	t.Run("no encoder", func(t *testing.T) {
		poor := *find(t)
		poor.encoders = "A....D aac"
		s, log := slates(t, func() *FFmpeg { return &poor })
		for range 3 {
			if s.Slate(f) != nil {
				t.Error("a slate")
			}
			s.wg.Wait()
		}
		if n := strings.Count(log.String(), "no slate can be made"); n != 1 {
			t.Errorf("said %d times:\n%s", n, log)
		}
	})
}

func TestOldSlatesMakeRoom(t *testing.T) {
	poor := *find(t)
	poor.encoders = ""
	s, log := slates(t, func() *FFmpeg { return &poor })
	format := func(n int) SlateFormat { return SlateFormat{media.H264, 100, 320 + 2*n, 180, 30} }
	s.turn.Lock() // while one takes its time
	for n := range 3 * maxSlates {
		s.Slate(format(n))
		s.Slate(format(0))
	}
	s.turn.Unlock()
	s.wg.Wait()
	if n := strings.Count(log.String(), "no slate can be made"); n != maxSlates {
		t.Errorf("%d were begun", n)
	}
	if len(s.made) > maxSlates || s.made[format(0)] == nil || s.made[format(3*maxSlates-1)] == nil {
		t.Errorf("%d are kept", len(s.made))
	}
}

func TestTheRateOfASlateIsWhatTheStreamsMostLikelyIs(t *testing.T) {
	for measured, want := range map[float64]float64{29.4: 30, 59: 60, 25.2: 25, 12: 12, 0: 5, 240: 60} {
		if got := SlateFormatOf(&media.Track{Codec: media.AV1, Width: 321, Height: 181}, measured); got != (SlateFormat{media.AV1, 0, 320, 180, want}) {
			t.Errorf("%v: %+v", measured, got)
		}
	}
}

func FuzzMP4(f *testing.F) {
	avcC := append([]byte{0, 0, 0, 15}, "avcC\x01\x64\x00\x1f\xff\xe1\x00"...)
	f.Add(avcC)
	f.Add([]byte("\x00\x00\x00\x20moof\x00\x00\x00\x18traf\x00\x00\x00\x10trun\x00\x00\x02\x01\x00\x00\x00\x01"))
	f.Add([]byte("\x00\x00\x00\x01moov\x00\x00\x00\x00\x00\x00\x00\x10"))
	f.Fuzz(func(t *testing.T, b []byte) {
		m, err := parseMP4(b)
		if err == nil && (len(m.samples) == 0 || m.config == nil) {
			t.Error("good without samples")
		}
		if m != nil {
			parameterSets(m.config)
		}
	})
}
