package ugc

import (
	"strings"
	"unicode"

	"golang.org/x/text/cases"
	"golang.org/x/text/unicode/norm"
)

// fold gives a text as words are compared: compatible forms, case and diacritics taken away, what cannot be seen
// dropped, and letters that look like Latin ones made Latin. It is for comparing only: what it gives is not to be shown.
//
// https://www.unicode.org/reports/tr39/#Confusable_Detection has the idea of the last step; the table is our own and
// much shorter.
func fold(text string) string {
	text = cases.Fold().String(norm.NFKD.String(strings.ToValidUTF8(text, "\uFFFD")))
	text = strings.Map(func(r rune) rune {
		if unseen(r) {
			return -1
		}
		return r
	}, norm.NFKD.String(text)) // case folding may compose
	var b strings.Builder
	for _, r := range norm.NFC.String(text) { // what is left composes again: Hangul, kana, the marks of other scripts
		if r < 0x80 {
			b.WriteByte(byte(r))
		} else if s, ok := latin(r); ok {
			b.WriteString(s)
		} else {
			b.WriteRune(r)
		}
	}
	return b.String()
}

// unseen says of a decomposed rune that it does not tell words apart: what is invisible, and marks that any letter may
// have. Marks that belong to one script stay, for they are its vowels; so do those that make another kana.
func unseen(r rune) bool {
	switch {
	case r < 0x80:
		return r < ' ' && r != '\t' && r != '\n' && r != '\r' || r == 0x7f
	case r == 0x3099 || r == 0x309A:
		return false
	case r == 0x2800, r == 0x17B4, r == 0x17B5, r >= 0x0591 && r <= 0x05C7: // Braille blank, Khmer's unseen vowels, Hebrew points
		return true
	case unicode.In(r, unicode.Cf, unicode.Cc, unicode.Other_Default_Ignorable_Code_Point):
		return true
	}
	return unicode.In(r, unicode.Mn, unicode.Me) && unicode.Is(unicode.Inherited, r)
}

// latin gives the small Latin letters that a rune looks like.
func latin(r rune) (string, bool) {
	for _, letters := range []rune{0x1F150, 0x1F170, 0x1F1E6} { // white on black circles and squares, flags' letters
		if r >= letters && r < letters+26 {
			return string('a' + r - letters), true
		}
	}
	s, ok := lookalikes[r]
	return s, ok
}

// lookalikes are letters of other scripts, folded already, and variants of Latin ones that do not decompose.
var lookalikes = func() map[rune]string {
	table := map[rune]string{'æ': "ae", 'œ': "oe", 'ꜳ': "aa", 'þ': "p", 'ĸ': "k"}
	for latin, like := range map[string]string{
		"a": "аαɑᴀ", "b": "ьвʙƀɓ", "c": "сϲᴄ", "d": "ԁđɗᴅ", "e": "еєεəɛᴇ", "f": "ғꜰƒ", "g": "ɡɢԍǥ", "h": "һнʜħ", "i": "іιıɩɪ",
		"j": "јȷᴊ", "k": "кκᴋƙ", "l": "ӏłʟƚǀ", "m": "мᴍ", "n": "пηɴŋ", "o": "оοσɵøᴏօ", "p": "рρᴘƿ", "q": "ԛ", "r": "гʀɍ", "s": "ѕꜱ",
		"t": "тτᴛŧ", "u": "υᴜʉս", "v": "ѵνᴠ", "w": "ԝωᴡѡ", "x": "хχ", "y": "уүγʏ", "z": "ᴢƶ",
	} {
		for _, r := range like {
			table[r] = latin
		}
	}
	return table
}()
