package cli_test

import (
	"archive/tar"
	"bytes"
	"encoding/json"
	"image"
	"image/jpeg"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// photoTar is an archive of two classes, of which the last photograph is text.
func photoTar(t *testing.T, bad bool) string {
	t.Helper()
	var photo, b bytes.Buffer
	if err := jpeg.Encode(&photo, image.NewGray(image.Rect(0, 0, 12, 9)), nil); err != nil {
		t.Fatal(err)
	}
	w := tar.NewWriter(&b)
	for _, name := range []string{"a/1.jpg", "a/2.jpg", "b/1.jpg", "b/2.jpg"} {
		content := photo.Bytes()
		if bad && name == "b/2.jpg" {
			content = []byte("no photograph")
		}
		if err := w.WriteHeader(&tar.Header{Name: name, Size: int64(len(content)), Mode: 0o644}); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write(content); err != nil {
			t.Fatal(err)
		}
	}
	path := filepath.Join(t.TempDir(), "photos.tar")
	if err := os.WriteFile(path, b.Bytes(), 0o644); err != nil { // its end is missing, which tar allows
		t.Fatal(err)
	}
	return path
}

func TestDataCheck(t *testing.T) {
	cache := t.TempDir()
	t.Setenv("XDG_CACHE_HOME", cache)
	t.Setenv("HOME", cache)
	var got struct {
		Samples, Decoded int
		Bad              []string
	}
	if err := json.Unmarshal([]byte(must(t, "data", "check", photoTar(t, true), "--on-bad", "skip", "--json")), &got); err != nil {
		t.Fatal(err)
	}
	if got.Samples != 4 || got.Decoded != 3 || len(got.Bad) != 1 || !strings.Contains(got.Bad[0], "record 3, byte") {
		t.Errorf("%+v", got)
	}
	if text := must(t, "data", "check", photoTar(t, false)); !strings.Contains(text, "4 in 2 classes") || !strings.Contains(text, "decoded") {
		t.Errorf("%s", text)
	}
	for args, want := range map[string]string{
		photoTar(t, true): "b/2.jpg", t.TempDir(): "0 classes", "nowhere": "nowhere",
		photoTar(t, true) + " --on-bad ask": "--on-bad", t.TempDir() + " --labels x": "--labels",
	} {
		code, _, stderr := qif(append([]string{"data", "check"}, strings.Fields(args)...)...)
		if code == 0 || !strings.Contains(stderr, want) || strings.Count(stderr, "\n") != 1 {
			t.Errorf("check %s: code %d, %q", args, code, stderr)
		}
	}
}
