package data

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/jpeg"
	"image/png"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
)

// plainPhoto is a photograph of one colour, which JPEG keeps within a few levels.
func plainPhoto(t testing.TB, w, h int, c color.Color, asPNG bool) []byte {
	t.Helper()
	img := image.NewRGBA(image.Rect(0, 0, w, h))
	for i := range w * h {
		img.Set(i%w, i/w, c)
	}
	var b bytes.Buffer
	err := jpeg.Encode(&b, img, nil)
	if asPNG {
		b.Reset()
		err = png.Encode(&b, img)
	}
	if err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// tarOf is an archive of files in the given order.
func tarOf(t testing.TB, files ...any) []byte {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for i := 0; i < len(files); i += 2 {
		content := files[i+1].([]byte)
		err := w.WriteHeader(&tar.Header{Name: files[i].(string), Typeflag: tar.TypeReg, Mode: 0o644, Size: int64(len(content))})
		if _, failed := w.Write(content); err != nil || failed != nil {
			t.Fatal(err, failed)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func saved(t testing.TB, name string, content []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, content, 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

var (
	reds  = color.RGBA{200, 30, 30, 255}
	blues = color.RGBA{30, 30, 200, 255}
)

// trainTar is as ImageNet's training archive: a tar for each class, and among its
// files one that is a PNG by another name.
func trainTar(t testing.TB) []byte {
	return tarOf(t,
		"n02.tar", tarOf(t, "n02_2.JPEG", plainPhoto(t, 40, 30, blues, true), "n02_1.JPEG", plainPhoto(t, 30, 40, blues, false)),
		"n01.tar", tarOf(t, "n01_7.JPEG", plainPhoto(t, 64, 64, reds, false), "notes.txt", []byte("no photograph")),
	)
}

func openTar(t testing.TB, path string, o PhotoTarOptions) *Photos {
	t.Helper()
	p, err := OpenPhotoTar(context.Background(), path, o)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestPhotosOfATarOfTars(t *testing.T) {
	path := saved(t, "train.tar", trainTar(t))
	cache := filepath.Join(t.TempDir(), "deep", "list")
	for _, pass := range []string{"listed", "kept"} {
		p := openTar(t, path, PhotoTarOptions{Cache: cache})
		if !slices.Equal(p.Classes, []string{"n01", "n02"}) || !slices.Equal(p.Labels(), []int32{0, 1, 1}) {
			t.Fatalf("%s: classes %v, labels %v", pass, p.Classes, p.Labels())
		}
		f := photoFile{p: p}
		for i, want := range [][]byte{plainPhoto(t, 64, 64, reds, false), plainPhoto(t, 30, 40, blues, false), plainPhoto(t, 40, 30, blues, true)} {
			if got, err := f.read(i); err != nil || !bytes.Equal(got, want) {
				t.Errorf("%s: record %d, %s: %d bytes, %v; want %d", pass, i, p.Records[i].Name, len(got), err, len(want))
			}
		}
		f.close()
	}
	// A list of another archive, or of none, is made again.
	if err := os.WriteFile(cache, []byte("no list"), 0o644); err != nil {
		t.Fatal(err)
	}
	if p := openTar(t, path, PhotoTarOptions{Cache: cache}); p.Len() != 3 {
		t.Errorf("%d photographs", p.Len())
	}
	if err := os.WriteFile(path, tarOf(t, "a/1.png", plainPhoto(t, 3, 3, reds, true), "b/2.png", plainPhoto(t, 3, 3, reds, true)), 0o644); err != nil {
		t.Fatal(err)
	}
	if p := openTar(t, path, PhotoTarOptions{Cache: cache}); !slices.Equal(p.Classes, []string{"a", "b"}) {
		t.Errorf("classes of the archive in its place: %v", p.Classes)
	}
}

// Validation images have their classes in a file beside the archive.
func TestPhotosWithLabels(t *testing.T) {
	path := saved(t, "val.tar", tarOf(t, "v_2.JPEG", plainPhoto(t, 9, 9, blues, false), "v_1.JPEG", plainPhoto(t, 9, 9, reds, false)))
	labels := saved(t, "labels.txt", []byte("n02\nn01 and more\n"))
	p := openTar(t, path, PhotoTarOptions{Labels: labels, Classes: []string{"n00", "n01", "n02"}})
	if !slices.Equal(p.Labels(), []int32{2, 1}) || p.Records[0].Name != "v_1.JPEG" {
		t.Errorf("labels %v of %v", p.Labels(), p.Records)
	}
	for text, want := range map[string]string{
		"n02\n": "expected 2", "n02\n\nn01\n": "line 2 is empty", "n01\nn02\nn01\n": "expected 2", "n01\nn03\n": `class "n03"`,
	} {
		_, err := OpenPhotoTar(context.Background(), path, PhotoTarOptions{Labels: saved(t, "l", []byte(text)), Classes: []string{"n01", "n02"}})
		wantError(t, err, want)
	}
	_, err := OpenPhotoTar(context.Background(), path, PhotoTarOptions{})
	wantError(t, err, "lies in no folder or archive that names its class")
}

// An archive that is cut off anywhere is an error, or its end is left out, and
// then no list is kept.
func TestPhotosOfATarCutOff(t *testing.T) {
	whole := trainTar(t)
	for _, n := range []int{0, 100, 600, 1500, len(whole)/2 + 100, 3 * len(whole) / 4} {
		path := saved(t, "cut.tar", whole[:n])
		if _, err := OpenPhotoTar(context.Background(), path, PhotoTarOptions{}); err == nil || !strings.Contains(err.Error(), "cut.tar") {
			t.Errorf("cut after %d of %d bytes: %v", n, len(whole), err)
		}
	}
	flat := tarOf(t, "a/1.jpg", plainPhoto(t, 8, 8, reds, false), "b/1.jpg", plainPhoto(t, 8, 8, reds, false), "b/2.jpg", plainPhoto(t, 8, 8, reds, false))
	path, cache := saved(t, "cut.tar", flat[:len(flat)-2048]), filepath.Join(t.TempDir(), "list")
	var told []error
	p, err := OpenPhotoTar(context.Background(), path, PhotoTarOptions{Cache: cache, Skip: true, Skipped: func(err error) { told = append(told, err) }})
	if err != nil || p.Len() != 2 || len(told) != 1 {
		t.Fatalf("%v, %v, told %v", p, err, told)
	}
	var format *FormatError
	if !errors.As(told[0], &format) || format.Record != 2 || format.Offset == 0 {
		t.Errorf("told of %v", told[0])
	}
	if _, err := os.Stat(cache); err == nil {
		t.Error("a list that lacks something was kept")
	}
}

func TestPhotosOfAFolder(t *testing.T) {
	dir := t.TempDir()
	for name, content := range map[string][]byte{
		"cat/b.jpg": plainPhoto(t, 10, 10, reds, false), "cat/deep/a.PNG": plainPhoto(t, 10, 10, reds, true),
		"dog/.hidden.jpg": nil, "dog/x.jpeg": plainPhoto(t, 10, 10, blues, false), "dog/readme": nil, ".git/x.jpg": nil, "file.jpg": nil,
	} {
		path := filepath.Join(dir, filepath.FromSlash(name))
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, content, 0o644)); err != nil {
			t.Fatal(err)
		}
	}
	p, err := OpenPhotoFolder(dir)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, r := range p.Records {
		names = append(names, r.Name)
	}
	if !slices.Equal(names, []string{"cat/b.jpg", "cat/deep/a.PNG", "dog/x.jpeg"}) || !slices.Equal(p.Labels(), []int32{0, 0, 1}) {
		t.Errorf("records %v, labels %v", names, p.Labels())
	}
	before := p.Hash()
	if err := os.MkdirAll(filepath.Join(dir, "eel"), 0o755); err != nil {
		t.Fatal(err)
	}
	_, err = OpenPhotoFolder(dir)
	wantError(t, err, `class "eel" has no photographs`)
	p.Records[0].Size++
	if p.Hash() == before {
		t.Error("the hash does not know of sizes")
	}
	_, err = OpenPhotoFolder(t.TempDir())
	wantError(t, err, "0 classes")
}

// Small photographs of one size are held in memory, as other sets are.
func TestPhotosAsASet(t *testing.T) {
	write := func(dir, name string, content []byte) {
		path := filepath.Join(dir, filepath.FromSlash(name))
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, content, 0o644)); err != nil {
			t.Fatal(err)
		}
	}
	whole := func() string {
		dir := filepath.Join(t.TempDir(), "shades")
		write(dir, "train/blue/1.png", plainPhoto(t, 2, 3, blues, true))
		write(dir, "train/red/1.png", plainPhoto(t, 2, 3, reds, true))
		write(dir, "val/blue/1.png", plainPhoto(t, 2, 3, blues, true))
		write(dir, "val/red/1.png", plainPhoto(t, 2, 3, reds, true))
		return dir
	}
	train, test, err := LoadDir(whole())
	if err != nil {
		t.Fatal(err)
	}
	want := append(bytes.Repeat([]byte{30, 30, 200}, 6), bytes.Repeat([]byte{200, 30, 30}, 6)...)
	if train.Name != "shades/train" || train.H != 3 || train.W != 2 || train.C != 3 || !bytes.Equal(train.Pixels, want) ||
		!slices.Equal(train.Classes, []string{"blue", "red"}) || test.Len() != 2 {
		t.Errorf("%+v, %+v", train, test)
	}
	for want, spoil := range map[string]func(dir string){
		"it is 4×2 pixels":         func(dir string) { write(dir, "train/red/2.png", plainPhoto(t, 2, 4, reds, true)) },
		"record 2":                 func(dir string) { write(dir, "val/red/2.png", []byte("nothing")) },
		"classes are not those of": func(dir string) { write(dir, "val/green/2.png", plainPhoto(t, 2, 3, reds, true)) },
		"has no photographs":       func(dir string) { write(dir, "train/green/note", nil) },
	} {
		dir := whole()
		spoil(dir)
		_, _, err := LoadDir(dir)
		wantError(t, err, want)
	}
	grey := image.NewGray(image.Rect(0, 0, 2, 2))
	grey.Pix = []byte{1, 2, 3, 250}
	var b bytes.Buffer
	if err := png.Encode(&b, grey); err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(t.TempDir(), "grey")
	for _, name := range []string{"train/a/1.png", "train/b/1.png", "test/a/1.png", "test/b/1.png"} {
		write(dir, name, b.Bytes())
	}
	train, _, err = LoadDir(dir)
	if err != nil || train.C != 1 || !bytes.Equal(train.Pixels, []byte{1, 2, 3, 250, 1, 2, 3, 250}) {
		t.Errorf("%v: %+v", err, train)
	}
}

var rgbUnit = Norm{[]float32{0, 0, 0}, []float32{1, 1, 1}}

func photoSamples(t testing.TB, o PhotoOptions) *PhotoSamples {
	t.Helper()
	s, err := NewPhotoSamples(o)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// What is shown of a photograph follows from epoch and number alone, and has its
// colour.
func TestPhotoSamples(t *testing.T) {
	p := openTar(t, saved(t, "train.tar", trainTar(t)), PhotoTarOptions{})
	for _, vary := range []bool{false, true} {
		s := photoSamples(t, PhotoOptions{Photos: p, Side: 16, Norm: rgbUnit, Vary: vary, Seed: 5})
		if s.Shape() != (Shape{0, 16, 16, 3}) {
			t.Errorf("shape %v", s.Shape())
		}
		a, b := make([]float32, 16*16*3), make([]float32, 16*16*3)
		first, second := s.Reader(), s.Reader()
		for i := range 3 {
			if err := errors.Join(first(a, 2, i), second(b, 0, (i+1)%3), second(b, 2, i)); err != nil {
				t.Fatal(err)
			}
			want := [3]float32{200. / 255, 30. / 255, 30. / 255}
			if p.Labels()[i] == 1 {
				want[0], want[2] = want[2], want[0]
			}
			if !slices.Equal(a, b) {
				t.Errorf("photograph %d differs between readers", i)
			}
			for k, v := range a {
				if !near(v, float64(want[k%3]), .02) {
					t.Fatalf("photograph %d, vary %v: element %d is %v, want %v", i, vary, k, v, want[k%3])
				}
			}
		}
	}
}

// A gradient from left to right tells where a crop lies.
func TestMiddleCrop(t *testing.T) {
	img := image.NewRGBA(image.Rect(0, 0, 512, 256))
	for y := range 256 {
		for x := range 512 {
			img.SetRGBA(x, y, color.RGBA{uint8(x / 2), uint8(y), 0, 255})
		}
	}
	var b bytes.Buffer
	if err := png.Encode(&b, img); err != nil {
		t.Fatal(err)
	}
	p := openTar(t, saved(t, "one.tar", tarOf(t, "a/1.png", b.Bytes(), "b/1.png", b.Bytes())), PhotoTarOptions{})
	s := photoSamples(t, PhotoOptions{Photos: p, Side: 224, Norm: rgbUnit})
	x := make([]float32, 224*224*3)
	if err := s.Reader()(x, 0, 0); err != nil {
		t.Fatal(err)
	}
	// The shorter side is 256 = 224·8/7 already: 16 rows and 144 columns are cut.
	for _, at := range [][2]int{{0, 0}, {100, 50}, {223, 223}} {
		px := x[(at[0]*224+at[1])*3:]
		if want := float64((at[1] + 144) / 2); !near(px[0]*255, want, .1) || !near(px[1]*255, float64(at[0]+16), .1) {
			t.Errorf("pixel %v is %v", at, px[:2])
		}
	}
}

// Crops lie inside and have the share and ratio that they should.
func TestRandomCrops(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	b := image.Rect(10, 20, 410, 320)
	sum, n := 0., 0. // of those below .4, which fit at every ratio
	for range 5000 {
		c := drawCrop(r, b)
		area, ratio := float64(c.Dx()*c.Dy())/(400*300), float64(c.Dx())/float64(c.Dy())
		if !c.In(b) || area < .075 || area > 1 || ratio < .73 || ratio > 1.36 {
			t.Fatalf("crop %v: area %v, ratio %v", c, area, ratio)
		}
		if area < .4 {
			sum, n = sum+area, n+1
		}
	}
	if mean := sum / n; math.Abs(mean-.24) > .01 {
		t.Errorf("mean share of those below .4 is %v", mean)
	}
	for _, narrow := range []image.Rectangle{image.Rect(0, 0, 1000, 10), image.Rect(0, 0, 10, 1000), image.Rect(0, 0, 1, 1)} {
		if c := drawCrop(r, narrow); !c.In(narrow) || c.Empty() {
			t.Errorf("crop %v of %v", c, narrow)
		}
	}
}

// A photograph that cannot be read is an error that says where it lies, or the
// next of its class stands in.
func TestBadPhotos(t *testing.T) {
	good := plainPhoto(t, 20, 20, blues, false)
	huge := slices.Clone(plainPhoto(t, 20, 20, blues, true))
	copy(huge[16:], []byte{0x7f, 0xff, 0xff, 0xff}) // its width; the checksum no longer holds either
	for name, bad := range map[string][]byte{"cut": good[:len(good)/2], "empty": {}, "text": []byte("<html>"), "huge": huge} {
		p := openTar(t, saved(t, "t.tar", tarOf(t, "a/1.jpg", plainPhoto(t, 9, 9, reds, false), "b/1.jpg", bad, "b/2.jpg", good, "c/1.jpg", bad)), PhotoTarOptions{})
		x := make([]float32, 8*8*3)
		s := photoSamples(t, PhotoOptions{Photos: p, Side: 8, Norm: rgbUnit})
		err := s.Reader()(x, 0, 1)
		var format *FormatError
		if !errors.As(err, &format) || format.Record != 1 || format.Offset != p.Records[1].Offset || !strings.Contains(err.Error(), "b/1.jpg") {
			t.Errorf("%s: %v", name, err)
		}
		if s.CheckPhoto(1) == nil || s.CheckPhoto(2) != nil {
			t.Errorf("%s: photographs 1 and 2: %v, %v", name, s.CheckPhoto(1), s.CheckPhoto(2))
		}
		s = photoSamples(t, PhotoOptions{Photos: p, Side: 8, Norm: rgbUnit, SkipBad: true})
		if err := s.Reader()(x, 0, 1); err != nil || !near(x[2], 200./255, .02) || s.Bad() != 1 {
			t.Errorf("%s: %v, colour %v, %d stood in", name, err, x[:3], s.Bad())
		}
		if err := s.Reader()(x, 0, 3); err == nil {
			t.Errorf("%s: a class without a readable photograph", name)
		}
	}
}

func TestPhotoOptions(t *testing.T) {
	p := openTar(t, saved(t, "train.tar", trainTar(t)), PhotoTarOptions{})
	for want, o := range map[string]PhotoOptions{
		"no photographs": {Side: 8, Norm: rgbUnit}, "side 0": {Photos: p, Norm: rgbUnit}, "expected 3 of each": {Photos: p, Side: 8},
		"jitter is NaN": {Photos: p, Side: 8, Norm: rgbUnit, Jitter: math.NaN()},
	} {
		_, err := NewPhotoSamples(o)
		wantError(t, err, want)
	}
	var _ Samples = &PhotoSamples{}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := OpenPhotoTar(ctx, saved(t, "train.tar", trainTar(t)), PhotoTarOptions{}); !errors.Is(err, context.Canceled) {
		t.Errorf("an interrupted listing says %v", err)
	}
}

// Photographs of a loader come in batches as those of a set do.
func TestPhotosInALoader(t *testing.T) {
	p := openTar(t, saved(t, "train.tar", trainTar(t)), PhotoTarOptions{})
	s := photoSamples(t, PhotoOptions{Photos: p, Side: 8, Norm: rgbUnit, Vary: true, Jitter: .4})
	l, err := NewLoader(LoaderOptions{Samples: s, Batch: 2, Shuffle: true, Ahead: 1})
	if err != nil {
		t.Fatal(err)
	}
	a, b := collect(l.Epoch(1, 0), 0), collect(l.Epoch(1, 0), 0)
	if len(a) != 2 || !reflect.DeepEqual(a, b) {
		t.Errorf("%d batches, equal: %v", len(a), reflect.DeepEqual(a, b))
	}
}

// FuzzPhotoTar lists and reads whatever it is given without a crash.
func FuzzPhotoTar(f *testing.F) {
	f.Add(trainTar(f))
	f.Add(trainTar(f)[:2000])
	f.Fuzz(func(t *testing.T, content []byte) {
		p, err := OpenPhotoTar(context.Background(), saved(t, "f.tar", content), PhotoTarOptions{Skip: true})
		if err != nil {
			return
		}
		s, err := NewPhotoSamples(PhotoOptions{Photos: p, Side: 4, Norm: rgbUnit})
		if err != nil {
			t.Fatal(err)
		}
		x := make([]float32, 4*4*3)
		for i := range min(p.Len(), 3) {
			if err := s.Reader()(x, 0, i); err != nil && err.Error() == "" {
				t.Fatal(fmt.Sprint(i))
			}
		}
	})
}
