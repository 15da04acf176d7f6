//go:build ignore

// Makes demo.flv, the clip that `streamcat demo` plays in a loop: a harbour at dusk, and a cat.
//
//	cd cmd/streamcat && go run demo_clip.go
//
// It needs ffmpeg with libx264 and libfreetype, and the DejaVu fonts. Everything in the picture moves with a
// period that divides 8 s, and so does every tone, so the loop has no seam. 8 s are 240 pictures at
// 30 frames/s and 375 AAC frames at 48 kHz, both whole. Three periods are encoded and the middle one is
// kept, since an audio encoder needs what came before.
package main

import (
	"fmt"
	"log"
	"math"
	"os"
	"os/exec"
	"path/filepath"
)

const (
	width, height = 854, 480
	rate, period  = 30, 8
	font          = "/usr/share/fonts/truetype/dejavu/DejaVuSansMono.ttf"
	horizon       = 0.58 // from the top, in heights
)

func main() {
	dir, err := os.MkdirTemp("", "clip")
	check(err)
	defer os.RemoveAll(dir)
	raw, long := filepath.Join(dir, "period.rgb"), filepath.Join(dir, "long.flv")
	check(os.WriteFile(raw, frames(), 0o600))

	text := "drawtext=fontfile=" + font + ":fontcolor=white@0.8:"
	clock := `x=w*0.96-tw:y=h*0.14:fontsize=h/17:text='%{eif\:mod(floor(t+0.001)\,8)\:d\:2}.%{eif\:mod(floor((t+0.001)*10)\,10)\:d}'`
	// Two chords that fade into each other, and a bell every second; whole frequencies close after 8 s.
	pad := "(0.5+0.5*cos(2*PI*t/8))*(sin(2*PI*220*t)+0.8*sin(2*PI*277*t)+0.7*sin(2*PI*330*t))" +
		"+(0.5-0.5*cos(2*PI*t/8))*(sin(2*PI*185*t)+0.8*sin(2*PI*220*t)+0.7*sin(2*PI*277*t))"
	bell := "exp(-4*mod(t,1))*min(40*mod(t,1),1)*sin(2*PI*(660+110*mod(floor(t),4))*t)"
	ffmpeg("-stream_loop", "2", "-f", "rawvideo", "-pix_fmt", "rgb24", "-s", fmt.Sprintf("%dx%d", width, height),
		"-r", fmt.Sprint(rate), "-i", raw,
		"-f", "lavfi", "-i", fmt.Sprintf("aevalsrc=exprs='0.06*(%[1]s)+0.05*(%[2]s)|0.06*(%[1]s)+0.04*(%[2]s)':sample_rate=48000:duration=24", pad, bell),
		"-vf", text+clock+","+text+"x=w*0.96-tw:y=h*0.06:fontsize=h/24:text='streamcat demo',format=yuv420p",
		"-c:v", "libx264", "-profile:v", "main", "-preset", "veryslow", "-b:v", "760k", "-maxrate", "900k", "-bufsize", "1400k",
		"-bf", "0", "-g", "60", "-keyint_min", "60", "-sc_threshold", "0", "-c:a", "aac", "-b:a", "96k", long)
	ffmpeg("-i", long, "-ss", fmt.Sprint(period), "-t", fmt.Sprint(period), "-c", "copy", "-map_metadata", "-1",
		"-fflags", "+bitexact", "demo.flv")
}

func ffmpeg(args ...string) {
	cmd := exec.Command("ffmpeg", append([]string{"-hide_banner", "-loglevel", "error", "-y"}, args...)...)
	cmd.Stderr = os.Stderr
	check(cmd.Run())
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}

// frames draws one period as 8-bit RGB.
func frames() []byte {
	out := make([]byte, 0, width*height*3*rate*period)
	for n := range rate * period {
		t := float64(n) / rate
		for y := range height {
			for x := range width {
				c := scene((float64(x)+0.5)/height, (float64(y)+0.5)/height, t)
				for i := range c {
					// A little fixed grain keeps the gradients from showing steps.
					grain := float64((x*7+y*13+x*y%5)%8)/8 - 0.5
					out = append(out, byte(math.Max(0, math.Min(255, c[i]+grain))))
				}
			}
		}
	}
	return out
}

type rgb [3]float64

func (c rgb) mix(d rgb, a float64) rgb {
	for i := range c {
		c[i] += (d[i] - c[i]) * a
	}
	return c
}

func (c rgb) add(d rgb, a float64) rgb {
	for i := range c {
		c[i] += d[i] * a
	}
	return c
}

// in is 1 where d, a distance in heights, is negative, 0 outside, with a soft edge of about a pixel.
func in(d float64) float64 { return math.Max(0, math.Min(1, 0.5-d*height/1.5)) }

func ellipse(x, y, cx, cy, rx, ry float64) float64 {
	return in((math.Hypot((x-cx)/rx, (y-cy)/ry) - 1) * math.Min(rx, ry))
}

// turn is the angle after t seconds of something that repeats n times in a period.
func turn(t float64, n int) float64 { return 2 * math.Pi * t * float64(n) / period }

// scene is the colour of a point, in heights from the left and from the top, at time t.
func scene(x, y, t float64) rgb {
	const sunX, lampX, lampY = 1.16, 0.30, 0.300
	depth := y - horizon
	sun := math.Hypot(x-sunX, y-0.50)
	var c rgb
	if depth < 0 {
		c = rgb{36, 34, 92}.mix(rgb{236, 128, 96}, math.Exp(5.5*depth))
		c = c.add(rgb{255, 170, 90}, 0.55*math.Exp(-5*sun)).mix(rgb{255, 226, 170}, in(sun-0.085))
		// The lighthouse's beam goes round twice in a period.
		beam := math.Cos(math.Atan2(y-lampY, x-lampX) - turn(t, 2))
		c = c.add(rgb{210, 200, 170}, math.Pow(math.Max(beam, 0), 90)*math.Exp(-1.9*math.Hypot(x-lampX, y-lampY)))
	} else {
		wave := math.Sin(230*math.Sqrt(depth+0.01) - turn(t, 4) + 4*math.Sin(6*x+turn(t, 1)))
		c = rgb{150, 86, 96}.mix(rgb{26, 34, 74}, math.Min(1, depth*3.4)).add(rgb{12, 12, 14}, wave)
		path := math.Exp(-math.Abs(x-sunX+0.012*wave) * (13 - 22*depth))
		c = c.add(rgb{235, 150, 84}, path*(0.5+0.4*wave))
	}
	shade := rgb{16, 15, 28}
	// The headland with the lighthouse.
	head := horizon - 0.035 - 0.016*math.Sin(9*x+1) - 0.085*math.Exp(-math.Pow((x-0.22)*4, 2))
	c = c.mix(rgb{30, 24, 50}, in(math.Max(math.Max(head-y, y-horizon-0.004), x-0.78+0.6*(horizon-y))))
	c = c.mix(shade, in(math.Max(math.Abs(x-lampX)-0.012-0.02*(y-0.31), math.Max(0.29-y, y-0.48))))
	c = c.add(rgb{255, 240, 190}, 0.9*math.Exp(-60*math.Hypot(x-lampX, y-lampY)))
	c = c.mix(shade, boat(x, y, t))
	c = c.mix(shade, cat(x, y, t))
	return c.mix(shade, in(0.90-y))
}

// boat crosses the picture once in a period.
func boat(x, y, t float64) float64 {
	bx := -0.2 + 2.2*math.Mod(t/period+0.5, 1)
	by := 0.655 + 0.004*math.Sin(turn(t, 4))
	dx, dy := x-bx, y-by
	hull := in(math.Max(math.Abs(dy)-0.014, math.Abs(dx)-0.075+1.6*dy))
	main := in(math.Max(math.Max(0.004-dx, dx-0.42*(dy+0.20)), dy+0.022))
	jib := in(math.Max(math.Max(dx+0.004, -dx-0.30*(dy+0.18)), dy+0.022))
	return math.Max(hull, math.Max(main, jib))
}

// cat sits on the quay and looks at the sea. Its tail and one ear move.
func cat(x, y, t float64) float64 {
	const cx = 1.44
	d := x - cx
	a := math.Max(ellipse(x, y, cx, 0.835, 0.066, 0.11), ellipse(x, y, cx, 0.695, 0.054, 0.047))
	twitch := 0.012 * math.Pow(math.Max(0, math.Sin(turn(t, 2))), 12)
	ear := func(at, lean float64) float64 {
		h := y - 0.615
		return in(math.Max(math.Abs(d-at-lean*(0.69-y))-0.36*h, y-0.675))
	}
	a = math.Max(a, math.Max(ear(-0.032, -0.1), ear(0.032, 0.1+twitch*10)))
	s := (0.905 - y) / 0.17 // along the tail, from the ground up
	if s > -0.1 && s < 1.05 {
		s = math.Max(0, s)
		bend := 0.065 + 0.05*math.Sin(s*2.6) + 0.045*math.Sin(turn(t, 2)-s)*s*s
		a = math.Max(a, in(math.Max(math.Abs(d-bend)-0.012+0.004*s, (s-1)*0.17)))
	}
	return a
}
