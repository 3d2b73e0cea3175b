// Package cli holds the verbs of the command line, one file each: flags,
// printing and exit codes. What they do lives in the packages they call.
package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime/debug"
	"strings"
	"syscall"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/qif-snn/qif/recipe"
	"github.com/qif-snn/qif/train"
)

// Exit codes.
const (
	exitOK          = 0
	exitFailure     = 1
	exitUsage       = 2
	exitInterrupted = 130 // as shells report Ctrl-C
)

// usageError marks errors in how the program was called.
type usageError struct{ error }

func (e usageError) Unwrap() error { return e.error }

func usagef(format string, args ...any) error { return usageError{fmt.Errorf(format, args...)} }

// Main runs the program with the process's arguments and returns its exit code.
func Main() int {
	return Run(context.Background(), os.Args[1:], os.Stdout, os.Stderr)
}

// interruptible returns a context that Ctrl-C and SIGTERM end, for verbs that
// have something to save or a loop to leave. A second Ctrl-C ends the program at
// once.
func interruptible(cmd *cobra.Command) (context.Context, context.CancelFunc) {
	ctx, stop := signal.NotifyContext(cmd.Context(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop)
	return ctx, stop
}

// output remembers the first error of the writer under it, so that a full disk
// behind a pipe is not taken for success.
type output struct {
	w   io.Writer
	err error
}

func (o *output) Write(b []byte) (int, error) {
	n, err := o.w.Write(b)
	if o.err == nil && err != nil {
		o.err = fmt.Errorf("writing the output: %w", err)
	}
	return n, err
}

// Run runs the program with the given arguments and returns its exit code.
// Every error is one line on stderr.
func Run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	root := newRoot()
	root.SetArgs(args)
	out := &output{w: stdout}
	root.SetOut(out)
	root.SetErr(stderr)
	err := root.ExecuteContext(ctx)
	if err == nil {
		err = out.err
	}
	switch {
	case err == nil:
		return exitOK
	case errors.Is(err, train.ErrInterrupted), errors.Is(err, context.Canceled):
		return exitInterrupted // the verb has said what there is to say
	}
	fmt.Fprintln(stderr, "qif: "+strings.TrimSpace(strings.ReplaceAll(err.Error(), "\n", "; ")))
	var usage usageError
	if errors.As(err, &usage) {
		return exitUsage
	}
	return exitFailure
}

func newRoot() *cobra.Command {
	root := &cobra.Command{
		Use:   "qif",
		Short: "Train, study and deploy deep spiking networks of discretized QIF neurons",
		Long: `qif trains, studies and deploys deep spiking neural networks built on the
discretized quadratic integrate-and-fire (QIF) neuron.

Start with:  qif train
which trains a small network on photographs of clothes that come with the
program, in half a minute to two minutes, and writes a report.`,
		SilenceUsage:  true,
		SilenceErrors: true,
		Version:       version(),
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return nil
			}
			hint := ""
			if s := cmd.SuggestionsFor(args[0]); len(s) > 0 {
				hint = fmt.Sprintf("; did you mean %q?", s[0])
			}
			return usagef("unknown command %q%s (qif --help lists them)", args[0], hint)
		},
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	root.SuggestionsMinimumDistance = 2
	root.CompletionOptions.HiddenDefaultCmd = true
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		return usagef("%w (see %s --help)", err, cmd.CommandPath())
	})
	root.AddCommand(newTrain(), newEval(), newInfo(), newPredict(), newAnalyze(), newEnergy(), newCompare(), newData(), newBench())
	return root
}

// version is the module's version and commit as the Go toolchain recorded them.
func version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown"
	}
	v := info.Main.Version
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" && !strings.Contains(v, s.Value[:min(12, len(s.Value))]) {
			v += " " + s.Value[:min(12, len(s.Value))]
		}
	}
	return v + " " + info.GoVersion
}

// args wraps a cobra argument check so that its failure counts as usage.
func args(check cobra.PositionalArgs) cobra.PositionalArgs {
	return func(cmd *cobra.Command, a []string) error {
		if err := check(cmd, a); err != nil {
			return usagef("%w (see %s --help)", err, cmd.CommandPath())
		}
		return nil
	}
}

// printJSON writes one indented JSON object.
func printJSON(w io.Writer, v any) error {
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	return e.Encode(v)
}

// applied lays flags over a recipe; what is wrong with the outcome is wrong with
// the flags.
func applied(flags *recipe.Flags) func(*recipe.Recipe) error {
	return func(r *recipe.Recipe) error {
		err := flags.Apply(r)
		if err == nil {
			err = r.Validate()
		}
		if err != nil {
			return usageError{err}
		}
		return nil
	}
}

// checked says what is wrong with flags in themselves, before any file is opened.
func checked(flags *recipe.Flags) error {
	r := recipe.Default()
	return applied(flags)(&r)
}

// showDefaults has help texts say where the defaults of a verb's flags so far
// come from.
func showDefaults(cmd *cobra.Command, from string) {
	cmd.Flags().VisitAll(func(f *pflag.Flag) { f.DefValue = from })
}

// ownNeurons refuses settings that a network with neurons of its own would
// ignore, from flags and recipes alike.
func ownNeurons(r recipe.Recipe) error {
	if !strings.HasSuffix(r.Net, ".json") {
		return nil
	}
	if set := r.Changed(append(neuronKeys(), netKeys...)...); len(set) > 0 {
		return usagef("%s has no effect on %s: a graph file brings its own neurons, windows and readout", set[0], r.Net)
	}
	return nil
}
