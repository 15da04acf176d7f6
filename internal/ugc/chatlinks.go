package ugc

import (
	"regexp"
	"strings"

	"golang.org/x/text/unicode/norm"
)

// link finds what is a link, or what people type in its place: a scheme with slashes, "www.", a name that ends in a
// common top-level domain, or any dotted name with a path behind it.
var link = regexp.MustCompile(`(?i)[a-z][a-z0-9+.-]*://\S|\bwww\.[\p{L}\p{N}]` +
	`|[\p{L}\p{N}](?:[\p{L}\p{N}-]*[\p{L}\p{N}])?\.(?:(?:[\p{L}\p{N}-]+\.)*(?:com|net|org|info|biz|io|tv|gg|me|co|ly|to|cc|ru|cn|xyz|top|site|online|shop|store|club|live|link|app|dev|ai|uk|de|fr|nl|eu|us|ca|br|in|jp|it|es|pl|se|ch|at|be|au)(?:[^\p{L}\p{N}.-]|[.](?:\s|$)|$)` +
	`|[\p{L}-]{2,}/\S)`)

// dots are ways to write one in the hope that nobody who forbids links will see it.
var dots = strings.NewReplacer("。", ".", "｡", ".", "．", ".", "(dot)", ".", "[dot]", ".", "{dot}", ".", "(.)", ".", "[.]", ".")

// hasLink says whether a text has a link in it.
func hasLink(text string) bool {
	text = strings.Map(func(r rune) rune {
		if unseen(r) {
			return -1
		}
		return r
	}, norm.NFKC.String(text))
	return link.MatchString(dots.Replace(strings.ToLower(text)))
}
