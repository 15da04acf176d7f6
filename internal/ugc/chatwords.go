package ugc

import (
	"slices"
	"strings"
	"unicode"
)

// leet are signs that stand for letters in the middle of words, and for which ones.
var leet = map[rune]string{
	'0': "o", '1': "il", '3': "e", '4': "a", '5': "s", '7': "t", '8': "b", '9': "g", '@': "a", '$': "s", '!': "il", '|': "il",
}

// token is a word of a folded text: letters, digits, marks, and signs that may stand for letters.
type token []rune

func isWordRune(r rune) bool {
	_, sign := leet[r]
	return sign || unicode.IsLetter(r) || unicode.IsNumber(r) || unicode.IsMark(r)
}

func tokens(folded string) (out []token) {
	for field := range strings.FieldsFuncSeq(folded, func(r rune) bool { return !isWordRune(r) }) {
		out = append(out, token(field))
	}
	return out
}

// spelledOut gives what comes of tokens of one rune each that follow one another, three or more: "b.a.d".
func spelledOut(all []token) (out []token) {
	var word token
	for i, t := range all {
		if len(t) == 1 {
			word = append(word, t[0])
		}
		if len(t) != 1 || i == len(all)-1 {
			if len(word) >= 3 {
				out = append(out, word)
			}
			word = nil
		}
	}
	return out
}

const (
	maxWord       = 50 // code points of a blocked word as it is written
	maxWordFolded = 60 // and folded
)

// blockedWord is one word, or several in a row, that a chat does not want, ready to be looked for. Words match as
// wholes; an asterisk at either end lets anything stand there. In scripts that put no spaces between words they match
// anywhere, and in Korean whatever follows.
type blockedWord struct {
	words              []token
	openStart, openEnd bool
	spelled            string // its folded form, by which it is told from others
}

// unspaced are the scripts that put no spaces between words.
var unspaced = []*unicode.RangeTable{unicode.Han, unicode.Hiragana, unicode.Katakana, unicode.Thai, unicode.Lao, unicode.Khmer, unicode.Myanmar}

// parseBlocked makes a blocked word of what somebody wrote; false if there is nothing in it to look for, or too much.
func parseBlocked(text string) (w blockedWord, ok bool) {
	text = strings.TrimSpace(text)
	if len([]rune(text)) > maxWord {
		return w, false
	}
	bare := strings.TrimPrefix(text, "*")
	w.openStart = bare != text
	cut := strings.TrimSuffix(bare, "*")
	w.openEnd = cut != bare
	folded := fold(cut)
	w.words = tokens(folded)
	size := 0
	for _, t := range w.words {
		size += len(t)
		for _, r := range t {
			if unicode.In(r, unspaced...) {
				w.openStart, w.openEnd = true, true
			}
			w.openEnd = w.openEnd || unicode.Is(unicode.Hangul, r)
		}
		w.spelled += " " + string(t)
	}
	if w.openStart {
		w.spelled = "*" + w.spelled
	}
	if w.openEnd {
		w.spelled += "*"
	}
	return w, size > 0 && size <= maxWordFolded
}

// in says whether the word is among the tokens of a text.
func (w blockedWord) in(all, spelled []token) bool {
	last := len(w.words) - 1
	for at := 0; at+last < len(all); at++ {
		found := true
		for i, want := range w.words {
			if !want.is(all[at+i], w.openStart && i == 0, w.openEnd && i == last) {
				found = false
				break
			}
		}
		if found {
			return true
		}
	}
	return last == 0 && slices.ContainsFunc(spelled, func(t token) bool { return w.words[0].is(t, w.openStart, w.openEnd) })
}

// is says whether a token of a text is the wanted word. Signs at its ends may be letters or just signs.
func (want token) is(t token, openStart, openEnd bool) bool {
	if want.matches(t, openStart, openEnd) {
		return true
	}
	trimmed := token(strings.TrimFunc(string(t), func(r rune) bool { return r == '!' || r == '|' || r == '@' || r == '$' }))
	return len(trimmed) < len(t) && want.matches(trimmed, openStart, openEnd)
}

// matches compares rune by rune. Three or more of the same in the text stand for any number of that letter. State i
// of the set says that the first i runes of the word are matched; it has at most maxWordFolded+1 of them.
func (want token) matches(t token, openStart, openEnd bool) bool {
	whole := uint64(1) << len(want)
	states := uint64(1)
	for at, r := range t {
		same := uint64(0) // bit i: r may be the word's rune i
		for i, p := range want {
			if r == p || strings.ContainsRune(leet[r], p) {
				same |= 1 << i
			}
		}
		next := (states & same) << 1
		if long(t, at) {
			next |= states & (same << 1)
		}
		if openEnd {
			next |= states & whole
		}
		if openStart {
			next |= 1
		}
		if states = next; states == 0 {
			return false
		}
	}
	return states&whole != 0
}

// long says whether a rune is one of three or more of the same.
func long(t token, at int) bool {
	n := 1
	for i := at - 1; i >= 0 && t[i] == t[at] && n < 3; i-- {
		n++
	}
	for i := at + 1; i < len(t) && t[i] == t[at] && n < 3; i++ {
		n++
	}
	return n >= 3
}
