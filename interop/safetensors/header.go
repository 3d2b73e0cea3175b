package safetensors

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
)

// entry is what the header says about one tensor.
type entry struct {
	name       string
	at         int // byte of the file at which the header names it
	dtype      string
	shape      []int
	begin, end int // bytes counted from the start of the data
}

// parseHeader reads the header token by token: encoding/json would silently
// keep the last of several equal keys.
func parseHeader(header []byte) (map[string]string, []entry, error) {
	r := &reader{header: header, json: json.NewDecoder(bytes.NewReader(header))}
	r.json.UseNumber()
	var metadata map[string]string
	var entries []entry
	err := r.object("the header", func(key string, at int) error {
		if key == metadataKey {
			var err error
			metadata, err = r.metadata()
			return err
		}
		e, err := r.entry(key, at)
		entries = append(entries, e)
		return err
	})
	if err != nil {
		return nil, nil, err
	}
	end := int(r.json.InputOffset())
	for i, c := range header[end:] {
		if c != ' ' {
			return nil, nil, fmt.Errorf("byte %d: %q after the header's object, expected spaces alone", prefix+end+i, c)
		}
	}
	return metadata, entries, nil
}

// reader reads JSON tokens and knows at which byte of the file each one lies.
type reader struct {
	header []byte
	json   *json.Decoder
}

// next returns the next token and the byte of the file at which it starts.
func (r *reader) next(what string) (json.Token, int, error) {
	i := int(r.json.InputOffset())
	for i < len(r.header) && strings.IndexByte(" \t\r\n,:", r.header[i]) >= 0 {
		i++
	}
	tok, err := r.json.Token()
	switch {
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return nil, 0, fmt.Errorf("byte %d: header ends within %s", prefix+len(r.header), what)
	case err != nil:
		return nil, 0, fmt.Errorf("byte %d: %s: %w", prefix+i, what, err)
	}
	return tok, prefix + i, nil
}

// object reads an object and hands each key, with the byte at which it lies, to
// value, which reads the value. It refuses a key that occurs twice.
func (r *reader) object(what string, value func(key string, at int) error) error {
	if err := r.open('{', what); err != nil {
		return err
	}
	seen := map[string]bool{}
	for {
		tok, at, err := r.next(what)
		if err != nil {
			return err
		}
		key, ok := tok.(string)
		switch {
		case !ok:
			return nil // the decoder lets nothing else than the closing brace through
		case seen[key]:
			return fmt.Errorf("byte %d: %s has %q twice", at, what, key)
		}
		seen[key] = true
		if err := value(key, at); err != nil {
			return err
		}
	}
}

func (r *reader) open(brace json.Delim, what string) error {
	tok, at, err := r.next(what)
	if err == nil && tok != brace {
		err = fmt.Errorf("byte %d: %s is %s, expected '%v'", at, what, describe(tok), brace)
	}
	return err
}

func (r *reader) metadata() (map[string]string, error) {
	m := map[string]string{}
	err := r.object(metadataKey, func(key string, _ int) error {
		var err error
		m[key], err = r.text(fmt.Sprintf("%s: value of %q", metadataKey, key))
		return err
	})
	return m, err
}

func (r *reader) text(what string) (string, error) {
	tok, at, err := r.next(what)
	if err != nil {
		return "", err
	}
	s, ok := tok.(string)
	if !ok {
		return "", fmt.Errorf("byte %d: %s is %s, expected a string", at, what, describe(tok))
	}
	return s, nil
}

// ints reads an array of whole numbers.
func (r *reader) ints(what string) ([]int, error) {
	if err := r.open('[', what); err != nil {
		return nil, err
	}
	vals := []int{}
	for {
		tok, at, err := r.next(what)
		if err != nil {
			return nil, err
		}
		if tok == json.Delim(']') {
			return vals, nil
		}
		num, ok := tok.(json.Number)
		v, err := strconv.Atoi(string(num))
		if !ok || err != nil || strings.HasPrefix(string(num), "-") {
			return nil, fmt.Errorf("byte %d: %s holds %s, expected a whole number from 0 to 2^%d−1", at, what, describe(tok), strconv.IntSize-1)
		}
		vals = append(vals, v)
	}
}

// entry reads the description of the tensor of that name and checks that its
// parts fit each other.
func (r *reader) entry(name string, at int) (entry, error) {
	e := entry{name: name, at: at}
	what := fmt.Sprintf("tensor %q", name)
	var has struct{ dtype, shape, offsets bool }
	err := r.object(what, func(key string, at int) (err error) {
		switch key {
		case "dtype":
			has.dtype = true
			e.dtype, err = r.text(what + ": dtype")
		case "shape":
			has.shape = true
			e.shape, err = r.ints(what + ": shape")
		case "data_offsets":
			has.offsets = true
			var o []int
			if o, err = r.ints(what + ": data_offsets"); err == nil && len(o) != 2 {
				err = fmt.Errorf("byte %d: %s: data_offsets has %d numbers, expected 2", at, what, len(o))
			} else if err == nil {
				e.begin, e.end = o[0], o[1]
			}
		default:
			err = fmt.Errorf("byte %d: %s has the field %q, expected dtype, shape and data_offsets", at, what, key)
		}
		return err
	})
	switch {
	case err != nil:
		return e, err
	case !has.dtype || !has.shape || !has.offsets:
		return e, fmt.Errorf("byte %d: %s lacks one of dtype, shape and data_offsets", at, what)
	}
	if err := e.check(); err != nil {
		return e, fmt.Errorf("byte %d: %s: %w", at, what, err)
	}
	return e, nil
}

func (e entry) check() error {
	if e.dtype != dtype {
		return fmt.Errorf("dtype is %q, only %q is supported", e.dtype, dtype)
	}
	size, err := byteSize(e.shape)
	switch {
	case err != nil:
		return err
	case e.end < e.begin:
		return fmt.Errorf("data_offsets [%d, %d] end before they begin", e.begin, e.end)
	case e.end-e.begin != size:
		return fmt.Errorf("data_offsets [%d, %d] span %d bytes, shape %v of %s takes %d", e.begin, e.end, e.end-e.begin, e.shape, dtype, size)
	}
	return nil
}

// describe says in an error what a token is.
func describe(tok json.Token) string {
	switch t := tok.(type) {
	case string:
		return fmt.Sprintf("the string %q", t)
	case json.Number:
		return t.String()
	case nil:
		return "null"
	}
	return fmt.Sprint(tok)
}
