package api

import (
	"net/http"
	"net/url"
	"strings"

	"github.com/streamcat/streamcat/internal/arn"
)

const tagsPath = "/tags/"

// tagged gives the resource that a tag route names. The path is the escaped one, since a name holds a
// slash; clients escape it, and one that does not is understood as well.
func tagged(path string) (resourceARN string, ok bool) {
	rest, ok := strings.CutPrefix(path, tagsPath)
	if !ok {
		return "", false
	}
	name, err := url.PathUnescape(rest)
	if err != nil {
		return rest, true
	}
	return name, true
}

// tagService gives the service whose tag routes a request is for. The signature tells chat from the
// other two, and those are told apart by the kind of resource. So a name that does not fit the signed
// service reaches a service that refuses it as invalid.
func tagService(r *http.Request, resourceARN string) Service {
	if signingName(r) == IVSChat.SigningName {
		return IVSChat
	}
	if a, err := arn.Parse(resourceARN); err == nil {
		switch a.Kind {
		case arn.Stage, arn.EncoderConfiguration, arn.StorageConfiguration, arn.IngestConfiguration, arn.Composition, arn.PublicKey:
			return IVSRealTime
		}
	}
	return IVS
}

// signingName gives the service in the credential scope of a request, or "". Whether the signature is
// right is for auth to say.
func signingName(r *http.Request) string {
	credential := r.URL.Query().Get("X-Amz-Credential")
	if _, after, ok := strings.Cut(r.Header.Get("Authorization"), "Credential="); ok {
		credential, _, _ = strings.Cut(after, ",")
	}
	parts := strings.Split(strings.TrimSpace(credential), "/") // key, date, region, service, aws4_request
	if len(parts) < 5 {
		return ""
	}
	return parts[len(parts)-2]
}
