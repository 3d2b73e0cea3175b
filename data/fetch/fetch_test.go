package fetch

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"context"
	"crypto/md5"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// content is what the servers of the tests have.
var content = bytes.Repeat([]byte("spikes and membranes; "), 40_000) // 880 kB

func fileOf(url string, b []byte) File {
	m, s := md5.Sum(b), sha256.Sum256(b)
	return File{Name: "file.bin", URL: url, Size: int64(len(b)), MD5: hex.EncodeToString(m[:]), SHA256: hex.EncodeToString(s[:])}
}

// serve answers each request by the next of the handlers, the last again and
// again, and counts the requests.
func serve(t *testing.T, handlers ...http.HandlerFunc) (url string, asked *atomic.Int32) {
	t.Helper()
	asked = new(atomic.Int32)
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		n := int(asked.Add(1))
		handlers[min(n, len(handlers))-1](w, r)
	}))
	t.Cleanup(s.Close)
	return s.URL + "/file.bin", asked
}

// good serves ranges as it should.
func good(w http.ResponseWriter, r *http.Request) {
	http.ServeContent(w, r, "file.bin", time.Time{}, bytes.NewReader(content))
}

// drops breaks the connection after n bytes of what was asked for.
func drops(n int) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		good(&cut{ResponseWriter: w, left: n}, r)
	}
}

type cut struct {
	http.ResponseWriter
	left int
}

func (c *cut) Write(b []byte) (int, error) {
	b = b[:min(len(b), c.left)]
	c.left -= len(b)
	n, err := c.ResponseWriter.Write(b)
	if c.left == 0 {
		c.ResponseWriter.(http.Flusher).Flush()
		panic(http.ErrAbortHandler)
	}
	return n, err
}

// whole ignores ranges and sends these bytes.
func whole(b []byte) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { w.Write(b) }
}

func answers(code int) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(code) }
}

// promises declares a length of another number of bytes than it sends.
func promises(n int, b []byte) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", fmt.Sprint(n))
		w.Write(b)
	}
}

func corrupt() []byte {
	b := bytes.Clone(content)
	b[len(b)/2] ^= 1
	return b
}

// wrongRange answers with another part than was asked for.
func wrongRange(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Range", fmt.Sprintf("bytes 7-%d/%d", len(content)-1, len(content)))
	w.WriteHeader(http.StatusPartialContent)
	w.Write(content[7:])
}

func fetcher(dir string) *Fetcher {
	return &Fetcher{Dir: dir, Tries: 3, Wait: time.Millisecond, Stall: 5 * time.Second}
}

// clean says that the folder holds the file alone, right, or nothing by its name.
func clean(t *testing.T, dir string, want bool) {
	t.Helper()
	got, err := os.ReadFile(filepath.Join(dir, "file.bin"))
	switch {
	case want && (err != nil || !bytes.Equal(got, content)):
		t.Errorf("the file has %d bytes, %v; want the content", len(got), err)
	case !want && err == nil:
		t.Errorf("%d bytes under the final name", len(got))
	}
	if _, err := os.Stat(filepath.Join(dir, "file.bin.part")); want && err == nil {
		t.Error("the partial file is left")
	}
}

// Whatever a server does, the file is right in the end if it can be.
func TestDownloadFromBadServers(t *testing.T) {
	for name, c := range map[string]struct {
		handlers []http.HandlerFunc
		asked    int32
	}{
		"good":                    {[]http.HandlerFunc{good}, 1},
		"drops and resumes":       {[]http.HandlerFunc{drops(100_000), drops(1), drops(300_000), drops(2), good}, 5},
		"drops more than tries":   {slices.Repeat([]http.HandlerFunc{drops(220_000)}, 8), 4},
		"ignores ranges":          {[]http.HandlerFunc{drops(100_000), whole(content)}, 2},
		"answers busy":            {[]http.HandlerFunc{answers(503), answers(429), good}, 3},
		"corrupt once":            {[]http.HandlerFunc{whole(corrupt()), good}, 2},
		"corrupt end of a resume": {[]http.HandlerFunc{drops(600_000), corruptRange, good}, 3},
		"promises too little":     {[]http.HandlerFunc{promises(1000, content[:1000]), good}, 2},
		"promises too much":       {[]http.HandlerFunc{promises(len(content)+5, content[:2000]), good}, 2},
		"sends too much":          {[]http.HandlerFunc{whole(append(bytes.Clone(content), "more"...)), good}, 1},
		"another part":            {[]http.HandlerFunc{drops(1000), wrongRange, good}, 3},
		"an empty answer":         {[]http.HandlerFunc{whole(nil), good}, 2},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			url, asked := serve(t, c.handlers...)
			got, err := fetcher(dir).Source(context.Background(), Source{Files: []File{fileOf(url, content)}})
			if err != nil || !slices.Equal(got, []string{Downloaded}) {
				t.Fatalf("%v, %v", got, err)
			}
			clean(t, dir, true)
			if n := asked.Load(); n < 1 || name != "sends too much" && n != c.asked {
				t.Errorf("%d requests, want %d", n, c.asked)
			}
			// Once it is there, nobody is asked.
			before := asked.Load()
			got, err = fetcher(dir).Source(context.Background(), Source{Files: []File{fileOf(url, content)}})
			if err != nil || !slices.Equal(got, []string{Present}) || asked.Load() != before {
				t.Errorf("again: %v, %v, %d requests", got, err, asked.Load()-before)
			}
		})
	}
}

// corruptRange serves ranges of the corrupt content.
func corruptRange(w http.ResponseWriter, r *http.Request) {
	b := corrupt()
	b[len(b)-1] ^= 1
	http.ServeContent(w, r, "file.bin", time.Time{}, bytes.NewReader(b))
}

// A server from which the file cannot be got leaves nothing under its name.
func TestDownloadFails(t *testing.T) {
	for name, c := range map[string]struct {
		handlers []http.HandlerFunc
		want     string
		asked    int32
	}{
		"always corrupt":          {[]http.HandlerFunc{whole(corrupt())}, "MD5 is ", 3},
		"corrupt after each drop": {slices.Repeat([]http.HandlerFunc{drops(500_000), corruptRange}, 10), "MD5 is ", 6},
		"missing":                 {[]http.HandlerFunc{answers(404)}, "404", 1},
		"busy":                    {[]http.HandlerFunc{answers(503)}, "503", 3},
		"always too little":       {[]http.HandlerFunc{whole(content[:500])}, "ends after 500 of 880000 bytes", 3},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			url, asked := serve(t, c.handlers...)
			_, err := fetcher(dir).Source(context.Background(), Source{Files: []File{fileOf(url, content)}})
			if err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), "file.bin") {
				t.Errorf("error is %v, want it to say %q", err, c.want)
			}
			if n := asked.Load(); n != c.asked {
				t.Errorf("%d requests, want %d", n, c.asked)
			}
			clean(t, dir, false)
		})
	}
}

// A download that was interrupted goes on from where it stood, in another process.
func TestResumeLater(t *testing.T) {
	dir := t.TempDir()
	ctx, cancel := context.WithCancel(context.Background())
	var ranges []string
	url, _ := serve(t, func(w http.ResponseWriter, r *http.Request) {
		ranges = append(ranges, r.Header.Get("Range"))
		good(w, r)
	})
	f := fetcher(dir)
	f.Progress = func(_, what string, done, _ int64) {
		if what == "downloading" && done > 300_000 {
			cancel()
		}
	}
	if _, err := f.Source(ctx, Source{Files: []File{fileOf(url, content)}}); !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	clean(t, dir, false)
	have := f.have(fileOf(url, content))
	if have <= 300_000 || have == int64(len(content)) {
		t.Fatalf("%d bytes were kept", have)
	}
	if _, err := fetcher(dir).Source(context.Background(), Source{Files: []File{fileOf(url, content)}}); err != nil {
		t.Fatal(err)
	}
	clean(t, dir, true)
	if want := fmt.Sprintf("bytes=%d-", have); len(ranges) != 2 || ranges[1] != want {
		t.Errorf("asked for %q, want %q second", ranges, want)
	}
}

// A size that nobody knows is what arrives, if its checksum is right; what lies
// complete but unchecked is not asked for again in vain.
func TestUnknownSize(t *testing.T) {
	url, _ := serve(t, good)
	file := fileOf(url, content)
	file.Size, file.SHA256 = 0, ""
	for _, already := range [][]byte{nil, content[:5], content, append(bytes.Clone(content), 1)} {
		dir := t.TempDir()
		f := fetcher(dir)
		if already != nil {
			if err := os.WriteFile(f.partial(file), already, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := f.Source(context.Background(), Source{Files: []File{file}}); err != nil {
			t.Errorf("with %d bytes: %v", len(already), err)
		}
		clean(t, dir, true)
	}
}

func TestSilence(t *testing.T) {
	quiet := make(chan struct{})
	url, asked := serve(t, func(w http.ResponseWriter, r *http.Request) {
		w.Write(content[:10])
		w.(http.Flusher).Flush()
		<-quiet
	}, good)
	f := fetcher(t.TempDir())
	f.Stall = 50 * time.Millisecond
	_, err := f.Source(context.Background(), Source{Files: []File{fileOf(url, content)}})
	close(quiet)
	if err != nil || asked.Load() < 2 {
		t.Errorf("%v after %d requests", err, asked.Load())
	}
}

// A file of the name that is another is not touched.
func TestForeignFile(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "file.bin")
	if err := os.WriteFile(path, []byte("mine"), 0o644); err != nil {
		t.Fatal(err)
	}
	url, asked := serve(t, good)
	_, err := fetcher(dir).Source(context.Background(), Source{Files: []File{fileOf(url, content)}})
	if got, _ := os.ReadFile(path); err == nil || !strings.Contains(err.Error(), "delete it") || string(got) != "mine" || asked.Load() > 0 {
		t.Errorf("%v; the file is %q", err, got)
	}
}

func TestByHand(t *testing.T) {
	dir := t.TempDir()
	s := Source{Files: []File{fileOf("", content)}, Hand: "write a letter"}
	_, err := fetcher(dir).Source(context.Background(), s)
	if !errors.Is(err, ErrByHand) || !strings.Contains(err.Error(), "write a letter") || !strings.Contains(err.Error(), dir) {
		t.Error(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "file.bin"), content, 0o644); err != nil {
		t.Fatal(err)
	}
	if got, err := fetcher(dir).Source(context.Background(), s); err != nil || !slices.Equal(got, []string{Present}) {
		t.Errorf("%v, %v", got, err)
	}
}

// archives returns the files as a tar.gz and as a zip.
func archives(t *testing.T, names ...string) map[string][]byte {
	t.Helper()
	var packed, zipped bytes.Buffer
	g := gzip.NewWriter(&packed)
	w, z := tar.NewWriter(g), zip.NewWriter(&zipped)
	for _, name := range names {
		if err := w.WriteHeader(&tar.Header{Name: name, Size: int64(len(name)), Mode: 0o600, Typeflag: tar.TypeReg}); err != nil {
			t.Fatal(err)
		}
		e, err := z.Create(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, to := range []io.Writer{w, e} {
			if _, err := io.WriteString(to, name); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := errors.Join(w.Close(), g.Close(), z.Close()); err != nil {
		t.Fatal(err)
	}
	return map[string][]byte{"x.tar.gz": packed.Bytes(), "x.zip": zipped.Bytes()}
}

func TestUnpack(t *testing.T) {
	for name, b := range archives(t, "set/a.bin", "./set/deep/b.bin", "readme") {
		dir := t.TempDir()
		url, _ := serve(t, whole(b))
		file := fileOf(url, b)
		file.Name, file.Unpack = name, true
		for range 2 { // the second time nothing is to do
			if _, err := fetcher(dir).Source(context.Background(), Source{Files: []File{file}}); err != nil {
				t.Fatalf("%s: %v", name, err)
			}
		}
		for path, want := range map[string]string{"set/a.bin": "set/a.bin", "set/deep/b.bin": "./set/deep/b.bin", "readme": "readme"} {
			if got, err := os.ReadFile(filepath.Join(dir, filepath.FromSlash(path))); err != nil || string(got) != want {
				t.Errorf("%s: %s is %q, %v", name, path, got, err)
			}
		}
		if left, _ := filepath.Glob(filepath.Join(dir, ".unpack-*")); len(left) > 0 {
			t.Errorf("left %v", left)
		}
	}
}

// An archive that would write elsewhere, twice, or over something writes nothing.
func TestUnpackRefuses(t *testing.T) {
	for _, names := range [][]string{{"a", "../evil"}, {"/evil"}, {"set/a", "set/a"}, {"mine"}} {
		for name, b := range archives(t, names...) {
			outer := t.TempDir()
			dir := filepath.Join(outer, "inner")
			if err := errors.Join(os.Mkdir(dir, 0o755), os.WriteFile(filepath.Join(dir, "mine"), []byte("own"), 0o644)); err != nil {
				t.Fatal(err)
			}
			url, _ := serve(t, whole(b))
			file := fileOf(url, b)
			file.Name, file.Unpack = name, true
			if _, err := fetcher(dir).Source(context.Background(), Source{Files: []File{file}}); err == nil {
				t.Errorf("%s of %v was unpacked", name, names)
			}
			got, _ := os.ReadFile(filepath.Join(dir, "mine"))
			evil, _ := filepath.Glob(filepath.Join(outer, "evil"))
			if string(got) != "own" || len(evil) > 0 {
				t.Errorf("%s of %v wrote %v, mine is %q", name, names, evil, got)
			}
		}
	}
}

func TestSources(t *testing.T) {
	for _, s := range Sources {
		for _, f := range s.Files {
			if (f.URL == "") != s.ByHand() || len(f.MD5) != 32 || f.SHA256 != "" && len(f.SHA256) != 64 {
				t.Errorf("%s: %+v", s.Name, f)
			}
			if f.Unpack && !strings.HasSuffix(f.Name, ".zip") && !strings.HasSuffix(f.Name, ".tar.gz") {
				t.Errorf("%s: %s cannot be unpacked", s.Name, f.Name)
			}
		}
		mirrored := s.From("http://host/dir/")
		if mirrored.ByHand() || mirrored.Files[0].URL != "http://host/dir/"+s.Files[0].Name || s.Files[0].URL == mirrored.Files[0].URL {
			t.Errorf("%s from a mirror: %+v", s.Name, mirrored)
		}
	}
	if _, err := Named("mnits"); err == nil || !strings.Contains(err.Error(), "fashion-mnist") {
		t.Error(err)
	}
}
