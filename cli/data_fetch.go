package cli

import (
	"fmt"
	"io"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/qif-snn/qif/bench"
	"github.com/qif-snn/qif/data/fetch"
)

// fetched is what fetch prints as JSON.
type fetched struct {
	Name  string        `json:"name"`
	Dir   string        `json:"dir"`
	Files []fetchedFile `json:"files"`
}

type fetchedFile struct {
	Name    string `json:"name"`
	MD5     string `json:"md5"`
	Outcome string `json:"outcome"`
}

func newDataFetch() *cobra.Command {
	var dir, from string
	var asJSON, quiet bool
	cmd := &cobra.Command{
		Use:   "fetch [NAME]",
		Short: "Download a data set, or check one that was got by hand",
		Long: `Fetch downloads a data set's files, checks them and unpacks archives; without a
name it lists the data sets. An interrupted download goes on where it stopped. A file
gets its name only after its checksum is right.

Data sets that cannot be downloaded without registration or a browser have to be got
by hand: fetch says how, and checks the files once they are in the folder.`,
		Example: `  qif data fetch                                   # which are known
  qif data fetch cifar-10 --dir data/cifar-10 && qif train cifar10-qif-t4 --data data/cifar-10
  qif data fetch mnist --from http://mirror/mnist  # the same files from elsewhere
  qif data fetch imagenet --dir /data/imagenet     # says what to do, then checks`,
		Args: args(cobra.MaximumNArgs(1)),
	}
	f := cmd.Flags()
	f.StringVar(&dir, "dir", "", "folder for the files; empty: one named after the data set")
	f.StringVar(&from, "from", "", "address of a folder, as of a mirror, that has the files by their names")
	f.BoolVar(&asJSON, "json", false, "print one JSON object")
	f.BoolVarP(&quiet, "quiet", "q", false, "show no progress")
	cmd.RunE = func(cmd *cobra.Command, a []string) error {
		if len(a) == 0 {
			if asJSON {
				return printJSON(cmd.OutOrStdout(), map[string]any{"sources": fetch.Sources})
			}
			return listSources(cmd.OutOrStdout())
		}
		s, err := fetch.Named(a[0])
		if err != nil {
			return usageError{err}
		}
		if from != "" {
			s = s.From(from)
		}
		if dir == "" {
			dir = s.Name
		}
		ctx, stop := interruptible(cmd)
		defer stop()
		m := newMeter(cmd.ErrOrStderr(), quiet)
		defer m.close()
		fetcher := fetch.Fetcher{Dir: dir, Progress: arrival(m)}
		outcomes, err := fetcher.Source(ctx, s)
		m.close()
		if err != nil {
			return err
		}
		if !asJSON {
			for i, o := range outcomes {
				fmt.Fprintf(cmd.OutOrStdout(), "%-12s %s\n", o, s.Files[i].Name)
			}
			_, err = fmt.Fprintf(cmd.OutOrStdout(), "%s is complete in %s\n", s.Name, dir)
			return err
		}
		out := fetched{Name: s.Name, Dir: dir}
		for i, o := range outcomes {
			out.Files = append(out.Files, fetchedFile{s.Files[i].Name, s.Files[i].MD5, o})
		}
		return printJSON(cmd.OutOrStdout(), out)
	}
	return cmd
}

// arrival shows how much of a file has arrived, and when the rest will have.
func arrival(m *meter) fetch.Progress {
	var of string
	var begin time.Time
	var first int64
	return func(file, what string, done, size int64) {
		if of != file+what {
			of, begin, first = file+what, time.Now(), done
		}
		p := bench.Progress{Phase: fmt.Sprintf("%s %s: %.1f MB", what, file, float64(done)/1e6)}
		if size > 0 {
			p.Phase += fmt.Sprintf(" of %.1f", float64(size)/1e6)
			p.Done = float64(done) / float64(size)
		}
		if passed := done - first; passed > 0 && size > done {
			p.Left = time.Duration(float64(time.Since(begin)) * float64(size-done) / float64(passed))
		}
		m.observe(p)
	}
}

func listSources(w io.Writer) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, s := range fetch.Sources {
		how := "downloaded"
		if s.ByHand() {
			how = "by hand"
		}
		fmt.Fprintf(t, "%s\t%s\t%s\n", s.Name, how, s.What)
	}
	return t.Flush()
}
