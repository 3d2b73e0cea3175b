package cli_test

import (
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
)

func TestDataFetch(t *testing.T) {
	if text := must(t, "data", "fetch"); !strings.Contains(text, "cifar-100") || !strings.Contains(text, "by hand") {
		t.Errorf("%s", text)
	}
	s := httptest.NewServer(http.NotFoundHandler())
	defer s.Close()
	dir := t.TempDir()
	for args, want := range map[string]string{
		"mnits": "known: mnist", "imagenet --dir " + dir: "https://image-net.org", "mnist --dir " + dir + " --from " + s.URL: "404 Not Found",
		"mnist extra": "arg",
	} {
		code, _, stderr := qif(append([]string{"data", "fetch"}, strings.Fields(args)...)...)
		if code == 0 || !strings.Contains(stderr, want) || strings.Count(stderr, "\n") != 1 {
			t.Errorf("fetch %s: code %d, %q", args, code, stderr)
		}
	}
	if left, _ := filepath.Glob(filepath.Join(dir, "[a-zA-Z0-9]*")); len(left) > 0 {
		t.Errorf("left %v", left)
	}
}
