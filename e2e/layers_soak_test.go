//go:build soak

package e2e

import "testing"

// TestSoakALineThatClosesAndOpens is with three sizes, and with bounds: the picture is smaller and whole again within 10 s
// each, and never stands still for more than a second.
func TestSoakALineThatClosesAndOpens(t *testing.T) {
	n := narrow(t, 1280, 720)
	if n.fell > 10 || n.rose > 10 {
		t.Errorf("smaller after %.1f s, whole again after %.1f s, want 10 s at most", n.fell, n.rose)
	}
	if n.frozen > 1 {
		t.Errorf("the picture stood still for %.2f s", n.frozen)
	}
}
