package data

import (
	"archive/tar"
	"bufio"
	"context"
	"encoding/gob"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/google/renameio/v2"
)

// PhotoTarOptions says how an archive is listed.
type PhotoTarOptions struct {
	// Labels is a file that names the class of each photograph, one a line in the
	// order of the photographs' sorted names, for an archive without classes:
	// that of ImageNet's validation images. Empty: the archive has a tar of
	// photographs for each class, as ImageNet's training images do, or folders.
	Labels string
	// Classes are the classes in order, as of the training set; nil: those that
	// occur, sorted.
	Classes []string
	// Cache is a file that keeps the list, made where it is missing or older than
	// the archive's state; empty: the archive is read each time.
	Cache string
	// Skip leaves out what cannot be listed, the end of an archive that is cut
	// off, and tells Skipped of it.
	Skip    bool
	Skipped func(error)
	// Progress is told how many bytes of the archive have been passed.
	Progress func(done, size int64)
}

// OpenPhotoTar lists the photographs of a tar archive without unpacking it.
func OpenPhotoTar(ctx context.Context, file string, o PhotoTarOptions) (*Photos, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	state := tarState{Version: tarStateVersion, Size: info.Size(), Time: info.ModTime().UnixNano()}
	if !state.load(o.Cache) {
		l := tarLister{ctx: ctx, file: file, o: o, size: info.Size()}
		if err := l.list(f, 0, info.Size(), ""); err != nil {
			return nil, err
		}
		state.Entries = l.entries
		if o.Cache != "" && !l.cut {
			if err := state.save(o.Cache); err != nil {
				return nil, err
			}
		}
	}
	p := &Photos{Name: strings.TrimSuffix(filepath.Base(file), ".tar"), Root: file, Archive: true}
	if err := p.label(state.Entries, o); err != nil {
		return nil, err
	}
	return p, p.finish()
}

// tarEntry is a photograph in an archive. Its name begins with those of the
// archives or folders around it.
type tarEntry struct {
	Name         string
	Offset, Size int64
}

// tarLister walks an archive, and the archives in it.
type tarLister struct {
	ctx     context.Context
	file    string
	o       PhotoTarOptions
	size    int64
	entries []tarEntry
	cut     bool // something was left out
}

// list adds the photographs of the archive that lies in f at the given place.
func (l *tarLister) list(f io.ReaderAt, at, size int64, below string) error {
	section := io.NewSectionReader(f, at, size) // tar seeks over contents
	t := tar.NewReader(section)
	for {
		if err := l.ctx.Err(); err != nil {
			return err
		}
		h, err := t.Next()
		place, _ := section.Seek(0, io.SeekCurrent) // cannot fail
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err == nil && h.Typeflag == tar.TypeReg && h.Size > size-place {
			err = fmt.Errorf("%s has %d bytes, but the archive ends after %d of them", path.Join(below, h.Name), h.Size, size-place)
		}
		if err != nil {
			return l.broken(at+place, err)
		}
		if h.Typeflag != tar.TypeReg {
			continue
		}
		name := path.Join(below, path.Clean("/" + h.Name)[1:])
		if below == "" && strings.HasSuffix(name, ".tar") {
			if err := l.list(f, at+place, h.Size, strings.TrimSuffix(path.Base(name), ".tar")); err != nil {
				return err
			}
		} else if isPhoto(name) {
			l.entries = append(l.entries, tarEntry{name, at + place, h.Size})
		}
		if l.o.Progress != nil {
			l.o.Progress(at+place, l.size)
		}
	}
}

// broken stops at what cannot be listed, or leaves it out.
func (l *tarLister) broken(offset int64, err error) error {
	err = &FormatError{File: l.file, Record: len(l.entries), Offset: offset, Problem: "not a complete tar archive", Err: err}
	if !l.o.Skip {
		return err
	}
	l.cut = true
	if l.o.Skipped != nil {
		l.o.Skipped(err)
	}
	return nil
}

// label gives the entries, sorted by name, their classes.
func (p *Photos) label(entries []tarEntry, o PhotoTarOptions) error {
	if len(entries) == 0 {
		return fmt.Errorf("%s: no photographs (%s) in the archive", p.Root, strings.Join(photoExtensions, ", "))
	}
	entries = slices.Clone(entries)
	slices.SortFunc(entries, func(a, b tarEntry) int { return strings.Compare(a.Name, b.Name) })
	names := make([]string, len(entries))
	for i, e := range entries {
		names[i] = path.Base(path.Dir(e.Name))
		if o.Labels == "" && names[i] == "." {
			return fmt.Errorf("%s: %s lies in no folder or archive that names its class; give a file of labels", p.Root, e.Name)
		}
	}
	if o.Labels != "" {
		var err error
		if names, err = readLines(o.Labels, len(entries)); err != nil {
			return err
		}
	}
	if p.Classes = o.Classes; p.Classes == nil {
		p.Classes = slices.Compact(slices.Sorted(slices.Values(names)))
	}
	index := make(map[string]int32, len(p.Classes))
	for i, c := range p.Classes {
		index[c] = int32(i)
	}
	for i, e := range entries {
		label, ok := index[names[i]]
		if !ok {
			return fmt.Errorf("%s: %s is of class %q, which is none of the %d classes", p.Root, e.Name, names[i], len(p.Classes))
		}
		p.Records = append(p.Records, PhotoRecord{e.Name, e.Offset, e.Size, label})
	}
	return nil
}

// readLines returns the first word of each line, of which there must be so many.
func readLines(file string, want int) ([]string, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	var words []string
	s := bufio.NewScanner(f)
	for s.Scan() {
		w := strings.Fields(s.Text())
		if len(w) == 0 {
			return nil, fmt.Errorf("%s: line %d is empty, expected the name of a class", file, len(words)+1)
		}
		if words = append(words, w[0]); len(words) > want {
			break
		}
	}
	if err := s.Err(); err != nil {
		return nil, fmt.Errorf("%s: line %d: %w", file, len(words)+1, err)
	}
	if len(words) != want {
		return nil, fmt.Errorf("%s: line %d ends the labels or is one too many, expected %d, one for each photograph", file, len(words), want)
	}
	return words, nil
}

// tarState is a list of an archive's photographs as it is kept, with what tells
// whether the archive is still the same.
type tarState struct {
	Version    int
	Size, Time int64
	Entries    []tarEntry
}

const tarStateVersion = 1

// load takes over the list from a file, if it is that of the archive in its
// present state.
func (s *tarState) load(file string) bool {
	if file == "" {
		return false
	}
	f, err := os.Open(file)
	if err != nil {
		return false
	}
	defer f.Close()
	var kept tarState
	if gob.NewDecoder(bufio.NewReader(f)).Decode(&kept) != nil {
		return false
	}
	if kept.Version != s.Version || kept.Size != s.Size || kept.Time != s.Time {
		return false
	}
	for _, e := range kept.Entries {
		if e.Offset < 0 || e.Size < 0 || e.Size > s.Size || e.Offset > s.Size-e.Size {
			return false
		}
	}
	s.Entries = kept.Entries
	return true
}

// save writes the list, all or nothing.
func (s *tarState) save(file string) error {
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		return err
	}
	f, err := renameio.NewPendingFile(file, renameio.WithTempDir(filepath.Dir(file)))
	if err != nil {
		return err
	}
	defer f.Cleanup()
	w := bufio.NewWriter(f)
	err = gob.NewEncoder(w).Encode(s)
	if err == nil {
		err = w.Flush()
	}
	if err == nil {
		err = f.CloseAtomicallyReplace()
	}
	if err != nil {
		return fmt.Errorf("%s: %w", file, err)
	}
	return nil
}
