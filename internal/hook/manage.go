package hook

import (
	"context"
	"encoding/json"
	"net/http"
	"net/netip"
	"net/url"
	"regexp"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/google/uuid"

	"github.com/streamcat/streamcat/internal/arn"
	"github.com/streamcat/streamcat/internal/auth"
	"github.com/streamcat/streamcat/internal/fault"
	"github.com/streamcat/streamcat/internal/store"
)

const (
	overlap      = 24 * time.Hour // how long the secret before a rotation signs, too
	maxFilter    = 100            // entries of a filter
	maxReplays   = 10             // of one webhook that are not done
	maxURLLength = 2048
)

// Settings are what its owner says of a webhook.
type Settings struct {
	URL         string // http or https
	Description string // at most 256 characters
	DetailTypes []string
	Resources   []string
	Secret      string // empty: one is made
	Disabled    bool
}

// Create makes a webhook that is told of the events from now on, and gives its secret, which cannot be shown
// again.
func (h *Webhooks) Create(ctx context.Context, s Settings) (w store.Webhook, secret string, err error) {
	w = store.Webhook{
		ID: arn.NewID(12), URL: s.URL, Description: s.Description, DetailTypes: s.DetailTypes, Resources: s.Resources, Enabled: !s.Disabled,
	}
	if err := checkWebhook(&w); err != nil {
		return w, "", err
	}
	if secret, w.Sealed, err = h.sealSecret(w.ID, s.Secret); err != nil {
		return w, "", err
	}
	if err := h.d.DB.InsertWebhook(ctx, &w, MaxWebhooks); err != nil {
		return w, "", err
	}
	h.say()
	return w, secret, nil
}

// Change is what is to be different about a webhook; nil leaves alone.
type Change struct {
	URL, Description       *string
	DetailTypes, Resources *[]string
	Enabled                *bool
}

// Update changes a webhook. One that is enabled again goes on where it was, as far back as events are kept.
func (h *Webhooks) Update(ctx context.Context, id string, c Change) (store.Webhook, error) {
	w, err := h.d.DB.UpdateWebhook(ctx, id, func(w *store.Webhook) error {
		set(&w.URL, c.URL)
		set(&w.Description, c.Description)
		set(&w.DetailTypes, c.DetailTypes)
		set(&w.Resources, c.Resources)
		set(&w.Enabled, c.Enabled)
		if c.Enabled != nil {
			w.Reason = ""
		}
		return checkWebhook(w)
	})
	if err == nil {
		h.say()
	}
	return w, err
}

func set[T any](to, from *T) {
	if from != nil {
		*to = *from
	}
}

// RotateSecret gives a webhook a new secret: the given one, or a fresh one if that is empty. For a day the
// one before signs, too.
func (h *Webhooks) RotateSecret(ctx context.Context, id, secret string) (store.Webhook, string, error) {
	secret, sealed, err := h.sealSecret(id, secret)
	if err != nil {
		return store.Webhook{}, "", err
	}
	w, err := h.d.DB.UpdateWebhook(ctx, id, func(w *store.Webhook) error {
		w.SealedOld, w.OldUntil = w.Sealed, time.Now().Add(overlap)
		w.Sealed = sealed
		return nil
	})
	if err != nil {
		return w, "", err
	}
	h.say()
	return w, secret, nil
}

// Delete ends a webhook.
func (h *Webhooks) Delete(ctx context.Context, id string) error {
	if err := h.d.DB.DeleteWebhook(ctx, id); err != nil {
		return err
	}
	h.say()
	return nil
}

// Replay asks for past events to be told again, oldest first, beside what happens meanwhile. Only what passes
// the webhook's own filters is told.
func (h *Webhooks) Replay(ctx context.Context, r store.WebhookReplay) (store.WebhookReplay, error) {
	if !r.Until.IsZero() && !r.Since.Before(r.Until) {
		return r, fault.InvalidInput("until is not after since")
	}
	if err := checkFilters(r.DetailTypes, r.Resources); err != nil {
		return r, err
	}
	r.ID = arn.NewID(12)
	if err := h.d.DB.InsertReplay(ctx, &r, maxReplays); err != nil {
		return r, err
	}
	h.say()
	return r, nil
}

// ReplayDeadLetters asks for the dead letter of an event, or all of a webhook if eventID is empty, to be told
// again, and gives their number.
func (h *Webhooks) ReplayDeadLetters(ctx context.Context, id, eventID string) (int, error) {
	n, err := h.d.DB.AskDeadLetters(ctx, id, eventID)
	if err == nil {
		h.say()
	}
	return n, err
}

// TestResult is how a receiver answered.
type TestResult struct {
	EventID string
	Status  int // 0: there was no answer
	Took    time.Duration
	Excerpt string // of the answer
	Error   string // empty: it was taken
}

// Test sends an event that never happened, now and once, and waits for the answer.
func (h *Webhooks) Test(ctx context.Context, id string) (TestResult, error) {
	w, err := h.d.DB.Webhook(ctx, id)
	if err != nil {
		return TestResult{}, err
	}
	key, old, err := h.keys(w)
	if err != nil {
		return TestResult{}, err
	}
	detail, err := json.Marshal(map[string]string{"event_name": "Webhook Test", "webhook_id": id})
	if err != nil {
		return TestResult{}, err
	}
	e := store.Event{ID: uuid.NewString(), DetailType: TestDetailType, Time: time.Now(), Detail: detail}
	body, err := envelope(e, "streamcat", h.d.Account, h.d.Region)
	if err != nil {
		return TestResult{}, err
	}
	ctx, cancel := context.WithTimeout(ctx, h.d.Try)
	defer cancel()
	began := time.Now()
	got, err := post(ctx, h.client, w.URL, (&worker{hook: w, key: key, old: old}).signingKeys(began), e, body, http.Header{"Streamcat-Test": {"true"}})
	if err == nil {
		err = got.verdict()
	}
	result := TestResult{EventID: e.ID, Status: got.status, Took: time.Since(began), Excerpt: got.excerpt}
	if err != nil {
		result.Error = err.Error()
	}
	return result, nil
}

// TestDetailType is the detail-type of events that never happened.
const TestDetailType = "StreamCat Webhook Test"

// say lets everybody who tells webhooks know that something about them has changed. Without a word they
// find out, too, only later.
func (h *Webhooks) say() {
	if err := h.d.Bus.Publish(changed, nil); err != nil {
		h.d.Log.Debug("webhooks: nobody was woken", "err", err)
	}
}

func sealContext(id string) string { return "webhook/" + id }

// sealSecret checks a secret, or makes one if it is empty, and seals its text.
func (h *Webhooks) sealSecret(id, secret string) (string, []byte, error) {
	if secret == "" {
		secret = newSecret()
	}
	if _, err := ParseSecret(secret); err != nil {
		return "", nil, err
	}
	sealed, err := h.d.Keyring.Seal([]byte(secret), sealContext(id))
	return secret, sealed, err
}

// keys opens the secrets of a webhook. old is nil where there was no rotation.
func (h *Webhooks) keys(w store.Webhook) (key, old []byte, err error) {
	if key, err = openSecret(h.d.Keyring, w.ID, w.Sealed); err == nil && len(w.SealedOld) > 0 {
		old, err = openSecret(h.d.Keyring, w.ID, w.SealedOld)
	}
	return key, old, err
}

func openSecret(ring *auth.Keyring, id string, sealed []byte) ([]byte, error) {
	text, err := ring.Open(sealed, sealContext(id))
	if err != nil {
		return nil, err
	}
	return ParseSecret(string(text))
}

func checkWebhook(w *store.Webhook) error {
	u, err := url.Parse(w.URL)
	switch {
	case len(w.URL) > maxURLLength:
		return fault.InvalidInput("url is longer than %d characters", maxURLLength)
	case err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "":
		return fault.InvalidInput("url must begin with http:// or https:// and name a host")
	case u.User != nil || u.Fragment != "":
		return fault.InvalidInput("url must hold neither a user and password nor a fragment")
	case utf8.RuneCountInString(w.Description) > 256 || strings.ContainsRune(w.Description, 0):
		return fault.InvalidInput("description must be text of at most 256 characters")
	}
	if a, err := netip.ParseAddr(u.Hostname()); err == nil && forbidden(a) {
		return fault.InvalidInput("url must not name a link-local address")
	}
	return checkFilters(w.DetailTypes, w.Resources)
}

var patternForm = regexp.MustCompile(`^[a-zA-Z0-9:/*._-]{1,256}$`)

func checkFilters(detailTypes, resources []string) error {
	if len(detailTypes) > maxFilter || len(resources) > maxFilter {
		return fault.InvalidInput("a filter has more than %d entries", maxFilter)
	}
	for _, t := range detailTypes {
		if n := utf8.RuneCountInString(t); n < 1 || n > 128 || strings.ContainsRune(t, 0) {
			return fault.InvalidInput("an entry of detailTypes must have 1 to 128 characters")
		}
	}
	for _, p := range resources {
		if !patternForm.MatchString(p) {
			return fault.InvalidInput("an entry of resources must be the ARN of a resource, in which * stands for any run of characters")
		}
	}
	return nil
}
