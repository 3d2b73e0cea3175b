// Package fetch downloads data sets: it resumes what was interrupted, tries again
// what failed, and gives a file its name only after its checksum is right.
package fetch

import (
	"context"
	"crypto/md5"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/gofrs/flock"
)

// Progress is told of a file how many bytes have arrived, and of how many; 0: of
// an unknown number. What says what is being done.
type Progress func(file, what string, done, size int64)

// Fetcher downloads files into a folder.
type Fetcher struct {
	Dir      string
	Progress Progress // may be nil
	// Tries is how often in a row a download may fail without another byte, or
	// with a wrong checksum, before it is given up; 0: 5 times.
	Tries int
	// Wait is the time before the second try, which doubles for each further one;
	// 0: a second.
	Wait time.Duration
	// Stall is how long a connection may be silent; 0: a minute.
	Stall time.Duration
}

// Outcomes of a file.
const (
	Present    = "present"    // it was there, its checksum right
	Downloaded = "downloaded" // now
)

// ErrByHand is part of an error for files that have to be got by hand.
var ErrByHand = errors.New("to be got by hand")

// Source downloads and unpacks all files of a source, or checks those that were
// got by hand. It returns what became of each.
func (f *Fetcher) Source(ctx context.Context, s Source) (outcomes []string, err error) {
	if err := os.MkdirAll(f.Dir, 0o755); err != nil {
		return nil, err
	}
	lock := flock.New(filepath.Join(f.Dir, ".fetch.lock"))
	held, err := lock.TryLock()
	if err != nil {
		return nil, fmt.Errorf("locking %s: %w", f.Dir, err)
	}
	if !held {
		return nil, fmt.Errorf("%s: another process downloads into this folder", f.Dir)
	}
	defer lock.Unlock()
	for _, file := range s.Files {
		what, err := f.file(ctx, s, file)
		if err != nil {
			return outcomes, err
		}
		outcomes = append(outcomes, what)
	}
	for _, file := range s.Files {
		if file.Unpack {
			if err := f.unpack(ctx, file); err != nil {
				return outcomes, err
			}
		}
	}
	return outcomes, nil
}

// file gets one file, unless it is there.
func (f *Fetcher) file(ctx context.Context, s Source, file File) (what string, err error) {
	path := f.path(file)
	switch err := f.verify(ctx, file, path); {
	case err == nil:
		return Present, nil
	case errors.Is(err, fs.ErrNotExist) && file.URL == "":
		return "", fmt.Errorf("%s: %w: %s; put %s into %s and run this again to check it", file.Name, ErrByHand, s.Hand, fileNames(s), f.Dir)
	case !errors.Is(err, fs.ErrNotExist):
		return "", fmt.Errorf("%w; it was left as it is: delete it to get it anew", err)
	}
	return Downloaded, f.download(ctx, file)
}

func fileNames(s Source) string {
	var names []string
	for _, f := range s.Files {
		names = append(names, f.Name)
	}
	return strings.Join(names, ", ")
}

func (f *Fetcher) path(file File) string { return filepath.Join(f.Dir, file.Name) }

// partial is the name of a file that has not arrived or not been checked.
func (f *Fetcher) partial(file File) string { return f.path(file) + ".part" }

func (f *Fetcher) tell(file File, what string, done, size int64) {
	if f.Progress != nil {
		f.Progress(file.Name, what, done, size)
	}
}

// ChecksumError says that a file is not what it should be.
type ChecksumError struct{ Path, Kind, Want, Got string }

func (e *ChecksumError) Error() string {
	return fmt.Sprintf("%s: %s is %s, expected %s", e.Path, e.Kind, e.Got, e.Want)
}

// verify compares the file at path with size and checksums.
func (f *Fetcher) verify(ctx context.Context, file File, path string) error {
	r, err := os.Open(path)
	if err != nil {
		return err
	}
	defer r.Close()
	info, err := r.Stat()
	if err != nil {
		return err
	}
	if file.Size > 0 && info.Size() != file.Size {
		return &ChecksumError{path, "size in bytes", fmt.Sprint(file.Size), fmt.Sprint(info.Size())}
	}
	m, s := md5.New(), sha256.New()
	done := int64(0)
	buf := make([]byte, 1<<20)
	for {
		if err := ctx.Err(); err != nil {
			return err
		}
		n, err := r.Read(buf)
		m.Write(buf[:n])
		s.Write(buf[:n])
		done += int64(n)
		f.tell(file, "checking", done, info.Size())
		if err == io.EOF {
			break
		}
		if err != nil {
			return err
		}
	}
	if got := hex.EncodeToString(m.Sum(nil)); got != file.MD5 {
		return &ChecksumError{path, "MD5", file.MD5, got}
	}
	if got := hex.EncodeToString(s.Sum(nil)); file.SHA256 != "" && got != file.SHA256 {
		return &ChecksumError{path, "SHA-256", file.SHA256, got}
	}
	return nil
}
