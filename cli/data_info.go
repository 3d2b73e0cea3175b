package cli

import (
	"context"
	"fmt"
	"io"
	"os"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/qif-snn/qif/bench"
	"github.com/qif-snn/qif/event"
)

// recordingInfo is what info prints about a recording.
type recordingInfo struct {
	File   string       `json:"file"`
	Format event.Format `json:"format"`
	event.Stats
	PerSecond float64       `json:"events_per_second"`
	OnOff     *float64      `json:"on_off_ratio,omitempty"`
	Skipped   event.Skipped `json:"skipped"`
}

// eventSetInfo is what info prints about one part of a data set.
type eventSetInfo struct {
	Name    string         `json:"name"`
	SHA256  string         `json:"sha256"`
	Samples int            `json:"samples"`
	Sensor  event.Sensor   `json:"sensor"`
	Classes []classCount   `json:"classes"`
	Splits  []splitOutline `json:"splits,omitempty"`
	Survey  *event.Survey  `json:"survey,omitempty"`
}

type classCount struct {
	Name    string `json:"name"`
	Samples int    `json:"samples"`
}

// splitOutline is a named way to hold out test samples.
type splitOutline struct {
	Method string `json:"method"`
	Train  int    `json:"train"`
	Held   int    `json:"held_out"`
}

func newDataInfo() *cobra.Command {
	var o event.Options
	var asJSON, read, quiet bool
	cmd := &cobra.Command{
		Use:   "info FILE|DIR",
		Short: "Describe a recording, or a data set of recordings",
		Long: `Info reads a recording from end to end, however long it is, and prints its
format, sensor, number and rate of events. Of a data set in a folder it prints
classes, samples and the named splits; with --read it reads all recordings and
prints their events too.`,
		Example: `  qif data info Train/0/00002.bin
  qif data info recording.aedat4 --json
  qif data info CIFAR10-DVS --read --on-bad skip`,
		Args: args(cobra.ExactArgs(1)),
	}
	readFlags(cmd, &o)
	f := cmd.Flags()
	f.BoolVar(&read, "read", false, "read all recordings of a data set")
	f.BoolVar(&asJSON, "json", false, "print one JSON object")
	f.BoolVarP(&quiet, "quiet", "q", false, "show no progress")
	cmd.RunE = func(cmd *cobra.Command, a []string) error {
		ctx, stop := interruptible(cmd)
		defer stop()
		info, err := os.Stat(a[0])
		if err != nil {
			return err
		}
		m := newMeter(cmd.ErrOrStderr(), quiet)
		defer m.close()
		if info.IsDir() {
			sets, err := describeSets(ctx, a[0], o, read, m)
			if err != nil {
				return err
			}
			m.close()
			if asJSON {
				return printJSON(cmd.OutOrStdout(), map[string]any{"sets": sets})
			}
			return writeSets(cmd.OutOrStdout(), sets)
		}
		if read {
			return usagef("--read is for data sets in folders; a file is always read")
		}
		r, err := describeRecording(ctx, a[0], o, m)
		if err != nil {
			return err
		}
		m.close()
		if asJSON {
			return printJSON(cmd.OutOrStdout(), r)
		}
		return writeRecording(cmd.OutOrStdout(), r)
	}
	return cmd
}

// describeRecording reads a file and measures its events as they pass.
func describeRecording(ctx context.Context, name string, o event.Options, m *meter) (*recordingInfo, error) {
	var gauge *event.Meter
	r, err := eachEvent(ctx, name, o, m, func(r *event.Reader) (err error) {
		gauge, err = event.NewMeter(r.Sensor())
		return err
	}, func(part []event.Event) error { return gauge.Add(part) })
	if err != nil {
		return nil, err
	}
	out := &recordingInfo{File: name, Format: r.Format(), Stats: gauge.Stats(), Skipped: r.Skipped()}
	out.PerSecond = out.Stats.PerSecond()
	if ratio, ok := out.Stats.OnOff(); ok {
		out.OnOff = &ratio
	}
	return out, nil
}

func writeRecording(w io.Writer, r *recordingInfo) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintf(t, "format\t%v\n", r.Format)
	fmt.Fprintf(t, "sensor\t%v pixels, of which %d have events\n", r.Sensor, r.Pixels)
	fmt.Fprintf(t, "events\t%d: %d ON, %d OFF", r.Events, r.On, r.Off)
	if r.OnOff != nil {
		fmt.Fprintf(t, ", ratio %.3f", *r.OnOff)
	}
	fmt.Fprintf(t, "\ntime\t%.3f ms, from %d to %d µs\n", float64(r.To-r.From)/1e3, r.From, r.To)
	fmt.Fprintf(t, "rate\t%.0f events/s; %s\n", r.PerSecond, rateRange(r.Stats))
	if r.Events > 0 {
		fmt.Fprintf(t, "busiest pixel\tx = %d, y = %d with %d events\n", r.Most.X, r.Most.Y, r.Most.Events)
	}
	fmt.Fprintf(t, "skipped\t%s\n", r.Skipped)
	return t.Flush()
}

// rateRange says between what the rate varies. The last interval may be cut off
// by the recording's end and is left out, if there are others.
func rateRange(s event.Stats) string {
	rates := s.Rate
	if len(rates) > 1 {
		rates = rates[:len(rates)-1]
	}
	if len(rates) == 0 {
		return "no events"
	}
	lo, hi := rates[0], rates[0]
	for _, n := range rates {
		lo, hi = min(lo, n), max(hi, n)
	}
	scale := 1e6 / float64(s.Width)
	return fmt.Sprintf("%.0f to %.0f over intervals of %.3g ms", float64(lo)*scale, float64(hi)*scale, float64(s.Width)/1e3)
}

// describeSets lists a data set's parts, and reads them if that is asked for.
func describeSets(ctx context.Context, dir string, o event.Options, read bool, m *meter) ([]eventSetInfo, error) {
	train, test, err := event.OpenDir(dir)
	if err != nil {
		return nil, err
	}
	sets := []*event.Set{train}
	if test != nil {
		sets = append(sets, test)
	}
	var all []eventSetInfo
	for _, s := range sets {
		info := eventSetInfo{Name: s.Name, SHA256: s.Hash(), Samples: s.Len(), Sensor: s.Sensor}
		counts := make([]int, len(s.Classes))
		for _, l := range s.Labels() {
			counts[l]++
		}
		for c, n := range counts {
			info.Classes = append(info.Classes, classCount{s.Classes[c], n})
		}
		if test == nil {
			info.Splits = outlineSplits(s)
		}
		if read {
			survey, err := s.Survey(ctx, o, func(done int) {
				m.observe(bench.Progress{Phase: fmt.Sprintf("%s: %d of %d recordings", s.Name, done, s.Len()), Done: float64(done) / float64(s.Len())})
			})
			if err != nil {
				return nil, err
			}
			info.Survey = &survey
		}
		all = append(all, info)
	}
	return all, nil
}

// outlineSplits lists the named splits that the set is large enough for.
func outlineSplits(s *event.Set) []splitOutline {
	var all []splitOutline
	for _, method := range event.SplitMethods {
		if m, err := s.Split(method, .1, 0); err == nil {
			all = append(all, splitOutline{method, m.Count - len(m.Validation), len(m.Validation)})
		}
	}
	return all
}

func writeSets(w io.Writer, sets []eventSetInfo) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for i, s := range sets {
		if i > 0 {
			fmt.Fprintln(t)
		}
		fmt.Fprintf(t, "set\t%s\nsamples\t%d\nsensor\t%v pixels\nlist's SHA-256\t%s\n", s.Name, s.Samples, s.Sensor, s.SHA256)
		var classes []string
		for _, c := range s.Classes {
			classes = append(classes, fmt.Sprintf("%s %d", c.Name, c.Samples))
		}
		fmt.Fprintf(t, "classes\t%s\n", strings.Join(classes, ", "))
		for _, p := range s.Splits {
			fmt.Fprintf(t, "split %s\t%d for training, %d held out\n", p.Method, p.Train, p.Held)
		}
		if v := s.Survey; v != nil && v.Samples > 0 {
			n := float64(v.Samples)
			fmt.Fprintf(t, "events per sample\t%.0f on average, %d to %d\n", float64(v.Events)/n, v.Fewest, v.Most)
			fmt.Fprintf(t, "polarities\t%d ON, %d OFF\n", v.On, v.Off)
			fmt.Fprintf(t, "time per sample\t%.1f ms on average\n", float64(v.Duration)/1e3/n)
			fmt.Fprintf(t, "skipped\t%s; unreadable files: %d\n", v.Skipped, v.Failed)
		}
	}
	return t.Flush()
}
