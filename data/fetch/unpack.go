package fetch

import (
	"archive/tar"
	"archive/zip"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
)

// maxUnpacked bounds what an archive may unpack to.
const maxUnpacked = 64 << 30

// unpack writes an archive's files beside it. They appear at once: they are
// written to a folder of their own, from which what lies at its top is renamed.
// What is there already, of an earlier time, stays, and the archive is not read
// again.
func (f *Fetcher) unpack(ctx context.Context, file File) error {
	path := f.path(file)
	done := path + ".unpacked"
	if _, err := os.Stat(done); err == nil {
		return nil
	}
	tmp, err := os.MkdirTemp(f.Dir, ".unpack-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(tmp)
	u := unpacker{ctx: ctx, dir: tmp, left: maxUnpacked, tell: func(n int64) { f.tell(file, "unpacking", n, 0) }}
	if strings.HasSuffix(file.Name, ".zip") {
		err = u.zip(path)
	} else {
		err = u.tarGz(path)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	top, err := os.ReadDir(tmp)
	if err != nil {
		return err
	}
	for _, e := range top {
		to := filepath.Join(f.Dir, e.Name())
		if _, err := os.Lstat(to); err == nil {
			return fmt.Errorf("%s: its content %s is there already, but not as unpacked from it: delete or move that first", path, to)
		}
	}
	for _, e := range top {
		if err := os.Rename(filepath.Join(tmp, e.Name()), filepath.Join(f.Dir, e.Name())); err != nil {
			return err
		}
	}
	return os.WriteFile(done, nil, 0o644)
}

// unpacker writes the files of one archive below a folder, and nowhere else.
type unpacker struct {
	ctx    context.Context
	dir    string
	left   int64
	passed int64
	tell   func(int64)
}

func (u *unpacker) tarGz(path string) error {
	file, err := os.Open(path)
	if err != nil {
		return err
	}
	defer file.Close()
	z, err := gzip.NewReader(file)
	if err != nil {
		return err
	}
	t := tar.NewReader(z)
	for {
		h, err := t.Next()
		if errors.Is(err, io.EOF) {
			_, err := io.Copy(io.Discard, z) // to gzip's checksum
			return err
		}
		if err != nil {
			return err
		}
		if h.Typeflag == tar.TypeReg {
			if err := u.write(h.Name, t); err != nil {
				return err
			}
		}
	}
}

func (u *unpacker) zip(path string) error {
	z, err := zip.OpenReader(path)
	if err != nil {
		return err
	}
	defer z.Close()
	for _, e := range z.File {
		if !e.Mode().IsRegular() {
			continue
		}
		r, err := e.Open()
		if err != nil {
			return fmt.Errorf("%s: %w", e.Name, err)
		}
		err = u.write(e.Name, r)
		r.Close()
		if err != nil {
			return err
		}
	}
	return nil
}

// write copies a file of the archive.
func (u *unpacker) write(name string, r io.Reader) error {
	local := filepath.FromSlash(strings.TrimPrefix(name, "./"))
	if !filepath.IsLocal(local) {
		return fmt.Errorf("it holds a file %q, which would lie outside its folder", name)
	}
	path := filepath.Join(u.dir, local)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	w, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return err
	}
	defer w.Close()
	for {
		if err := u.ctx.Err(); err != nil {
			return err
		}
		n, err := io.CopyN(w, r, min(1<<20, u.left+1))
		if u.left -= n; u.left < 0 {
			return fmt.Errorf("it unpacks to more than %d bytes", int64(maxUnpacked))
		}
		u.passed += n
		u.tell(u.passed)
		if errors.Is(err, io.EOF) {
			return w.Close()
		}
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
}
