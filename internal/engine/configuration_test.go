package engine_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ivs"
	"github.com/aws/aws-sdk-go-v2/service/ivs/types"

	"github.com/streamcat/streamcat/internal/engine/enginetest"
)

// An encoder asks with its stream key what to send, before it has any other right.
func TestAnEncoderIsToldWhatToSendAndWhereTo(t *testing.T) {
	e := enginetest.Start(t)
	made, err := ivs.NewFromConfig(e.AWS()).CreateChannel(t.Context(), &ivs.CreateChannelInput{
		Type: types.ChannelTypeStandardChannelType, ContainerFormat: types.ContainerFormatFragmentedMP4,
		MultitrackInputConfiguration: &types.MultitrackInputConfiguration{
			Enabled: true, Policy: types.MultitrackPolicyRequire, MaximumResolution: types.MultitrackMaximumResolutionHd,
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	key := aws.ToString(made.StreamKey.Value)
	res, err := http.Post(e.URL+"/api/v3/GetClientConfiguration", "application/json", strings.NewReader(fmt.Sprintf(
		`{"authentication":%q,"service":"IVS","schema_version":"2024-06-04","preferences":{"width":1920,"height":1080}}`, key)))
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	var got struct {
		Meta      struct{ Service string }
		Status    struct{ Result string }
		Endpoints []struct {
			Protocol string
			Template string `json:"url_template"`
		} `json:"ingest_endpoints"`
		Encoders []struct{ Width, Height int } `json:"encoder_configurations"`
	}
	if err := json.NewDecoder(res.Body).Decode(&got); err != nil {
		t.Fatal(err)
	}
	if res.StatusCode != http.StatusOK || got.Status.Result != "success" || got.Meta.Service != "IVS" {
		t.Fatalf("%s: %+v", res.Status, got)
	}
	if len(got.Encoders) != 4 || got.Encoders[0].Height != 720 || got.Encoders[0].Width != 1280 {
		t.Errorf("renditions: %+v", got.Encoders)
	}
	if len(got.Endpoints) != 1 || got.Endpoints[0].Protocol != "RTMP" || got.Endpoints[0].Template != e.RTMP+"{stream_key}" {
		t.Errorf("endpoints: %+v, want %s", got.Endpoints, e.RTMP)
	}
	if strings.Contains(e.Log(), key) {
		t.Error("the stream key is in the log")
	}
}
