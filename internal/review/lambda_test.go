package review

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/streamcat/streamcat/internal/auth"
)

type secrets struct{}

func (secrets) Secret(context.Context, string) (string, auth.Principal, error) {
	return "the secret", auth.Principal{AccountID: "000000000000", Root: true}, nil
}

func TestAFunctionIsInvokedBySignedRequests(t *testing.T) {
	verifier := &auth.SigV4{Region: "eu-west-1", Services: []string{"lambda"}, Secrets: secrets{}}
	failing := false
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		if _, err := verifier.Verify(r, body); err != nil {
			t.Error(err)
		}
		const path = "/2015-03-31/functions/arn%3Aaws%3Alambda%3Aeu-west-1%3A000000000000%3Afunction%3Areview%3Alive/invocations"
		if r.Method != "POST" || r.URL.EscapedPath() != path || r.Header.Get("X-Amz-Invocation-Type") != "RequestResponse" {
			t.Errorf("%s %s, headers %v", r.Method, r.URL.EscapedPath(), r.Header)
		}
		if failing {
			w.Header().Set("X-Amz-Function-Error", "Unhandled")
			fmt.Fprint(w, `{"errorMessage":"it fell over"}`)
			return
		}
		answer, _ := allow(r.Context(), "", body)
		w.Write(answer)
	}))
	defer server.Close()
	client := NewClient()
	defer client.CloseIdleConnections()
	credentials := aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
		return aws.Credentials{AccessKeyID: "AKIASTREAMCATEXAMPLE", SecretAccessKey: "the secret"}, nil
	})
	b := New(Deps{Other: Lambda(client, credentials, server.URL+"/"), Timeout: 20 * time.Second})
	ask := func() (Verdict, error) {
		return b.Review(t.Context(), "arn:aws:lambda:eu-west-1:000000000000:function:review:live", 500, Request{Content: "hello"})
	}
	if v, err := ask(); err != nil || !v.Allowed || v.Content != "hello" {
		t.Errorf("got %+v, %v", v, err)
	}
	failing = true
	if v, err := ask(); err == nil {
		t.Errorf("got %+v of a function that failed", v)
	}
	if v, err := b.Review(t.Context(), "not an ARN", 500, Request{Content: "hello"}); err == nil {
		t.Errorf("got %+v of nobody", v)
	}
}
