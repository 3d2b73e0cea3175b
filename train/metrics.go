package train

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
)

// metricsLine is an epoch's record with the times that checkpoints leave out.
type metricsLine struct {
	Record
	SamplesPerSecond float64 `json:"samples_per_second"` // training alone
	Seconds          float64 `json:"seconds"`            // since the program started on this run
}

// appendMetrics adds a line to the metrics file.
func appendMetrics(path string, line metricsLine) error {
	b, err := json.Marshal(line)
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	f, err := os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	_, err = f.Write(append(b, '\n'))
	return errors.Join(err, f.Close())
}

// trimMetrics drops what a killed run may have left behind the last epoch that
// its checkpoint knows: lines of later epochs, and half a line. Lines that are
// missing because the kill came between checkpoint and metrics are written from
// the records, without times.
func trimMetrics(path string, records []Record) error {
	old, err := os.ReadFile(path)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	kept := map[int][]byte{}
	sc := bufio.NewScanner(bytes.NewReader(old))
	sc.Buffer(nil, len(old)+1)
	for sc.Scan() {
		var l metricsLine
		if json.Unmarshal(sc.Bytes(), &l) == nil {
			kept[l.Epoch] = bytes.Clone(sc.Bytes())
		}
	}
	var out bytes.Buffer
	for _, r := range records {
		b, ok := kept[r.Epoch]
		if !ok {
			if b, err = json.Marshal(metricsLine{Record: r}); err != nil {
				return fmt.Errorf("%s: %w", path, err)
			}
		}
		out.Write(append(b, '\n'))
	}
	if bytes.Equal(out.Bytes(), old) {
		return nil
	}
	return writeFile(path, func(w io.Writer) error {
		_, err := w.Write(out.Bytes())
		return err
	})
}
