package data

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
)

// layout is a way in which a data set comes in files.
type layout struct {
	what string
	dirs []string // where the files may lie, below the given folder
	// files lists each file's spellings. Any one of these files makes the
	// folder one of this layout; then none may be missing.
	files [][]string
	load  func(f *folder) (train, test *Set, err error)
}

// Positions in the IDX layout's list of files.
const (
	trainImages = iota
	trainLabels
	testImages
	testLabels
)

var layouts = []layout{
	{"IDX", []string{"."}, [][]string{
		{"train-images-idx3-ubyte", "train-images.idx3-ubyte"},
		{"train-labels-idx1-ubyte", "train-labels.idx1-ubyte"},
		{"t10k-images-idx3-ubyte", "t10k-images.idx3-ubyte"},
		{"t10k-labels-idx1-ubyte", "t10k-labels.idx1-ubyte"},
	}, loadIDX},
	{"CIFAR-10", []string{".", "cifar-10-batches-bin"}, [][]string{
		{"data_batch_1.bin"}, {"data_batch_2.bin"}, {"data_batch_3.bin"}, {"data_batch_4.bin"}, {"data_batch_5.bin"},
		{"test_batch.bin"},
	}, loadCIFAR10},
	{"CIFAR-100", []string{".", "cifar-100-binary"}, [][]string{
		{"train.bin"}, {"test.bin"},
	}, loadCIFAR100},
}

// folder is a folder in which a layout's files were found.
type folder struct {
	fsys  fs.FS
	root  string // how errors call the file system's root
	dir   string
	name  string   // for a set that nothing else names
	paths []string // as layout.files; empty where none was found
}

// LoadDir reads a data set from a folder: MNIST and its relatives as four IDX
// files (train-images-idx3-ubyte and so on, also with a dot before "idx"),
// CIFAR-10 or CIFAR-100 in their binary versions, there or in the folder that
// their archives unpack to. Each file may be gzipped, with .gz behind its name
// or without.
//
// Photographs of one size, JPEG or PNG, are a data set too: in the folders train,
// and test or val, with a folder for each class. There its name is the class's.
//
// Classes of IDX files are named by a file classes.txt beside them, one name a line, or
// else by what the labels tell: Fashion-MNIST is recognised by theirs, all
// other sets have the digits. CIFAR brings names with it; where that file is
// missing, CIFAR-10 has its well-known ones and CIFAR-100 numbers.
//
// Sets are named after their kind or else their folder, with /train or /test
// behind. CIFAR's files do not say how many records they have: a set with other
// numbers than the 50,000 and 10,000 is named a subset.
func LoadDir(dir string) (train, test *Set, err error) {
	info, err := os.Stat(dir)
	if err != nil {
		return nil, nil, fmt.Errorf("data folder: %w", err)
	}
	if !info.IsDir() {
		return nil, nil, fmt.Errorf("%s is a file, expected the folder with the data set's files", dir)
	}
	abs, err := filepath.Abs(dir)
	if err != nil {
		return nil, nil, fmt.Errorf("data folder: %w", err)
	}
	train, test, err = loadPhotoSets(dir, filepath.Base(abs))
	if train != nil || err != nil {
		return train, test, err
	}
	return loadFS(os.DirFS(dir), dir, filepath.Base(abs))
}

// LoadFS reads a data set as LoadDir does, from a file system that errors call
// root.
func LoadFS(fsys fs.FS, root string) (train, test *Set, err error) {
	return loadFS(fsys, root, path.Base(root))
}

func loadFS(fsys fs.FS, root, name string) (train, test *Set, err error) {
	var found []*folder
	var of []layout
	for _, l := range layouts {
		for _, dir := range l.dirs {
			f := &folder{fsys: fsys, root: root, dir: dir, name: name}
			hit, err := f.look(l)
			if err != nil {
				return nil, nil, err
			}
			if hit {
				found, of = append(found, f), append(of, l)
			}
		}
	}
	switch len(found) {
	case 0:
		return nil, nil, fmt.Errorf("%s holds no data set; looked for %s", root, lookedFor())
	case 1:
		return of[0].read(found[0])
	}
	var several []string
	for i, f := range found {
		several = append(several, of[i].what+" in "+f.shown(f.dir))
	}
	return nil, nil, fmt.Errorf("%s holds more than one data set: %s; expected one", root, strings.Join(several, ", "))
}

// look fills f.paths and reports whether any file is there. The first spelling
// wins, the plain file before the compressed one.
func (f *folder) look(l layout) (hit bool, err error) {
	f.paths = make([]string, len(l.files))
	for i, spellings := range l.files {
		for _, s := range spellings {
			for _, p := range []string{path.Join(f.dir, s), path.Join(f.dir, s+".gz")} {
				info, err := fs.Stat(f.fsys, p)
				switch {
				case errors.Is(err, fs.ErrNotExist):
					continue
				case err != nil:
					return false, fmt.Errorf("%s: %w", f.root, err)
				case info.Mode().IsRegular() && f.paths[i] == "":
					f.paths[i], hit = p, true
				}
			}
		}
	}
	return hit, nil
}

// read loads the folder, if no file is missing.
func (l layout) read(f *folder) (train, test *Set, err error) {
	var missing []string
	for i, p := range f.paths {
		if p == "" {
			missing = append(missing, l.files[i][0])
		}
	}
	if len(missing) > 0 {
		return nil, nil, fmt.Errorf("%s: the %s data set is incomplete, missing %s (or the same with .gz)",
			f.shown(f.dir), l.what, strings.Join(missing, ", "))
	}
	train, test, err = l.load(f)
	if err != nil {
		return nil, nil, err
	}
	if err := agree(train, test); err != nil {
		return nil, nil, fmt.Errorf("%s: %w", f.shown(f.dir), err)
	}
	return train, test, nil
}

// lookedFor lists the files of all layouts.
func lookedFor() string {
	var all []string
	for _, l := range layouts {
		var names []string
		for _, spellings := range l.files {
			names = append(names, strings.Join(spellings, " or "))
		}
		where := ""
		if len(l.dirs) > 1 {
			where = " (there or in " + strings.Join(l.dirs[1:], ", ") + ")"
		}
		all = append(all, fmt.Sprintf("%s%s: %s", l.what, where, strings.Join(names, ", ")))
	}
	return strings.Join(all, "; ") + "; each plain or with .gz behind its name; photographs: train/CLASS and test/CLASS or val/CLASS"
}

// shown is a path below the root as errors show it.
func (f *folder) shown(p string) string { return path.Join(filepath.ToSlash(f.root), p) }

// with opens the file, hands it to read with the name for errors, and closes
// it.
func (f *folder) with(p string, read func(r fs.File, name string) error) error {
	file, err := f.fsys.Open(p)
	if err != nil {
		return fmt.Errorf("%s: %w", f.root, err)
	}
	defer file.Close()
	return read(file, f.shown(p))
}
