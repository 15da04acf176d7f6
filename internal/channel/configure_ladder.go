package channel

import (
	"cmp"
	"slices"
)

// rung is a rendition that an encoder is told to make.
type rung struct {
	lines int // of the shorter edge
	kbps  int
}

// What a rendition of a size gets, on top of a ladder and further down, in kbit/s. With sound, the
// largest ladder stays within what a STANDARD channel takes.
var (
	topRates   = []rung{{1080, 4800}, {720, 3500}, {480, 1500}, {360, 800}, {160, 250}}
	lowerRates = []rung{{720, 2000}, {480, 900}, {360, 450}, {160, 150}}
	// Which rungs below the top are the most useful, where there is no room for all.
	usefulness = []int{480, 720, 360, 160}
)

// What one track gets, where a channel takes no more.
var singleRates = []rung{{1080, 6000}, {720, 4500}, {480, 2500}, {360, 1200}, {160, 400}}

const (
	soundKbps   = 160
	leastKbps   = 100 // below, there is no picture
	fastPicture = 45  // pictures per second above which the small renditions have every other one
	smallLines  = 480
)

// wishes are what an encoder would like, and what its channel allows.
type wishes struct {
	lines  int // of the largest picture it would send
	tracks int // at most
	kbps   int // at most, sound included
}

// rateAt is a table's rate for a picture of some lines: that of the largest size that is not larger.
func rateAt(table []rung, lines int) int {
	for _, r := range table {
		if lines >= r.lines {
			return r.kbps
		}
	}
	return leastKbps
}

// ladder gives the renditions that an encoder shall make, the largest first; none if there is no room even for
// one. What does not fit is left out by usefulness, and the last one is made to fit.
func ladder(w wishes) []rung {
	room := w.kbps - soundKbps
	if w.lines <= 0 || w.tracks < 1 || room < leastKbps {
		return nil
	}
	if w.tracks == 1 {
		return []rung{{w.lines, min(rateAt(singleRates, w.lines), room)}}
	}
	top := rung{w.lines, min(rateAt(topRates, w.lines), room)}
	list, sum := []rung{top}, top.kbps
	for _, lines := range usefulness {
		kbps := rateAt(lowerRates, lines)
		if len(list) < w.tracks && lines < w.lines && sum+kbps <= room {
			list, sum = append(list, rung{lines, kbps}), sum+kbps
		}
	}
	slices.SortFunc(list, func(a, b rung) int { return cmp.Compare(b.lines, a.lines) })
	return list
}

// scaled gives the size of a picture of some lines with the shape of another, in even numbers.
func scaled(width, height, lines int) (w, h int) {
	even := func(n int) int { return max((n+1)/2*2, 2) }
	short := min(width, height)
	w, h = even((width*lines+short/2)/short), even((height*lines+short/2)/short)
	return w, h
}
