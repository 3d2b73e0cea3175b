package analysis

import (
	"bytes"
	"encoding/json"
	"io"
	"strings"
	"testing"

	"github.com/qif-snn/qif/report/exhibit"
)

// checkWritten has a study write its text, its JSON, in which nothing is NaN, and
// its exhibits.
func checkWritten(t *testing.T, study any, text func(io.Writer) error, want string, exhibits []exhibit.Exhibit) {
	t.Helper()
	var b bytes.Buffer
	if err := text(&b); err != nil {
		t.Fatal(err)
	}
	if s := b.String(); !strings.Contains(s, want) || strings.Contains(s, "NaN") {
		t.Errorf("want text with %q and without NaN:\n%s", want, s)
	}
	if _, err := json.Marshal(study); err != nil {
		t.Errorf("as JSON: %v", err)
	}
	if len(exhibits) == 0 {
		t.Error("no exhibits")
	}
	paths, err := exhibit.Save(t.TempDir(), exhibits)
	if err != nil || len(paths) != 3*len(exhibits) {
		t.Errorf("saved %d files of %d exhibits: %v", len(paths), len(exhibits), err)
	}
	for _, e := range exhibits {
		if len(e.Table.Rows) == 0 {
			t.Errorf("%s has no data", e.Name)
		}
	}
}
