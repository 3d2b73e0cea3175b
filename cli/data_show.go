package cli

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/qif-snn/qif/bench"
	"github.com/qif-snn/qif/event"
	"github.com/qif-snn/qif/event/view"
	"github.com/qif-snn/qif/report/exhibit"
)

// shownRecording is what show prints with --json.
type shownRecording struct {
	Title   string        `json:"title"`
	Sensor  event.Sensor  `json:"sensor"`
	Events  int           `json:"events"` // that are drawn
	Skipped event.Skipped `json:"skipped"`
	Prepare event.Prepare `json:"prepare"`
	Files   []string      `json:"files"`
}

func newDataShow() *cobra.Command {
	var o event.Options
	var b frameFlags
	var out string
	var sample int
	var test, asJSON, quiet bool
	cmd := &cobra.Command{
		Use:   "show FILE|DIR",
		Short: "Draw a recording as frames, and in space and time",
		Long: `Show draws a recording, or a sample of a data set, as frames and in space and
time, and saves the figures as PNG and SVG with the numbers behind them as CSV.
Flags filter the events first, in this order: --hot-pixels, --denoise, --crop,
--downsample.`,
		Example: `  qif data show Train/0/00002.bin
  qif data show recording.aedat --by count --frames 10 --denoise 5ms
  qif data show CIFAR10-DVS --sample 1234 --out figures`,
		Args: args(cobra.ExactArgs(1)),
	}
	readFlags(cmd, &o)
	b.addTo(cmd)
	f := cmd.Flags()
	f.StringVar(&out, "out", "recording", "folder for the figures")
	f.IntVar(&sample, "sample", 0, "number of the sample in a data set, from 0")
	f.BoolVar(&test, "test", false, "take the sample from the test set")
	f.BoolVar(&asJSON, "json", false, "print one JSON object")
	f.BoolVarP(&quiet, "quiet", "q", false, "show no progress")
	cmd.RunE = func(cmd *cobra.Command, a []string) error {
		p, err := b.prepare(cmd)
		if err != nil {
			return err
		}
		info, err := os.Stat(a[0])
		if err != nil {
			return err
		}
		ctx, stop := interruptible(cmd)
		defer stop()
		m := newMeter(cmd.ErrOrStderr(), quiet)
		defer m.close()
		var s event.Stream
		r := shownRecording{Prepare: p}
		if info.IsDir() {
			s, r.Skipped, r.Title, err = loadSample(a[0], sample, test, o)
		} else if f.Changed("sample") || test {
			return usagef("--sample and --test are for data sets in folders, %s is a file", a[0])
		} else {
			r.Title = filepath.Base(a[0])
			s, r.Skipped, err = loadRecording(ctx, a[0], o, m)
		}
		if err != nil {
			return err
		}
		m.observe(bench.Progress{Phase: "drawing", Done: 1})
		if s, err = p.Stream(s); err != nil {
			return fmt.Errorf("%s: %w", a[0], err)
		}
		exhibits, err := view.Exhibits(s, p.Binning, r.Title)
		if err != nil {
			return err
		}
		if r.Files, err = exhibit.Save(out, exhibits); err != nil {
			return err
		}
		m.close()
		r.Sensor, r.Events = s.Sensor, len(s.Events)
		if asJSON {
			return printJSON(cmd.OutOrStdout(), r)
		}
		fmt.Fprintf(cmd.OutOrStdout(), "%s: %d events on %v pixels, skipped %s\ndrawn to %d files in %s\n",
			r.Title, r.Events, r.Sensor, r.Skipped, len(r.Files), out)
		return nil
	}
	return cmd
}

// loadRecording reads a file.
func loadRecording(ctx context.Context, name string, o event.Options, m *meter) (s event.Stream, _ event.Skipped, _ error) {
	r, err := eachEvent(ctx, name, o, m, func(r *event.Reader) error {
		s.Sensor = r.Sensor()
		return nil
	}, func(part []event.Event) error {
		s.Events = append(s.Events, part...)
		return nil
	})
	if err != nil {
		return event.Stream{}, event.Skipped{}, err
	}
	return s, r.Skipped(), nil
}

// loadSample reads a sample of a data set, and names it.
func loadSample(dir string, i int, test bool, o event.Options) (event.Stream, event.Skipped, string, error) {
	fail := func(err error) (event.Stream, event.Skipped, string, error) {
		return event.Stream{}, event.Skipped{}, "", err
	}
	set, other, err := event.OpenDir(dir)
	if err != nil {
		return fail(err)
	}
	if test {
		if set = other; set == nil {
			return fail(usagef("%s has no test samples of its own", dir))
		}
	}
	if i < 0 || i >= set.Len() {
		return fail(usagef("--sample is %d, expected 0 to %d in %s", i, set.Len()-1, set.Name))
	}
	s, skipped, err := set.Load(i, o)
	if err != nil {
		return fail(err)
	}
	p := set.Samples[i]
	return s, skipped, fmt.Sprintf("%s %d: %s, %s", set.Name, i, set.Classes[p.Label], filepath.Base(p.Path)), nil
}
