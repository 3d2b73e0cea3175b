package data

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// Photos is a labelled set of encoded photographs, JPEG or PNG, of any sizes:
// files of a folder, or the records of one tar archive. It holds where each lies,
// not the photographs themselves.
type Photos struct {
	Name    string
	Classes []string
	// Root is the folder, or with Archive the tar archive.
	Root    string
	Archive bool
	Records []PhotoRecord

	labels []int32
}

// PhotoRecord is where a photograph lies: in the file Name below the root, or at
// an offset of the archive, where Name is for errors.
type PhotoRecord struct {
	Name   string
	Offset int64
	Size   int64
	Label  int32
}

// photoExtensions are those of files that count as photographs. What a file is,
// its first bytes tell: ImageNet has a PNG among its JPEG files.
var photoExtensions = []string{".jpg", ".jpeg", ".png"}

func isPhoto(name string) bool {
	base := filepath.Base(name)
	return !strings.HasPrefix(base, ".") && slices.Contains(photoExtensions, strings.ToLower(filepath.Ext(base)))
}

// OpenPhotoFolder lists a folder with a folder of photographs for each class, in
// the order of their names. Photographs may lie deeper.
func OpenPhotoFolder(dir string) (*Photos, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	p := &Photos{Name: filepath.Base(dir), Root: dir}
	for _, e := range entries { // sorted by name
		if strings.HasPrefix(e.Name(), ".") || !isDir(filepath.Join(dir, e.Name())) {
			continue
		}
		if err := p.addClass(e.Name()); err != nil {
			return nil, err
		}
	}
	return p, p.finish()
}

// isDir follows links, as class folders may be some.
func isDir(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.IsDir()
}

// addClass lists the photographs of a class.
func (p *Photos) addClass(name string) error {
	before := len(p.Records)
	label := int32(len(p.Classes))
	err := filepath.WalkDir(filepath.Join(p.Root, name)+string(filepath.Separator), func(path string, e os.DirEntry, err error) error {
		if err != nil || e.IsDir() || !isPhoto(path) {
			return err
		}
		info, err := os.Stat(path)
		if err != nil {
			return err
		}
		below, err := filepath.Rel(p.Root, path)
		p.Records = append(p.Records, PhotoRecord{Name: filepath.ToSlash(below), Size: info.Size(), Label: label})
		return err
	})
	if err != nil {
		return err
	}
	if len(p.Records) == before {
		return fmt.Errorf("%s: class %q has no photographs (%s)", p.Root, name, strings.Join(photoExtensions, ", "))
	}
	p.Classes = append(p.Classes, name)
	return nil
}

// finish checks the list and derives what follows from it.
func (p *Photos) finish() error {
	if len(p.Classes) < 2 {
		return fmt.Errorf("%s: %d classes with photographs, expected a folder or an archive of at least 2", p.Root, len(p.Classes))
	}
	p.labels = make([]int32, len(p.Records))
	for i, r := range p.Records {
		if r.Label < 0 || int(r.Label) >= len(p.Classes) {
			return fmt.Errorf("%s: label of record %d, %s, is %d, expected 0 to %d", p.Root, i, r.Name, r.Label, len(p.Classes)-1)
		}
		p.labels[i] = r.Label
	}
	return nil
}

// Len returns the number of photographs.
func (p *Photos) Len() int { return len(p.Records) }

// Labels are [N] class indices, which the caller must not change.
func (p *Photos) Labels() []int32 { return p.labels }

// Hash returns the SHA-256, in hexadecimal, of the list of records: names, sizes
// and labels. That the bytes are those of last time it does not say: they are many.
func (p *Photos) Hash() string {
	h := sha256.New()
	for _, r := range p.Records {
		line := append([]byte(r.Name), 0)
		line = binary.LittleEndian.AppendUint64(line, uint64(r.Size))
		h.Write(binary.LittleEndian.AppendUint32(line, uint32(r.Label)))
	}
	return hex.EncodeToString(h.Sum(nil))
}

// maxPhoto bounds the bytes of one encoded photograph.
const maxPhoto = 64 << 20

// photoFile reads the records of one set. It is for one goroutine.
type photoFile struct {
	p   *Photos
	tar *os.File // open once a record of an archive was read
	buf []byte
}

// read returns the bytes of record i, valid until the next call.
func (f *photoFile) read(i int) ([]byte, error) {
	r := f.p.Records[i]
	if r.Size > maxPhoto {
		return nil, f.fail(i, fmt.Errorf("it has %d bytes, expected at most %d", r.Size, maxPhoto))
	}
	file := f.tar
	if file == nil {
		path := f.p.Root
		if !f.p.Archive {
			path = filepath.Join(path, filepath.FromSlash(r.Name))
		}
		var err error
		if file, err = os.Open(path); err != nil {
			return nil, err
		}
		if f.p.Archive {
			f.tar = file
		} else {
			defer file.Close()
		}
	}
	f.buf = slices.Grow(f.buf[:0], int(r.Size))[:r.Size]
	if n, err := file.ReadAt(f.buf, r.Offset); err != nil && !(err == io.EOF && n == len(f.buf)) {
		return nil, f.fail(i, fmt.Errorf("expected %d bytes from byte %d on, got %d: %w", r.Size, r.Offset, n, err))
	}
	return f.buf, nil
}

// fail names the record of an error.
func (f *photoFile) fail(i int, err error) error {
	r := f.p.Records[i]
	file, what := f.p.Root, "photograph "+r.Name
	if !f.p.Archive {
		file, what = filepath.Join(f.p.Root, filepath.FromSlash(r.Name)), "photograph"
	}
	return &FormatError{File: file, Record: i, Offset: r.Offset, Problem: what, Err: err}
}

func (f *photoFile) close() {
	if f.tar != nil {
		f.tar.Close()
	}
}
