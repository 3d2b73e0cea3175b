package event

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"sync/atomic"

	"github.com/google/renameio/v2"

	"github.com/qif-snn/qif/data"
)

// version is part of every key: it changes when readers or binning give other
// frames than before for the same recording, or the cache's files change.
const version = 1

// A Key names frames by all that they depend on.
type Key [sha256.Size]byte

// NewKey returns the key of what parameters make of content. The parameters'
// JSON form must tell them apart.
func NewKey(content [sha256.Size]byte, parameters ...any) (Key, error) {
	h := sha256.New()
	fmt.Fprintf(h, "frames %d\n", version)
	h.Write(content[:])
	for _, p := range parameters {
		text, err := json.Marshal(p)
		if err != nil {
			return Key{}, fmt.Errorf("key of frames: %w", err)
		}
		h.Write(append(text, '\n'))
	}
	return Key(h.Sum(nil)), nil
}

// A Cache keeps frames in files of a folder, which are named by their keys.
// Files appear at once and complete, are verified when they are read, and are
// made again where they fail: an interrupted run or a broken disk never leads to
// wrong frames. Several goroutines and processes may share a folder.
type Cache struct {
	Dir string

	made, replaced atomic.Int64
}

// Made returns how many frames had to be made because there were none.
func (c *Cache) Made() int64 { return c.made.Load() }

// Replaced returns how many were made again because a file failed.
func (c *Cache) Replaced() int64 { return c.replaced.Load() }

func (c *Cache) path(k Key) string {
	name := hex.EncodeToString(k[:])
	return filepath.Join(c.Dir, name[:2], name+".frames")
}

// Get returns the frames of that key and what was skipped when they were made:
// those that a file has, or else those that fresh makes, which it keeps.
func (c *Cache) Get(k Key, fresh func() (*Frames, Skipped, error)) (*Frames, Skipped, error) {
	path := c.path(k)
	count := &c.made
	text, err := os.ReadFile(path)
	if err == nil {
		f, skipped, err := decodeFrames(text, k, path)
		if err == nil {
			return f, skipped, nil
		}
		count = &c.replaced
	} else if !errors.Is(err, fs.ErrNotExist) {
		return nil, Skipped{}, fmt.Errorf("cache of frames: %w", err)
	}
	f, skipped, err := fresh()
	if err != nil {
		return nil, skipped, err
	}
	count.Add(1)
	dir := filepath.Dir(path)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, skipped, fmt.Errorf("cache of frames: %w", err)
	}
	if err := renameio.WriteFile(path, encodeFrames(f, skipped, k), 0o644, renameio.WithTempDir(dir)); err != nil {
		return nil, skipped, fmt.Errorf("cache of frames: %w", err)
	}
	return f, skipped, nil
}

// framesMagic begins a file. The key follows, then integers as uvarints: H, W,
// C, T, the five counts of what was skipped, and for each frame the number of
// its cells and each cell's distance from the one before and its count. The
// SHA-256 of all that ends it.
const framesMagic = "QIFfrm1\n"

func encodeFrames(f *Frames, s Skipped, k Key) []byte {
	b := append([]byte(framesMagic), k[:]...)
	for _, v := range []int64{int64(f.H), int64(f.W), int64(f.C), int64(f.Len()), s.Backwards, s.OffSensor, s.Corrupt, s.Truncated, s.Empty} {
		b = binary.AppendUvarint(b, uint64(v))
	}
	b = f.pack(b)
	sum := sha256.Sum256(b)
	return append(b, sum[:]...)
}

// decodeFrames checks the sum first, so the rest guards against files of other
// programs alone. Memory follows the file's size: a cell takes two bytes at
// least, a frame one.
func decodeFrames(text []byte, k Key, name string) (*Frames, Skipped, error) {
	fail := func(at int, format string, args ...any) (*Frames, Skipped, error) {
		return nil, Skipped{}, &data.FormatError{File: name, Record: -1, Offset: int64(at), Problem: fmt.Sprintf(format, args...)}
	}
	head := len(framesMagic) + len(k)
	end := len(text) - sha256.Size
	if end < head || string(text[:len(framesMagic)]) != framesMagic {
		return fail(0, "expected frames, got % x", text[:min(len(text), 8)])
	}
	if sum := sha256.Sum256(text[:end]); !bytes.Equal(sum[:], text[end:]) {
		return fail(end, "the content does not have the SHA-256 that it had when it was written")
	}
	if !bytes.Equal(k[:], text[len(framesMagic):head]) {
		return fail(len(framesMagic), "the frames have another key than the file's name")
	}
	r := bytes.NewReader(text[head:end])
	d := uvarints{r: r}
	f := &Frames{H: d.int(maxSide), W: d.int(maxSide), C: d.int(2)}
	frames := d.int(min(maxFrames, r.Len()))
	var s Skipped
	for _, n := range []*int64{&s.Backwards, &s.OffSensor, &s.Corrupt, &s.Truncated, &s.Empty} {
		*n = int64(d.int(maxTime))
	}
	f.unpack(&d, r, frames)
	if d.bad || r.Len() != 0 {
		return fail(end-r.Len(), "the content is no list of frames")
	}
	if err := f.Validate(); err != nil {
		return fail(end, "%v", err)
	}
	return f, s, nil
}

// Frames returns a sample's frames and what was skipped in reading it, by way of
// the cache if there is one. The key is made from the file's content, so frames
// follow it when it changes.
func (s *Set) Frames(i int, o Options, p Prepare, c *Cache) (*Frames, Skipped, error) {
	fresh := func() (*Frames, Skipped, error) {
		st, skipped, err := s.Load(i, o)
		if err != nil {
			return nil, skipped, err
		}
		f, err := p.Frames(st)
		if err != nil {
			err = fmt.Errorf("%s: %w", s.shown(i), err)
		}
		return f, skipped, err
	}
	if c == nil {
		return fresh()
	}
	content, err := s.content(i)
	if err != nil {
		return nil, Skipped{}, err
	}
	sample := s.Samples[i]
	k, err := NewKey(content, s.options(o), sample.From, sample.To, p)
	if err != nil {
		return nil, Skipped{}, err
	}
	return c.Get(k, fresh)
}

// content returns the SHA-256 of a sample's file.
func (s *Set) content(i int) (sum [sha256.Size]byte, err error) {
	f, err := s.fsys.Open(s.Samples[i].Path)
	if err != nil {
		return sum, fmt.Errorf("%s: %w", s.root, err)
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return sum, fmt.Errorf("%s: %w", s.shown(i), err)
	}
	return [sha256.Size]byte(h.Sum(nil)), nil
}
