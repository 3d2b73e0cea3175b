package fetch

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"time"
)

// Defaults of a Fetcher.
const (
	defaultTries = 5
	defaultWait  = time.Second
	defaultStall = time.Minute
)

// maxSize bounds a file whose size is not known.
const maxSize = 64 << 30

// errRefused marks answers that another try would not change.
var errRefused = errors.New("the server refuses")

// download gets a file into its partial file, in as many tries as it takes, and
// names it once its checksum is right.
func (f *Fetcher) download(ctx context.Context, file File) error {
	tries, wait := max(f.Tries, 0), f.Wait
	if tries == 0 {
		tries = defaultTries
	}
	if wait == 0 {
		wait = defaultWait
	}
	var last error
	corrupt := 0
	for failed := 0; failed < tries && corrupt < tries; failed++ {
		if failed > 0 {
			f.tell(file, fmt.Sprintf("trying again (%d of %d)", failed+1, tries), 0, 0)
			select {
			case <-ctx.Done():
				return ctx.Err()
			case <-time.After(wait << (failed - 1)):
			}
		}
		before := f.have(file)
		err := f.try(ctx, file)
		if err == nil {
			if err = f.accept(ctx, file); err == nil {
				return nil
			}
			corrupt++
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if last = err; errors.Is(err, errRefused) {
			break
		}
		if f.have(file) > before { // it gets on
			failed = 0
		}
	}
	return fmt.Errorf("%s from %s: %w", file.Name, file.URL, last)
}

// have is how many bytes have arrived.
func (f *Fetcher) have(file File) int64 {
	info, err := os.Stat(f.partial(file))
	if err != nil {
		return 0
	}
	return info.Size()
}

// accept checks what arrived and gives it its name. What is wrong is deleted: no
// byte of it can be trusted.
func (f *Fetcher) accept(ctx context.Context, file File) error {
	part := f.partial(file)
	if err := f.verify(ctx, file, part); err != nil {
		if ctx.Err() == nil {
			os.Remove(part)
		}
		return err
	}
	return os.Rename(part, f.path(file))
}

// try asks for what is missing and appends it to the partial file.
func (f *Fetcher) try(ctx context.Context, file File) error {
	have := f.have(file)
	if file.Size > 0 && have == file.Size {
		return nil // only the check is missing
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	stall := f.Stall
	if stall == 0 {
		stall = defaultStall
	}
	silence := time.AfterFunc(stall, func() { cancel(fmt.Errorf("the connection was silent for %v", stall)) })
	defer silence.Stop()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, file.URL, nil)
	if err != nil {
		return fmt.Errorf("%w: %w", errRefused, err)
	}
	req.Header.Set("Accept-Encoding", "identity") // the bytes of the file, not others
	if have > 0 {
		req.Header.Set("Range", fmt.Sprintf("bytes=%d-", have))
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return cause(ctx, err)
	}
	defer resp.Body.Close()
	from, size, err := place(resp, have)
	if err != nil {
		return err
	}
	if from < 0 { // the partial file is complete, or no part of this file
		if size == have {
			return nil
		}
		os.Remove(f.partial(file))
		return fmt.Errorf("%d bytes had arrived, but the server's file has %d", have, size)
	}
	return cause(ctx, f.append(ctx, resp.Body, file, from, size, func() { silence.Reset(stall) }))
}

// cause is why a context ended, if that is why err.
func cause(ctx context.Context, err error) error {
	if err != nil && ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return err
}

// place says at which byte of the file an answer begins, −1 where there is none
// left, and the size that the file is said to have, or 0.
func place(resp *http.Response, have int64) (from, size int64, err error) {
	switch resp.StatusCode {
	case http.StatusOK: // from the beginning, whatever was asked for
		return 0, max(resp.ContentLength, 0), nil
	case http.StatusPartialContent:
		var to int64
		n, _ := fmt.Sscanf(resp.Header.Get("Content-Range"), "bytes %d-%d/%d", &from, &to, &size)
		if n < 2 || from != have {
			return 0, 0, fmt.Errorf("asked for bytes from %d on, the server sends %q", have, resp.Header.Get("Content-Range"))
		}
		return from, size, nil
	case http.StatusRequestedRangeNotSatisfiable:
		fmt.Sscanf(resp.Header.Get("Content-Range"), "bytes */%d", &size)
		return -1, size, nil
	case http.StatusTooManyRequests, http.StatusRequestTimeout:
		return 0, 0, fmt.Errorf("the server answers %s", resp.Status)
	}
	if resp.StatusCode < 500 {
		return 0, 0, fmt.Errorf("%w: it answers %s", errRefused, resp.Status)
	}
	return 0, 0, fmt.Errorf("the server answers %s", resp.Status)
}

// append writes what arrives to the partial file, from a byte on.
func (f *Fetcher) append(ctx context.Context, body io.Reader, file File, from, size int64, alive func()) error {
	part, err := os.OpenFile(f.partial(file), os.O_WRONLY|os.O_CREATE, 0o644)
	if err != nil {
		return fmt.Errorf("%w: %w", errRefused, err) // that of this machine to write
	}
	defer part.Close()
	if err := part.Truncate(from); err != nil {
		return err
	}
	limit := int64(maxSize)
	if file.Size > 0 {
		limit, size = file.Size, file.Size
	}
	at := from
	buf := make([]byte, 1<<18)
	for {
		if err := ctx.Err(); err != nil {
			return err
		}
		n, err := body.Read(buf)
		alive()
		if at+int64(n) > limit {
			return fmt.Errorf("the server sends more than %d bytes", limit)
		}
		if _, failed := part.WriteAt(buf[:n], at); failed != nil {
			return failed
		}
		at += int64(n)
		f.tell(file, "downloading", at, size)
		switch {
		case errors.Is(err, io.EOF) && at < file.Size:
			return fmt.Errorf("the server's answer ends after %d of %d bytes", at, file.Size)
		case errors.Is(err, io.EOF):
			return part.Sync()
		case err != nil:
			return fmt.Errorf("the connection broke after %d bytes: %w", at, err)
		}
	}
}
