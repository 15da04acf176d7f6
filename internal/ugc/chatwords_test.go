package ugc

import (
	"strings"
	"testing"
	"unicode/utf8"
)

func TestTextsThatLookAlikeFoldAlike(t *testing.T) {
	for _, c := range []struct{ name, text, want string }{
		{"case", "DaRn", "darn"},
		{"sharp s", "STRAßE", "strasse"},
		{"dotted capital i", "İstanbul", "istanbul"},
		{"diacritics", "dàrñ", "darn"},
		{"many marks", "d\u0301\u0302\u0303a\u0334rn", "darn"},
		{"full width", "ｄａｒｎ", "darn"},
		{"mathematical letters", "𝓭𝐚𝕣𝚗", "darn"},
		{"circled letters", "ⓓⓐⓡⓝ", "darn"},
		{"black circled letters", "🅓🅐🅡🅝", "darn"},
		{"black squared letters", "🅳🅰🆁🅽", "darn"},
		{"letters of flags", "🇩🇦🇷🇳", "darn"},
		{"keycaps and variation selectors", "d\uFE0Fa\u20E3rn", "darn"},
		{"ligature", "ﬁne", "fine"},
		{"zero width", "d\u200Ba\u200Dr\u2060n\uFEFF", "darn"},
		{"soft hyphen", "da\u00ADrn", "darn"},
		{"direction marks", "\u202Edarn\u202C", "darn"},
		{"Hangul fillers", "da\u3164r\uFFA0n", "darn"},
		{"tag characters", "da\U000E0061rn", "darn"},
		{"Cyrillic letters", "ԁаrп", "darn"},
		{"Greek letters", "dαρν", "dapv"},
		{"stroked letters", "đøłłar", "dollar"},
		{"small capitals", "ᴅᴀʀɴ", "darn"},
		{"Japanese stays itself", "ばか", "ばか"},
		{"half-width kana", "ﾊﾞｶ", "バカ"},
		{"Korean composes again", "\u1107\u1161\u1107\u1169", "바보"},
		{"Thai vowels stay", "กิน", "กิน"},
		{"Devanagari vowels stay", "हिन्दी", "हिन्दी"},
		{"Hebrew points go", "שָׁלוֹם", "שלום"},
		{"Arabic marks go", "سَلَام", "سلام"},
		{"broken UTF-8", "da\xffrn", "da\uFFFDrn"},
		{"nothing", "", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := fold(c.text); got != c.want {
				t.Errorf("%q, want %q", got, c.want)
			}
		})
	}
}

func TestBlockedWordsAreFoundHoweverTheyAreWritten(t *testing.T) {
	for _, c := range []struct {
		name, blocked, text string
		want                bool
	}{
		{"itself", "darn", "darn", true},
		{"in a sentence", "darn", "well, DARN it!", true},
		{"with punctuation", "darn", "darn!!!", true},
		{"not within a word", "darn", "darning socks", false},
		{"not across words", "darn", "da rn", false},
		{"of a town", "hunt", "Scunthorpe", false},
		{"asterisk behind", "darn*", "darning socks", true},
		{"asterisk before", "*darn", "goddarn", true},
		{"asterisks around", "*darn*", "goddarning", true},
		{"asterisk behind, not before", "darn*", "goddarn", false},
		{"digits for letters", "darn", "d4rn", true},
		{"signs for letters", "sass", "$@$$", true},
		{"a one for an i", "silly", "s1lly", true},
		{"a one for an l", "silly", "sil1y", true},
		{"digits are digits, too", "4chan", "4CHAN", true},
		{"letters drawn out", "darn", "daaaaarrrrn", true},
		{"two of a letter are another word", "god", "good", false},
		{"three may be one", "god", "goood", true},
		{"three may be two", "good", "goood", true},
		{"two must not be missing", "good", "god", false},
		{"spelled out", "darn", "d.a.r.n", true},
		{"spelled out with blanks", "darn", "oh d a r n it", true},
		{"spelled out with underscores", "darn", "d_a_r_n", true},
		{"two letters alone are not spelled out", "ab", "a b", false},
		{"look-alikes in the text", "darn", "dаrп", true},
		{"look-alikes in the list", "dаrп", "darn", true},
		{"zero width", "darn", "da\u200Brn", true},
		{"several words", "go away", "please GO   away now", true},
		{"several words, another between", "go away", "go far away", false},
		{"several words, apostrophe", "don't", "DON’T", true},
		{"Chinese anywhere", "笨蛋", "你是笨蛋吗", true},
		{"Japanese", "ばか", "ばかやろう", true},
		{"Japanese is not its cousin without marks", "ばか", "はか", false},
		{"Korean with an ending", "바보", "바보야", true},
		{"Korean, not in the middle", "바보", "나바보", false},
		{"Thai anywhere", "โง่", "คุณโง่มาก", true},
		{"Russian", "Дурак", "ДУРА́К!", true},
		{"the end of it is missing", "darn", "dar", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			w, ok := parseBlocked(c.blocked)
			if !ok {
				t.Fatal("it cannot be blocked")
			}
			all := tokens(fold(c.text))
			if got := w.in(all, spelledOut(all)); got != c.want {
				t.Errorf("%q in %q: %v", c.blocked, all, got)
			}
		})
	}
}

func TestWhatHasNothingToLookForCannotBeBlocked(t *testing.T) {
	for _, text := range []string{"", " ", "*", "**", "...", "\u200b", strings.Repeat("x", maxWord+1), strings.Repeat("\uFDFA", maxWord)} {
		if w, ok := parseBlocked(text); ok {
			t.Errorf("%q became %+v", text, w)
		}
	}
	if _, ok := parseBlocked(strings.Repeat("x", maxWord)); !ok {
		t.Error("the longest cannot be blocked")
	}
}

func TestLinksAreFound(t *testing.T) {
	for text, want := range map[string]bool{
		"https://example.org/x":          true,
		"see HTTP://EXAMPLE.ORG":         true,
		"ftp://host":                     true,
		"www.example":                    true,
		"example.com":                    true,
		"go to example.com, now":         true,
		"EXAMPLE.COM/path":               true,
		"sub.domain.example.co.uk":       true,
		"example(dot)com":                true,
		"example[.]com":                  true,
		"ｅｘａｍｐｌｅ．ｃｏｍ":                    true,
		"exam\u200bple.c\u200bom":        true,
		"bücher.de":                      true,
		"somebody@example.com":           true,
		"evil.zip/download":              true,
		"Hello. Come in":                 false,
		"and so on...":                   false,
		"version 1.2.3":                  false,
		"e.g. this":                      false,
		"3.5/10 would watch again":       false,
		"it is 12:30":                    false,
		"nothing":                        false,
		"he said no.net effect was zero": true, // nobody can tell
	} {
		if got := hasLink(text); got != want {
			t.Errorf("%q: %v", text, got)
		}
	}
}

func FuzzFold(f *testing.F) {
	for _, s := range []string{"DaRn", "d\u0301\u0302a", "İ", "🅳🅰", "ばか", "\u1107\u1161", "\xff", "ﷺ", "a\u0345\u0301", "go away*", "*笨蛋"} {
		f.Add(s, "darn*")
	}
	f.Fuzz(func(t *testing.T, text, blocked string) {
		folded := fold(text)
		if !utf8.ValidString(folded) {
			t.Fatalf("%q folds to %q", text, folded)
		}
		for _, r := range folded {
			if unseen(r) {
				t.Errorf("%q folds to %q, with %U in it", text, folded, r)
			}
		}
		hasLink(text)
		all := tokens(folded)
		spelled := spelledOut(all)
		if w, ok := parseBlocked(blocked); ok {
			w.in(all, spelled)
			own := tokens(fold(strings.TrimSuffix(strings.TrimPrefix(strings.TrimSpace(blocked), "*"), "*")))
			if !w.in(own, spelledOut(own)) {
				t.Errorf("%q does not block itself", blocked)
			}
		}
	})
}
