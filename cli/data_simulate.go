package cli

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/qif-snn/qif/event"
	"github.com/qif-snn/qif/event/sim"
	"github.com/qif-snn/qif/train"
)

// simulated is what simulate prints with --json.
type simulated struct {
	Folder string `json:"folder"`
	Style  string `json:"style"`
	sim.Outcome
}

func newDataSimulate() *cobra.Command {
	s := sim.Simulation{Camera: sim.Default()}
	var images, out, style string
	var perClass int
	var asJSON, quiet bool
	cmd := &cobra.Command{
		Use:   "simulate",
		Short: "Record images that move before a simulated event camera",
		Long: `Simulate moves the images of a data set before a simulated event camera and
writes the recordings as files that readers of the imitated set take: like
N-MNIST (three saccades; Train and Test, .bin) or like CIFAR10-DVS (a repeated
closed loop; training images alone, AEDAT 2.0). The images are those of a folder,
or else those that come with the program.

The same images and settings give the same files. A call that was interrupted is
continued by the same call; a folder with anything else in it is refused.`,
		Example: `  qif data simulate                       # the built-in images like N-MNIST, into dvs-n-mnist
  qif data simulate --per-class 20 --out few
  qif data simulate --data cifar-10 --style cifar10-dvs --per-class 1000
  qif train --data dvs-n-mnist --task events --steps 10`,
		Args: args(cobra.NoArgs),
	}
	f := cmd.Flags()
	f.StringVar(&images, "data", "", "folder of the images; empty: the built-in part of Fashion-MNIST")
	f.StringVar(&style, "style", event.LikeNMNIST, "set to imitate: n-mnist or cifar10-dvs")
	f.StringVar(&out, "out", "", "folder of the recordings (default dvs-STYLE)")
	f.IntVar(&perClass, "per-class", 0, "record so many images of each class, the first; 0: all")
	f.Uint64Var(&s.Seed, "seed", 1, "seed of thresholds and noise")
	f.Float64Var(&s.Camera.On, "on", s.Camera.On, "threshold of ON events, a difference of natural logarithms of intensity")
	f.Float64Var(&s.Camera.Off, "off", s.Camera.Off, "threshold of OFF events")
	f.Float64Var(&s.Camera.Mismatch, "mismatch", s.Camera.Mismatch, "standard deviation of thresholds over pixels")
	f.Int64Var(&s.Camera.Refractory, "refractory", s.Camera.Refractory, "refractory time in µs")
	f.Float64Var(&s.Camera.Leak, "leak", s.Camera.Leak, "ON events a second at rest")
	f.Float64Var(&s.Camera.Shot, "shot", s.Camera.Shot, "events a second from noise in the dark")
	f.Int64Var(&s.Camera.Step, "step", s.Camera.Step, "µs between samples of the scene")
	f.IntVar(&s.Threads, "threads", 0, "threads; 0: all cores")
	f.BoolVar(&asJSON, "json", false, "print one JSON object")
	f.BoolVarP(&quiet, "quiet", "q", false, "show no progress")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		var err error
		if s.Style, err = sim.StyleNamed(style); err != nil {
			return usageError{err}
		}
		if err := s.Camera.Validate(); err != nil {
			return usageError{err}
		}
		if perClass < 0 || s.Threads < 0 {
			return usagef("--per-class is %d and --threads %d, expected 0 or more", perClass, s.Threads)
		}
		if out == "" {
			out = "dvs-" + style
		}
		if s.Train, s.Test, err = train.LoadImages(images); err != nil {
			return err
		}
		if perClass > 0 {
			s.Train, s.Test = s.Train.FirstOfClasses(perClass), s.Test.FirstOfClasses(perClass)
		}
		ctx, stop := interruptible(cmd)
		defer stop()
		show, end := reporter(cmd.ErrOrStderr(), quiet)
		outcome, err := s.Write(ctx, out, func(done, of int) {
			show(float64(done)/float64(of), fmt.Sprintf("%d of %d recordings", done, of))
		})
		end()
		if ctx.Err() != nil {
			fmt.Fprintln(cmd.ErrOrStderr(), "Interrupted. The same call continues.")
		}
		if err != nil {
			return err
		}
		if asJSON {
			return printJSON(cmd.OutOrStdout(), simulated{out, style, outcome})
		}
		return writeSimulated(cmd.OutOrStdout(), out, s, outcome)
	}
	return cmd
}

// published says of the imitated sets what their descriptions and their files'
// format do.
var published = map[string]string{
	event.LikeNMNIST:     "34×34 pixels, 60000 + 10000 recordings, three saccades of 105 ms",
	event.LikeCIFAR10DVS: "128×128 pixels, 10000 recordings, a repeated closed loop",
}

func writeSimulated(w io.Writer, dir string, s sim.Simulation, o sim.Outcome) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintf(t, "recordings\t%s in %s, of which %d were there\n", o.Name, dir, o.Found)
	fmt.Fprintf(t, "simulated\t%v pixels, %.0f ms\n", s.Style.Sensor, float64(s.Style.Path.Duration())/1e3)
	fmt.Fprintf(t, "published %s\t%s\n", s.Style.Name, published[s.Style.Name])
	for _, p := range o.Parts {
		n := float64(p.Samples)
		fmt.Fprintf(t, "\n%s\t%d recordings\n", p.Name, p.Samples)
		fmt.Fprintf(t, "events per recording\t%.0f on average, %d to %d\n", float64(p.Events)/n, p.Fewest, p.Most)
		fmt.Fprintf(t, "polarities\t%d ON, %d OFF", p.On, p.Off)
		if p.Off > 0 {
			fmt.Fprintf(t, ", ratio %.3f", float64(p.On)/float64(p.Off))
		}
		var rates []string
		for _, k := range p.Rate {
			rates = append(rates, fmt.Sprintf("%.0f", float64(k)/n/float64(p.Width)*1e3))
		}
		fmt.Fprintf(t, "\nevents per ms\t%s, in intervals of %.4g ms\n", strings.Join(rates, " "), float64(p.Width)/1e3)
	}
	return t.Flush()
}
