package api

import "net/http"

// gatewayHeaders are what AWS's gateway adds to its answers. The shapes of some outputs and of most
// errors name them as members; they go out with every answer. The form of the transport security
// header is AWS's own: browsers do not understand it, which suits a server that may speak plain HTTP.
var gatewayHeaders = http.Header{
	"Access-Control-Allow-Origin": {"*"},
	"Access-Control-Expose-Headers": {"Access-Control-Allow-Origin,Access-Control-Expose-Headers,Cache-Control,Content-Length," +
		"Content-Security-Policy,Content-Type,date,Strict-Transport-Security,X-Content-Type-Options,X-Frame-Options," +
		"x-amz-apigw-id,x-amzn-errormessage,x-amzn-errortype,x-amzn-requestid,x-amzn-trace-id"},
	"Cache-Control":             {"no-store, no-cache"},
	"Content-Security-Policy":   {"default-src 'self'; upgrade-insecure-requests;"},
	"Strict-Transport-Security": {"max-age:47304000; includeSubDomains"},
	"X-Content-Type-Options":    {"nosniff"},
	"X-Frame-Options":           {"DENY"},
}

func setGatewayHeaders(h http.Header) {
	for name, values := range gatewayHeaders {
		h.Set(name, values[0])
	}
}

// preflight lets scripts of any origin call the API: a request is worth nothing without a signature,
// and no cookie counts here.
func preflight(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Access-Control-Allow-Methods", "POST, GET, DELETE, OPTIONS")
	if asked := r.Header.Get("Access-Control-Request-Headers"); asked != "" {
		h.Set("Access-Control-Allow-Headers", asked)
		h.Set("Vary", "Access-Control-Request-Headers")
	}
	h.Set("Access-Control-Max-Age", "86400")
	w.WriteHeader(http.StatusNoContent)
}
