// Package exhibit saves what an analysis shows: figures at the size of a paper's
// page, each with the numbers behind it.
package exhibit

import (
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"

	"github.com/google/renameio/v2"

	"github.com/qif-snn/qif/report/plotstyle"
)

// An Exhibit is a figure and the data that it draws.
type Exhibit struct {
	Name   string // of its files, without extension
	Figure plotstyle.Figure
	Table  Table
}

// A Table is data in columns. Cells are strings, integers, booleans, floats, or
// nil where there is no value.
type Table struct {
	Header []string // names of the columns, with units where they have any
	Rows   [][]any
}

// Add appends a row, whose length must be that of the header.
func (t *Table) Add(cells ...any) { t.Rows = append(t.Rows, cells) }

// CSV returns the table as RFC 4180 asks for. Floats keep all their digits; one
// that is not finite is an empty cell.
func (t Table) CSV() ([]byte, error) {
	var b bytes.Buffer
	w := csv.NewWriter(&b)
	if err := w.Write(t.Header); err != nil {
		return nil, err
	}
	record := make([]string, len(t.Header))
	for i, row := range t.Rows {
		if len(row) != len(t.Header) {
			return nil, fmt.Errorf("row %d has %d cells, expected %d", i+1, len(row), len(t.Header))
		}
		for j, cell := range row {
			text, err := format(cell)
			if err != nil {
				return nil, fmt.Errorf("row %d, column %q: %w", i+1, t.Header[j], err)
			}
			record[j] = text
		}
		if err := w.Write(record); err != nil {
			return nil, err
		}
	}
	w.Flush()
	return b.Bytes(), w.Error()
}

func format(cell any) (string, error) {
	switch c := cell.(type) {
	case nil:
		return "", nil
	case string:
		return c, nil
	case bool:
		return strconv.FormatBool(c), nil
	case int:
		return strconv.Itoa(c), nil
	case *float64:
		if c == nil {
			return "", nil
		}
		return format(*c)
	case float64:
		if c-c != 0 { // NaN or an infinity
			return "", nil
		}
		return strconv.FormatFloat(c, 'g', -1, 64), nil
	}
	return "", fmt.Errorf("cell of type %T", cell)
}

// Saveable says what would keep Save from writing to a folder, and leaves nothing
// behind.
func Saveable(dir string) error {
	there := filepath.Clean(dir)
	for {
		info, err := os.Stat(there)
		if errors.Is(err, fs.ErrNotExist) && filepath.Dir(there) != there {
			there = filepath.Dir(there)
			continue
		}
		if err != nil {
			return err
		}
		if !info.IsDir() {
			return fmt.Errorf("%s is no folder", there)
		}
		break
	}
	probe, err := os.CreateTemp(there, ".qif-*")
	if err != nil {
		return fmt.Errorf("folder %s cannot be written to: %w", there, err)
	}
	return errors.Join(probe.Close(), os.Remove(probe.Name()))
}

// Save writes each exhibit to NAME.png, NAME.svg and NAME.csv in a folder, which
// it makes where it is missing. Every file appears at once and complete. It
// returns the files' paths.
func Save(dir string, all []Exhibit) ([]string, error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, err
	}
	var paths []string
	for _, e := range all {
		base := filepath.Join(dir, e.Name)
		for _, ext := range []string{".png", ".svg"} {
			if err := e.Figure.Save(base + ext); err != nil {
				return nil, err
			}
			paths = append(paths, base+ext)
		}
		b, err := e.Table.CSV()
		if err == nil {
			err = renameio.WriteFile(base+".csv", b, 0o644, renameio.WithTempDir(dir))
		}
		if err != nil {
			return nil, fmt.Errorf("%s.csv: %w", base, err)
		}
		paths = append(paths, base+".csv")
	}
	return paths, nil
}
