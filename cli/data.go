package cli

import (
	"context"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/qif-snn/qif/bench"
	"github.com/qif-snn/qif/event"
)

func newData() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "data",
		Short: "Look at recordings of event cameras and data sets of them, and simulate them",
		Long: `Data describes and draws recordings of event cameras: N-MNIST, N-Caltech101,
AEDAT 2.0, 3.1 and 4.0, and Prophesee DAT, as files or as data sets in folders.
docs/events.md says how they are read and cut into frames.`,
		Args: args(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(newDataInfo(), newDataShow(), newDataSimulate(), newDataCheck(), newDataFetch())
	return cmd
}

// sensorFlag is a sensor's size as WIDTHxHEIGHT.
type sensorFlag struct{ s *event.Sensor }

func (f sensorFlag) Type() string { return "WxH" }

func (f sensorFlag) String() string {
	if f.s == nil || *f.s == (event.Sensor{}) {
		return ""
	}
	return fmt.Sprintf("%dx%d", f.s.W, f.s.H)
}

func (f sensorFlag) Set(text string) error {
	var s event.Sensor
	if n, err := fmt.Sscanf(strings.ReplaceAll(text, "×", "x")+"\n", "%dx%d\n", &s.W, &s.H); n != 2 || err != nil {
		return fmt.Errorf("expected a width and a height, as in 128x128")
	}
	if err := s.Validate(); err != nil {
		return err
	}
	*f.s = s
	return nil
}

// rectFlag is a rectangle as X,Y,WIDTH,HEIGHT.
type rectFlag struct{ r **event.Rect }

func (f rectFlag) Type() string   { return "X,Y,W,H" }
func (f rectFlag) String() string { return "" }

func (f rectFlag) Set(text string) error {
	r, err := event.ParseRect(text)
	if err != nil {
		return err
	}
	*f.r = &r
	return nil
}

// readFlags say how recordings are read.
func readFlags(cmd *cobra.Command, o *event.Options) {
	f := cmd.Flags()
	f.TextVar(&o.Format, "format", event.Auto, "file `format`: auto, n-mnist, n-caltech101, aedat2, aedat3, aedat4 or dat")
	f.Var(sensorFlag{&o.Sensor}, "sensor", "size of the sensor, where the file does not say it")
	f.TextVar(&o.Layout, "layout", event.SpikingJelly, "`reader` by whose layout addresses in AEDAT 2.0 are taken: spikingjelly, tonic or jaer")
	f.TextVar(&o.OnBad, "on-bad", event.Stop, "`policy` for records that the format does not allow: stop, or skip and count them")
}

// eachEvent reads a recording from a file and hands its events on in parts. Begin
// is called before the first.
func eachEvent(ctx context.Context, name string, o event.Options, m *meter,
	begin func(*event.Reader) error, do func([]event.Event) error) (*event.Reader, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	r, err := event.NewReader(f, name, o)
	if err == nil {
		err = begin(r)
	}
	if err != nil {
		return nil, err
	}
	return r, r.Each(func(part []event.Event) error {
		if err := ctx.Err(); err != nil {
			return err
		}
		m.observe(bench.Progress{Phase: "reading " + name, Done: float64(r.Offset()) / float64(max(info.Size(), 1))})
		return do(part)
	})
}

// frameFlags say how recordings become frames.
type frameFlags struct {
	p                event.Prepare
	duration, within time.Duration
	neighbours       int
}

func (b *frameFlags) addTo(cmd *cobra.Command) {
	f := cmd.Flags()
	f.TextVar(&b.p.Binning.By, "by", event.ByTime, "what frames have in common: `time`, count of events, or duration")
	f.IntVar(&b.p.Binning.N, "frames", 10, "number of frames, by time or count")
	f.DurationVar(&b.duration, "duration", 0, "time of a frame, by duration, as in 10ms")
	f.TextVar(&b.p.Binning.Rest, "rest", event.Spread, "`policy` for what cannot be divided evenly: spread, last, or drop")
	f.Float64Var(&b.p.HotPixels, "hot-pixels", 0, "leave out pixels with more events a second than this; 0: none")
	f.DurationVar(&b.within, "denoise", 0, "leave out events without any at a neighbouring pixel in so much time before, as in 5ms; 0: none")
	f.IntVar(&b.neighbours, "neighbours", 1, "how many neighbouring pixels --denoise asks for")
	f.Var(rectFlag{&b.p.Crop}, "crop", "keep a rectangle of pixels")
	f.IntVar(&b.p.Downsample, "downsample", 1, "join blocks of so many pixels along each side")
}

// prepare returns what the flags say.
func (b *frameFlags) prepare(cmd *cobra.Command) (event.Prepare, error) {
	p := b.p
	if p.Binning.By == event.ByDuration {
		if cmd.Flags().Changed("frames") {
			return p, usagef("--frames has no effect on frames by duration")
		}
		p.Binning.N = 0
	}
	p.Binning.Duration = b.duration.Microseconds()
	if b.within != 0 {
		p.Denoise = &event.Denoise{Within: b.within.Microseconds(), Neighbours: b.neighbours}
		if err := p.Denoise.Validate(); err != nil {
			return p, usageError{err}
		}
	}
	if err := p.Binning.Validate(); err != nil {
		return p, usageError{err}
	}
	return p, nil
}
