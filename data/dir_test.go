package data

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
)

// idxFolder is a data set of 4 training and 2 test images of 1×2 pixels.
func idxFolder() map[string][]byte {
	return map[string][]byte{
		"train-images-idx3-ubyte": {0, 0, 8, 3, 0, 0, 0, 4, 0, 0, 0, 1, 0, 0, 0, 2, 1, 2, 3, 4, 5, 6, 7, 8},
		"train-labels-idx1-ubyte": {0, 0, 8, 1, 0, 0, 0, 4, 0, 1, 2, 1},
		"t10k-images-idx3-ubyte":  {0, 0, 8, 3, 0, 0, 0, 2, 0, 0, 0, 1, 0, 0, 0, 2, 9, 10, 11, 12},
		"t10k-labels-idx1-ubyte":  {0, 0, 8, 1, 0, 0, 0, 2, 2, 0},
	}
}

// cifar10Folder has two records in each training batch and one for testing.
func cifar10Folder(dir string) map[string][]byte {
	files := map[string][]byte{}
	for i := range byte(5) {
		name := dir + "data_batch_" + string('1'+i) + ".bin"
		files[name] = cifarBytes([]byte{2 * i}, []byte{2*i + 1})
	}
	files[dir+"test_batch.bin"] = cifarBytes([]byte{7})
	return files
}

func mapFS(files map[string][]byte) fstest.MapFS {
	m := fstest.MapFS{}
	for name, b := range files {
		m[name] = &fstest.MapFile{Data: b}
	}
	return m
}

func TestLoadIDX(t *testing.T) {
	dotted := func(name string) string { return strings.Replace(name, "-idx", ".idx", 1) }
	for name, change := range map[string]func(name string, b []byte) (string, []byte){
		"plain":                 func(n string, b []byte) (string, []byte) { return n, b },
		"compressed":            func(n string, b []byte) (string, []byte) { return n + ".gz", pack(b) },
		"dotted":                func(n string, b []byte) (string, []byte) { return dotted(n), b },
		"dotted, compressed":    func(n string, b []byte) (string, []byte) { return dotted(n) + ".gz", pack(b) },
		"compressed, no .gz":    func(n string, b []byte) (string, []byte) { return n, pack(b) },
		"plain in spite of .gz": func(n string, b []byte) (string, []byte) { return n + ".gz", b },
	} {
		t.Run(name, func(t *testing.T) {
			files := map[string][]byte{}
			for n, b := range idxFolder() {
				n, b = change(n, b)
				files[n] = b
			}
			train, test, err := LoadFS(mapFS(files), "some/mnist")
			if err != nil {
				t.Fatal(err)
			}
			if train.Name != "mnist/train" || test.Name != "mnist/test" {
				t.Errorf("names are %q and %q", train.Name, test.Name)
			}
			if train.H != 1 || train.W != 2 || train.C != 1 || !bytes.Equal(train.Pixels, []byte{1, 2, 3, 4, 5, 6, 7, 8}) ||
				!slices.Equal(train.Labels, []int32{0, 1, 2, 1}) {
				t.Errorf("training set is %+v", train)
			}
			if !bytes.Equal(test.Pixels, []byte{9, 10, 11, 12}) || !slices.Equal(test.Labels, []int32{2, 0}) {
				t.Errorf("test set is %+v", test)
			}
			if want := strings.Fields("0 1 2 3 4 5 6 7 8 9"); !slices.Equal(train.Classes, want) || !slices.Equal(test.Classes, want) {
				t.Errorf("classes are %q and %q, want the digits", train.Classes, test.Classes)
			}
		})
	}
}

func TestLoadIDXClassNames(t *testing.T) {
	files := idxFolder()
	files["classes.txt"] = []byte("cat\ndog\nhot dog\n")
	train, test, err := LoadFS(mapFS(files), "d")
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"cat", "dog", "hot dog"}
	if !slices.Equal(train.Classes, want) || !slices.Equal(test.Classes, want) {
		t.Errorf("classes are %q and %q, want %q", train.Classes, test.Classes, want)
	}
}

func TestLoadCIFAR10(t *testing.T) {
	wellKnown := strings.Fields("airplane automobile bird cat deer dog frog horse ship truck")
	renamed := strings.Fields("a b c d e f g h i j")
	for _, c := range []struct {
		name, dir, meta string
		want            []string
	}{
		{"in place", "", "", wellKnown},
		{"in the parent", "cifar-10-batches-bin/", "", wellKnown},
		{"with names", "cifar-10-batches-bin/", strings.Join(renamed, "\n") + "\n\n", renamed},
	} {
		t.Run(c.name, func(t *testing.T) {
			files := cifar10Folder(c.dir)
			if c.meta != "" {
				files[c.dir+"batches.meta.txt"] = []byte(c.meta)
			}
			train, test, err := LoadFS(mapFS(files), "d")
			if err != nil {
				t.Fatal(err)
			}
			if train.Name != "cifar-10-subset/train" || train.H != 32 || train.W != 32 || train.C != 3 {
				t.Errorf("training set is %q, %d×%d×%d", train.Name, train.H, train.W, train.C)
			}
			if !slices.Equal(train.Labels, []int32{0, 1, 2, 3, 4, 5, 6, 7, 8, 9}) || !slices.Equal(test.Labels, []int32{7}) {
				t.Errorf("labels are %v and %v", train.Labels, test.Labels)
			}
			if !slices.Equal(train.Classes, c.want) || !slices.Equal(test.Classes, c.want) {
				t.Errorf("classes are %q and %q", train.Classes, test.Classes)
			}
			for b := range 5 {
				checkCIFARPixels(t, train.Pixels[b*2*3072:(b+1)*2*3072], 2)
			}
			checkCIFARPixels(t, test.Pixels, 1)
		})
	}
}

func TestLoadCIFAR100(t *testing.T) {
	files := map[string][]byte{
		"cifar-100-binary/train.bin": cifarBytes([]byte{3, 40}, []byte{0, 99}),
		"cifar-100-binary/test.bin":  cifarBytes([]byte{19, 5}),
	}
	train, test, err := LoadFS(mapFS(files), "d")
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(train.Labels, []int32{40, 99}) || !slices.Equal(test.Labels, []int32{5}) {
		t.Errorf("labels are %v and %v, want the fine ones", train.Labels, test.Labels)
	}
	if len(train.Classes) != 100 || train.Classes[42] != "42" {
		t.Errorf("%d classes, want 100 numbers", len(train.Classes))
	}
	files["cifar-100-binary/fine_label_names.txt"] = []byte("apple\n" + strings.Join(numbers(100)[1:], "\n") + "\n")
	if train, _, err = LoadFS(mapFS(files), "d"); err != nil || train.Classes[0] != "apple" {
		t.Errorf("with a file of names: class 0 is %q, error %v", train.Classes[0], err)
	}
}

func TestLoadErrors(t *testing.T) {
	with := func(more map[string][]byte) map[string][]byte {
		files := idxFolder()
		maps.Copy(files, more)
		return files
	}
	without := func(name string) map[string][]byte {
		files := idxFolder()
		delete(files, name)
		return files
	}
	incomplete := cifar10Folder("cifar-10-batches-bin/")
	delete(incomplete, "cifar-10-batches-bin/data_batch_4.bin")
	wrongMeta := cifar10Folder("")
	wrongMeta["batches.meta.txt"] = []byte("a\nb")
	badBatch := cifar10Folder("cifar-10-batches-bin/")
	badBatch["cifar-10-batches-bin/data_batch_2.bin"] = cifarBytes([]byte{3})[:3000]

	for _, c := range []struct {
		name  string
		files map[string][]byte
		want  []string
	}{
		{"nothing", map[string][]byte{"readme": nil}, []string{"here holds no data set; looked for IDX: train-images-idx3-ubyte or train-images.idx3-ubyte",
			"CIFAR-10 (there or in cifar-10-batches-bin): data_batch_1.bin, ", "test_batch.bin", "CIFAR-100 (there or in cifar-100-binary): train.bin, test.bin",
			"each plain or with .gz"}},
		{"one IDX file", map[string][]byte{"t10k-labels.idx1-ubyte.gz": nil},
			[]string{"here: the IDX data set is incomplete, missing train-images-idx3-ubyte, train-labels-idx1-ubyte, t10k-images-idx3-ubyte (or"}},
		{"no test labels", without("t10k-labels-idx1-ubyte"), []string{"incomplete, missing t10k-labels-idx1-ubyte (or the same with .gz)"}},
		{"a batch missing", incomplete, []string{"here/cifar-10-batches-bin: the CIFAR-10 data set is incomplete, missing data_batch_4.bin"}},
		{"two sets", with(cifar10Folder("cifar-10-batches-bin/")),
			[]string{"here holds more than one data set: IDX in here, CIFAR-10 in here/cifar-10-batches-bin; expected one"}},
		{"folder with a file's name", map[string][]byte{"train-images-idx3-ubyte/x": nil}, []string{"here holds no data set"}},
		{"fewer labels", with(map[string][]byte{"train-labels-idx1-ubyte": {0, 0, 8, 1, 0, 0, 0, 3, 0, 1, 2}}),
			[]string{"here/train-labels-idx1-ubyte holds 3 labels, expected 4, the number of images in here/train-images-idx3-ubyte"}},
		{"label beyond the digits", with(map[string][]byte{"t10k-labels-idx1-ubyte": {0, 0, 8, 1, 0, 0, 0, 2, 2, 10}}),
			[]string{"here/t10k-labels-idx1-ubyte: record 1, byte 9: label is 10, expected 0 to 9"}},
		{"label beyond the named", with(map[string][]byte{"classes.txt": []byte("a\nb\n")}),
			[]string{"here/train-labels-idx1-ubyte: record 2, byte 10: label is 2, expected 0 to 1"}},
		{"bad names", with(map[string][]byte{"classes.txt": []byte("a\na\n")}), []string{`here/classes.txt: line 2: class "a" was already named in line 1`}},
		{"other size for testing", with(map[string][]byte{
			"t10k-images-idx3-ubyte": {0, 0, 8, 3, 0, 0, 0, 2, 0, 0, 0, 2, 0, 0, 0, 1, 9, 10, 11, 12}}),
			[]string{"here: training images are 1×2×1, but test images 2×1×1"}},
		{"names of other classes", wrongMeta, []string{"here/batches.meta.txt: expected 10 class names, got 2"}},
		{"bad batch", badBatch, []string{"here/cifar-10-batches-bin/data_batch_2.bin: record 0, byte 3000: the file ends early"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, _, err := LoadFS(mapFS(c.files), "here")
			for _, want := range c.want {
				wantError(t, err, want)
			}
		})
	}
}

// A plain file is preferred to a compressed one, and the usual spelling to the
// dotted one.
func TestLoadPrefers(t *testing.T) {
	files := idxFolder()
	for name, b := range idxFolder() {
		files[name+".gz"] = pack(patch(b, -1, 7))
		files[strings.Replace(name, "-idx", ".idx", 1)] = patch(b, -1, 8)
	}
	train, test, err := LoadFS(mapFS(files), "d")
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(train.Pixels, []byte{1, 2, 3, 4, 5, 6, 7, 8}) || !slices.Equal(test.Labels, []int32{2, 0}) {
		t.Errorf("got training pixels %v and test labels %v", train.Pixels, test.Labels)
	}
}

// A set that its labels identify has its name and classes, unless a file names
// the classes.
func TestLoadKnownSet(t *testing.T) {
	before := knownSets
	defer func() { knownSets = before }()
	knownSets = append(slices.Clone(before), known{
		name: "clothes", classes: []string{"a", "b", "c"},
		train: fmt.Sprintf("%x", sha256.Sum256([]byte{0, 1, 2, 1})),
		test:  fmt.Sprintf("%x", sha256.Sum256([]byte{2, 0})),
	})
	files := idxFolder()
	for _, want := range [][]string{{"a", "b", "c"}, {"x", "y", "z"}} {
		train, test, err := LoadFS(mapFS(files), "d")
		if err != nil {
			t.Fatal(err)
		}
		if train.Name != "clothes/train" || test.Name != "clothes/test" {
			t.Errorf("names are %q and %q", train.Name, test.Name)
		}
		if !slices.Equal(train.Classes, want) || !slices.Equal(test.Classes, want) {
			t.Errorf("classes are %q and %q, want %q", train.Classes, test.Classes, want)
		}
		files["classes.txt"] = []byte("x\ny\nz\n")
	}
}

// lockedFS refuses to open one file, or even to tell of it.
type lockedFS struct {
	fstest.MapFS
	name   string
	hidden bool
}

func (l lockedFS) Stat(name string) (fs.FileInfo, error) {
	if l.hidden && name == l.name {
		return nil, &fs.PathError{Op: "stat", Path: name, Err: fs.ErrPermission}
	}
	return l.MapFS.Stat(name)
}

func (l lockedFS) Open(name string) (fs.File, error) {
	if name == l.name {
		return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrPermission}
	}
	return l.MapFS.Open(name)
}

// A file that cannot be read is not a file that is missing.
func TestLoadUnreadable(t *testing.T) {
	files := idxFolder()
	files["classes.txt"] = []byte("a\nb\nc\n")
	for name := range files {
		_, _, err := LoadFS(lockedFS{mapFS(files), name, false}, "here")
		wantError(t, err, name+": permission denied")
	}
	_, _, err := LoadFS(lockedFS{mapFS(files), "test.bin", true}, "here")
	wantError(t, err, "here: stat test.bin: permission denied")
}

// The file of class names need not be there, but a failure to read it counts.
func TestLoadUnreadableNames(t *testing.T) {
	_, _, err := LoadFS(lockedFS{mapFS(cifar10Folder("")), "batches.meta.txt", false}, "here")
	wantError(t, err, "batches.meta.txt: permission denied")
}

func TestLoadDir(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "my digits")
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	for name, b := range idxFolder() {
		if err := os.WriteFile(filepath.Join(dir, name), b, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	t.Chdir(dir)
	for _, d := range []string{dir, dir + "/", "."} {
		train, test, err := LoadDir(d)
		if err != nil {
			t.Fatal(err)
		}
		if train.Name != "my digits/train" || train.Len() != 4 || test.Len() != 2 {
			t.Errorf("%s: got %q with %d and %d images", d, train.Name, train.Len(), test.Len())
		}
	}
	if err := os.Truncate("train-images-idx3-ubyte", 20); err != nil {
		t.Fatal(err)
	}
	_, _, err := LoadDir(dir)
	wantError(t, err, filepath.ToSlash(dir)+"/train-images-idx3-ubyte: record 2, byte 20: the file ends early")

	_, _, err = LoadDir("train-images-idx3-ubyte")
	wantError(t, err, "train-images-idx3-ubyte is a file, expected the folder")
	_, _, err = LoadDir("nowhere")
	wantError(t, err, "data folder: stat nowhere: no such file")
}
