package fault_test

import (
	"errors"
	"fmt"
	"testing"

	"github.com/streamcat/streamcat/internal/fault"
)

func TestFaultIsFoundThroughWrapping(t *testing.T) {
	err := fmt.Errorf("load: %w", fault.Missing("stage %s", "s1"))
	if got := fault.Of(err); got != fault.NotFound {
		t.Fatalf("kind: got %v, want %v", got, fault.NotFound)
	}
	if got := fault.Message(err); got != "stage s1" {
		t.Fatalf("message: got %q", got)
	}
}

func TestInternalNeverShowsItsMessage(t *testing.T) {
	for _, err := range []error{
		errors.New("password of the database"),
		&fault.Error{Kind: fault.Internal, Message: "password of the database"},
	} {
		if got := fault.Message(err); got != "an internal error occurred" {
			t.Errorf("message: got %q", got)
		}
	}
}

func TestCauseIsForTheLogOnly(t *testing.T) {
	err := fault.Down("database is away").Because(errors.New("dial 10.0.0.1"))
	if got, want := fault.Message(err), "database is away"; got != want {
		t.Errorf("message: got %q, want %q", got, want)
	}
	if got, want := err.Error(), "database is away: dial 10.0.0.1"; got != want {
		t.Errorf("log: got %q, want %q", got, want)
	}
}
