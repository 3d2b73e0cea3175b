package event

import (
	"bufio"
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/qif-snn/qif/data"
)

// layout is a way in which a data set comes in folders.
type layout struct {
	what  string
	dirs  []string // where it may lie, below the given folder
	mark  string   // what tells it: an entry of that folder
	files []string // how recordings in it end, where it is a folder
	load  func(f folder) (train, test *Set, err error)
}

var layouts = []layout{
	{"simulated recordings", []string{"."}, SimulatedFile, nil, loadSimulated},
	{"N-MNIST", []string{".", "N-MNIST", "NMNIST"}, "Train/0", []string{".bin"}, loadNMNIST},
	{"DVS128 Gesture", []string{".", "DvsGesture"}, "trials_to_train.txt", nil, loadGesture},
	{"CIFAR10-DVS", []string{".", "CIFAR10-DVS", "CIFAR10DVS"}, "airplane", []string{".aedat", ".aedat4"}, loadCIFAR10DVS},
	{"N-Caltech101", []string{".", "Caltech101"}, "airplanes", []string{".bin"}, loadNCaltech101},
}

// folder is where a data set was found.
type folder struct {
	fsys fs.FS
	root string // how errors call the file system's root
	dir  string
}

// OpenDir lists a data set of recordings in a folder. It knows N-MNIST (Train
// and Test, each with folders 0 to 9 of .bin files), N-Caltech101 (a folder of
// .bin files per class), CIFAR10-DVS (a folder of .aedat or .aedat4 files per
// class) and DVS128 Gesture (trials_to_train.txt and trials_to_test.txt beside
// recordings and their labels), there or in the folder that their archives
// unpack to. Recordings are not read.
//
// N-Caltech101 and CIFAR10-DVS have no test samples of their own: test is nil,
// and Set.Split records which are held out. A set with fewer samples than are
// published is named a subset.
func OpenDir(dir string) (train, test *Set, err error) {
	info, err := os.Stat(dir)
	if err != nil {
		return nil, nil, fmt.Errorf("data folder: %w", err)
	}
	if !info.IsDir() {
		return nil, nil, fmt.Errorf("%s is a file, expected the folder with the data set's recordings", dir)
	}
	return OpenFS(os.DirFS(dir), dir)
}

// OpenFS is OpenDir for a file system that errors call root.
func OpenFS(fsys fs.FS, root string) (train, test *Set, err error) {
	l, f, err := find(fsys, root)
	if err != nil {
		return nil, nil, err
	}
	if l == nil {
		var looked []string
		for _, l := range layouts {
			looked = append(looked, fmt.Sprintf("%s (%s)", l.what, l.mark))
		}
		return nil, nil, fmt.Errorf("%s holds no data set of recordings; looked for %s", root, strings.Join(looked, ", "))
	}
	return l.load(f)
}

// find returns the layout of the recordings in a file system and where they lie,
// or nil if there are none that it knows.
func find(fsys fs.FS, root string) (*layout, folder, error) {
	for i, l := range layouts {
		for _, dir := range l.dirs {
			p := path.Join(dir, l.mark)
			switch _, err := fs.Stat(fsys, p); {
			case err == nil:
				return &layouts[i], folder{fsys, root, dir}, nil
			case !errors.Is(err, fs.ErrNotExist):
				return nil, folder{}, fmt.Errorf("%s: %w", root, err)
			}
		}
	}
	return nil, folder{}, nil
}

// Recognise names the data set of recordings that a folder holds, if it holds one:
// its folders have the names that OpenDir knows, and recordings in them.
func Recognise(dir string) (string, bool) {
	l, f, err := find(os.DirFS(dir), dir)
	if err != nil || l == nil {
		return "", false
	}
	if len(l.files) == 0 {
		return l.what, true
	}
	entries, err := fs.ReadDir(f.fsys, path.Join(f.dir, l.mark))
	return l.what, err == nil && slices.ContainsFunc(entries, func(e fs.DirEntry) bool {
		return slices.Contains(l.files, strings.ToLower(path.Ext(e.Name())))
	})
}

// shown is a path below the root as errors show it.
func (f folder) shown(p string) string { return path.Join(filepath.ToSlash(f.root), p) }

// set returns an empty set of the folder.
func (f folder) set(name string, format Format, sensor Sensor, classes []string) *Set {
	return &Set{Name: name, Classes: classes, Format: format, Sensor: sensor, root: f.root, fsys: f.fsys}
}

// classes adds to the set the files of each of its classes, in folders of
// their names below dir. Every class must have some.
func (f folder) classes(s *Set, dir string, extensions ...string) error {
	for label, class := range s.Classes {
		if err := f.class(s, path.Join(dir, class), int32(label), extensions...); err != nil {
			return err
		}
	}
	return nil
}

// class adds to the set the files of a class in the folder p, in the order of the
// numbers at the end of their names. Files of other kinds are passed over.
func (f folder) class(s *Set, p string, label int32, extensions ...string) error {
	entries, err := fs.ReadDir(f.fsys, p)
	if err != nil {
		return fmt.Errorf("%s: class %q: %w", f.root, s.Classes[label], err)
	}
	first := len(s.Samples)
	for _, e := range entries {
		if e.IsDir() || !slices.Contains(extensions, strings.ToLower(path.Ext(e.Name()))) {
			continue
		}
		info, err := e.Info()
		if err != nil {
			return fmt.Errorf("%s: %w", f.root, err)
		}
		s.Samples = append(s.Samples, Sample{Path: path.Join(p, e.Name()), Size: info.Size(), Label: label})
	}
	if len(s.Samples) == first {
		return fmt.Errorf("%s: class %q has no files ending in %s", f.shown(p), s.Classes[label], strings.Join(extensions, " or "))
	}
	slices.SortStableFunc(s.Samples[first:], func(a, b Sample) int {
		return cmp.Or(cmp.Compare(number(a.Path), number(b.Path)), cmp.Compare(a.Path, b.Path))
	})
	return nil
}

// number returns the number that a file's name ends in, before its extension, or
// -1.
func number(p string) int64 {
	name := strings.TrimSuffix(p, path.Ext(p))
	start := len(name)
	for start > 0 && '0' <= name[start-1] && name[start-1] <= '9' {
		start--
	}
	if n, err := strconv.ParseInt(name[start:], 10, 64); err == nil {
		return n
	}
	return -1
}

// full appends to the name of a set that is smaller than published.
func full(s *Set, count int, part string) {
	if s.Len() != count {
		s.Name += "-subset"
	}
	s.Name += part
}

func loadNMNIST(f folder) (train, test *Set, err error) {
	digits := strings.Split("0123456789", "")
	train = f.set("n-mnist", NMNIST, nmnistSensor, digits)
	test = f.set("n-mnist", NMNIST, nmnistSensor, digits)
	if err := f.classes(train, path.Join(f.dir, "Train"), ".bin"); err != nil {
		return nil, nil, err
	}
	if err := f.classes(test, path.Join(f.dir, "Test"), ".bin"); err != nil {
		return nil, nil, err
	}
	full(train, 60000, "/train")
	full(test, 10000, "/test")
	return train, test, nil
}

func loadCIFAR10DVS(f folder) (train, test *Set, err error) {
	s := f.set("cifar10-dvs", Auto, dvs128, data.CIFAR10Classes())
	if err := f.classes(s, f.dir, ".aedat", ".aedat4"); err != nil {
		return nil, nil, err
	}
	full(s, 10000, "")
	return s, nil, nil
}

// loadNCaltech101 takes every folder for a class; there are 101, and some copies
// lack or add one.
func loadNCaltech101(f folder) (train, test *Set, err error) {
	entries, err := fs.ReadDir(f.fsys, f.dir)
	if err != nil {
		return nil, nil, fmt.Errorf("%s: %w", f.root, err)
	}
	var names []string
	for _, e := range entries {
		if e.IsDir() {
			names = append(names, e.Name())
		}
	}
	s := f.set("n-caltech101", NCaltech101, ncaltech101Sensor, names)
	if err := f.classes(s, f.dir, ".bin"); err != nil {
		return nil, nil, err
	}
	full(s, 8709, "")
	return s, nil, nil
}

func loadGesture(f folder) (train, test *Set, err error) {
	if train, err = f.gestures("trials_to_train.txt"); err != nil {
		return nil, nil, err
	}
	if test, err = f.gestures("trials_to_test.txt"); err != nil {
		return nil, nil, err
	}
	full(train, 1176, "/train")
	full(test, 288, "/test")
	return train, test, nil
}

// gestures lists the trials of the recordings that a file names, one a line. A
// recording name.aedat has its labels in name_labels.csv.
func (f folder) gestures(list string) (*Set, error) {
	s := f.set("dvs-gesture", AEDAT3, dvs128, gestures)
	names, err := f.lines(list)
	if err != nil {
		return nil, err
	}
	for _, name := range names {
		p := path.Join(f.dir, name)
		info, err := fs.Stat(f.fsys, p)
		if err != nil {
			return nil, fmt.Errorf("%s: a recording that %s names: %w", f.root, list, err)
		}
		labels := strings.TrimSuffix(p, path.Ext(p)) + "_labels.csv"
		file, err := f.fsys.Open(labels)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", f.root, err)
		}
		trials, err := ReadTrials(file, f.shown(labels))
		file.Close()
		if err != nil {
			return nil, err
		}
		for _, t := range trials {
			s.Samples = append(s.Samples, Sample{p, info.Size(), t.Class, t.From, t.To})
		}
	}
	return s, nil
}

// lines returns the lines of a file in the folder that are not empty.
func (f folder) lines(name string) ([]string, error) {
	p := path.Join(f.dir, name)
	file, err := f.fsys.Open(p)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", f.root, err)
	}
	defer file.Close()
	var all []string
	scan := bufio.NewScanner(io.LimitReader(file, 1<<20))
	for scan.Scan() {
		line := strings.TrimSpace(scan.Text())
		switch {
		case line == "":
		case !fs.ValidPath(line):
			return nil, fmt.Errorf("%s: %q, expected the name of a recording", f.shown(p), line)
		default:
			all = append(all, line)
		}
	}
	switch {
	case scan.Err() != nil:
		return nil, fmt.Errorf("%s: %w", f.shown(p), scan.Err())
	case len(all) == 0:
		return nil, fmt.Errorf("%s names no recordings", f.shown(p))
	}
	return all, nil
}
