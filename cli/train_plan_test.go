package cli_test

import (
	"encoding/json"
	"os"
	"strings"
	"testing"
)

// A dry run says what the run would take and leaves nothing behind.
func TestDryRun(t *testing.T) {
	t.Chdir(t.TempDir())
	var p struct {
		Params, Epochs int
		MACs           int64   `json:"macs"`
		Updates        int     `json:"updates_per_epoch"`
		Seconds        float64 `json:"seconds_per_run"`
		Peak           int64   `json:"peak_rss_bytes"`
	}
	text := must(t, "train", "--dry-run", "--json", "--limit", "500", "--steps", "2")
	if err := json.Unmarshal([]byte(text), &p); err != nil {
		t.Fatal(err)
	}
	if p.Params != 20538 || p.Epochs != 6 || p.Updates != 8 || p.MACs == 0 || !(p.Seconds > 0) || p.Peak == 0 {
		t.Errorf("plan is %s", text)
	}
	if text := must(t, "train", "--dry-run", "--quiet", "--limit", "500", "--steps", "2"); !strings.Contains(text, "projected") {
		t.Errorf("%s", text)
	}
	if left, err := os.ReadDir("."); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
	if code, _, stderr := qif("train", "--dry-run", "--data", "nowhere"); code == 0 || !strings.Contains(stderr, "nowhere") {
		t.Errorf("code %d, %q", code, stderr)
	}
	if code, _, stderr := qif("train", "--dry-run", "--resume", "run"); code != 2 || !strings.Contains(stderr, "--resume") {
		t.Errorf("code %d, %q", code, stderr)
	}
}
