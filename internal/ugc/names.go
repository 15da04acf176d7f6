package ugc

import (
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/streamcat/streamcat/internal/fault"
)

// Category is one of the shelves a channel can stand on.
type Category struct {
	ID   string `json:"id"`
	Name string `json:"name"`
}

var categories = []Category{
	{"talk", "Talk Shows & Podcasts"},
	{"chatting", "Just Chatting"},
	{"shopping", "Live Shopping"},
	{"gaming", "Sports & Gaming"},
	{"events", "Conferences & Events"},
}

const firstCategory = "chatting"

// Categories lists the shelves in the order people see them.
func Categories() []Category { return slices.Clone(categories) }

func category(id string) (Category, bool) {
	i := slices.IndexFunc(categories, func(c Category) bool { return c.ID == id })
	if i < 0 {
		return Category{ID: id, Name: id}, false
	}
	return categories[i], true
}

const (
	minName, maxName         = 3, 32
	minPassword, maxPassword = 8, 256
	maxTitle                 = 140
)

// usernames are what IVS takes as a name of a channel, a room and a stage: the form refuses everything
// that a service would refuse later.
var usernames = regexp.MustCompile(`^[a-zA-Z0-9_-]+$`)

// reserved names are paths of this server, or would let somebody speak in the house's voice.
var reserved = []string{
	"about", "account", "admin", "administrator", "amazon", "anonymous", "api", "app", "assets", "aws", "broadcast",
	"category", "categories", "channel", "channels", "chat", "chat-review", "check", "console", "dashboard", "engine",
	"everyone", "following", "golive", "guest", "guests", "healthz", "help", "home", "hooks", "host", "login", "logout", "metrics",
	"mod", "moderator", "moderators", "null", "official", "owner", "privacy", "readyz", "register", "root", "search",
	"security", "settings", "sign-in", "sign-out", "sign-up", "signin", "signout", "signup", "staff", "stage",
	"stage-events", "static", "streamcat", "studio", "support", "system", "tags", "terms", "undefined", "user", "users",
	"vod", "vods", "whep", "whip", "www",
}

// nameKey is what makes two usernames the same.
func nameKey(username string) string { return strings.ToLower(username) }

func checkUsername(username string) string {
	switch key := nameKey(username); {
	case len(username) < minName || len(username) > maxName:
		return "Choose 3 to 32 characters."
	case !usernames.MatchString(username):
		return "Use only letters, digits, hyphens and underscores."
	case slices.Contains(reserved, key), strings.HasPrefix(key, "guest-"):
		return "This name is reserved. Choose another."
	}
	return ""
}

func checkPassword(password string) string {
	switch n := utf8.RuneCountInString(password); {
	case n < minPassword:
		return "Choose at least 8 characters."
	case n > maxPassword:
		return "Choose at most 256 characters."
	case !utf8.ValidString(password):
		return "Use text only."
	}
	return ""
}

func checkCredentials(username, password string) error {
	f := fault.InvalidInput("please check the marked fields")
	if m := checkUsername(username); m != "" {
		f.Fields = append(f.Fields, fault.Field{Name: "username", Message: m})
	}
	if m := checkPassword(password); m != "" {
		f.Fields = append(f.Fields, fault.Field{Name: "password", Message: m})
	}
	if f.Fields == nil {
		return nil
	}
	return f
}

// cleanTitle makes one line of printable text out of what was typed.
func cleanTitle(title string) (string, error) {
	title = strings.Join(strings.FieldsFunc(strings.ToValidUTF8(title, ""), func(r rune) bool {
		return unicode.IsSpace(r) || !unicode.IsGraphic(r) && r != '\u200d'
	}), " ")
	switch n := utf8.RuneCountInString(title); {
	case n == 0:
		return "", invalid("title", "Give your channel a title.")
	case n > maxTitle:
		return "", invalid("title", "Keep it to 140 characters.")
	}
	return title, nil
}

func invalid(field, message string) *fault.Error {
	f := fault.InvalidInput("please check the marked fields")
	f.Fields = []fault.Field{{Name: field, Message: message}}
	return f
}
