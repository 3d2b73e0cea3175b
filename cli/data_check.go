package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/qif-snn/qif/bench"
	"github.com/qif-snn/qif/data"
	"github.com/qif-snn/qif/event"
)

// photoCheck is what check prints.
type photoCheck struct {
	Name    string       `json:"name"`
	SHA256  string       `json:"list_sha256"`
	Samples int          `json:"samples"`
	Classes []classCount `json:"classes"`
	Decoded int          `json:"decoded"`
	Bad     []string     `json:"bad"` // what is wrong, in order
}

func newDataCheck() *cobra.Command {
	var onBad event.OnBad
	var o data.PhotoTarOptions
	var asJSON, quiet, listOnly bool
	cmd := &cobra.Command{
		Use:   "check DIR|FILE.tar",
		Short: "List and decode the photographs of a folder or an archive",
		Long: `Check lists photographs, JPEG or PNG, in a folder of each class, or in a tar archive
that is not unpacked: ImageNet's training archive, which holds a tar for each class,
an archive of folders, or with --labels one of photographs alone, such as ImageNet's
validation images. Then it decodes each of them on all cores.

The list of an archive is kept in the user's cache and read from there as long as
the archive's size and time stay the same.`,
		Example: `  qif data check photos/train
  qif data check ILSVRC2012_img_train.tar --list
  qif data check ILSVRC2012_img_val.tar --labels wnids.txt --on-bad skip`,
		Args: args(cobra.ExactArgs(1)),
	}
	f := cmd.Flags()
	f.StringVar(&o.Labels, "labels", "", "file with the class of each photograph, one a line in the order of their names")
	f.TextVar(&onBad, "on-bad", event.Stop, "`policy` for what cannot be read: stop, or skip and count it")
	f.BoolVar(&listOnly, "list", false, "list the photographs without decoding them")
	f.BoolVar(&asJSON, "json", false, "print one JSON object")
	f.BoolVarP(&quiet, "quiet", "q", false, "show no progress")
	cmd.RunE = func(cmd *cobra.Command, a []string) error {
		ctx, stop := interruptible(cmd)
		defer stop()
		m := newMeter(cmd.ErrOrStderr(), quiet)
		defer m.close()
		c := &photoCheck{Bad: []string{}}
		o.Skip = onBad == event.Skip
		p, err := openPhotos(ctx, a[0], o, c, m)
		if err != nil {
			return err
		}
		c.describe(p)
		if !listOnly {
			if err := c.decode(ctx, p, o.Skip, m); err != nil {
				return err
			}
		}
		m.close()
		if asJSON {
			return printJSON(cmd.OutOrStdout(), c)
		}
		return c.write(cmd.OutOrStdout())
	}
	return cmd
}

// openPhotos lists a folder or an archive.
func openPhotos(ctx context.Context, path string, o data.PhotoTarOptions, c *photoCheck, m *meter) (*data.Photos, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if info.IsDir() {
		if o.Labels != "" {
			return nil, usagef("--labels is for archives; in a folder, each class has a folder")
		}
		return data.OpenPhotoFolder(path)
	}
	if dir, err := os.UserCacheDir(); err == nil {
		abs, err := filepath.Abs(path)
		if err != nil {
			return nil, err
		}
		o.Cache = filepath.Join(dir, "qif", "lists", strings.NewReplacer("/", "-", `\`, "-", ":", "-").Replace(abs))
	}
	o.Skipped = func(err error) { c.Bad = append(c.Bad, err.Error()) }
	o.Progress = func(done, size int64) {
		m.observe(bench.Progress{Phase: "listing " + path, Done: float64(done) / float64(max(1, size))})
	}
	return data.OpenPhotoTar(ctx, path, o)
}

func (c *photoCheck) describe(p *data.Photos) {
	c.Name, c.SHA256, c.Samples = p.Name, p.Hash(), p.Len()
	counts := make([]int, len(p.Classes))
	for _, l := range p.Labels() {
		counts[l]++
	}
	for i, n := range counts {
		c.Classes = append(c.Classes, classCount{p.Classes[i], n})
	}
}

// decode reads every photograph. Of several that are bad it names the first.
func (c *photoCheck) decode(ctx context.Context, p *data.Photos, skip bool, m *meter) error {
	s, err := data.NewPhotoSamples(data.PhotoOptions{Photos: p, Side: 1, Norm: data.Norm{Mean: make([]float32, 3), Std: []float32{1, 1, 1}}})
	if err != nil {
		return err
	}
	bad := make([]error, p.Len())
	var next, done atomic.Int64
	var failed atomic.Bool
	var mu sync.Mutex
	var wg sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		wg.Go(func() {
			for ctx.Err() == nil && !(failed.Load() && !skip) {
				i := int(next.Add(1)) - 1
				if i >= p.Len() {
					return
				}
				if bad[i] = s.CheckPhoto(i); bad[i] != nil {
					failed.Store(true)
				}
				if n := done.Add(1); n%64 == 0 {
					mu.Lock()
					m.observe(bench.Progress{Phase: fmt.Sprintf("%d of %d photographs", n, p.Len()), Done: float64(n) / float64(p.Len())})
					mu.Unlock()
				}
			}
		})
	}
	wg.Wait()
	if err := ctx.Err(); err != nil {
		return err
	}
	for _, err := range bad {
		switch {
		case err == nil:
		case !skip:
			return err
		default:
			c.Bad = append(c.Bad, err.Error())
		}
	}
	c.Decoded = int(done.Load()) - countErrors(bad)
	if c.Decoded == 0 {
		return errors.New("none of the photographs can be decoded")
	}
	return nil
}

func countErrors(all []error) (n int) {
	for _, err := range all {
		if err != nil {
			n++
		}
	}
	return n
}

// mostBad is how many bad records the text names.
const mostBad = 20

func (c *photoCheck) write(w io.Writer) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintf(t, "set\t%s\nsamples\t%d in %d classes\nlist's SHA-256\t%s\n", c.Name, c.Samples, len(c.Classes), c.SHA256)
	least, most := c.Classes[0], c.Classes[0]
	for _, k := range c.Classes {
		if k.Samples < least.Samples {
			least = k
		}
		if k.Samples > most.Samples {
			most = k
		}
	}
	fmt.Fprintf(t, "classes\t%d (%s) to %d (%s) samples each\n", least.Samples, least.Name, most.Samples, most.Name)
	if c.Decoded > 0 {
		fmt.Fprintf(t, "decoded\t%d\n", c.Decoded)
	}
	fmt.Fprintf(t, "bad\t%d\n", len(c.Bad))
	if err := t.Flush(); err != nil {
		return err
	}
	for i, b := range c.Bad {
		if i == mostBad {
			fmt.Fprintf(w, "and %d more; --json lists all\n", len(c.Bad)-i)
			break
		}
		fmt.Fprintln(w, b)
	}
	return nil
}
