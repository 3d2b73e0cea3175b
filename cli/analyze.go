package cli

import (
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/qif-snn/qif/report/exhibit"
)

func newAnalyze() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "analyze",
		Short: "Study neurons, windows and gradients: numbers, plots and the data behind them",
		Long: `Analyze answers questions about neurons, surrogate windows and gradients. Each
verb prints a table, or with --json complete numbers; --out DIR saves figures as
PNG and SVG, and the data of each as CSV.`,
		Args: args(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(newAnalyzeDynamics(), newAnalyzeWindow(), newAnalyzeMismatch(), newAnalyzeDepth(), newAnalyzeTimesteps())
	return cmd
}

// study is the flags that all verbs under analyze have, and what they lead to.
type study struct {
	json bool
	out  string
}

func (s *study) addTo(cmd *cobra.Command) {
	cmd.Flags().BoolVar(&s.json, "json", false, "print one JSON object")
	cmd.Flags().StringVar(&s.out, "out", "", "folder for figures (PNG, SVG) and the data behind them (CSV)")
	cmd.PreRunE = func(*cobra.Command, []string) error {
		if s.out == "" {
			return nil
		}
		return exhibit.Saveable(s.out) // not minutes later, when there is something to save
	}
}

// A finding is what a study comes to.
type finding interface {
	WriteText(io.Writer) error
	Exhibits() []exhibit.Exhibit
}

// present prints a finding, as text or as JSON, then saves its exhibits where they
// are asked for.
func (s *study) present(cmd *cobra.Command, f finding) error {
	return s.show(cmd, f, f.WriteText, func() ([]exhibit.Exhibit, error) { return f.Exhibits(), nil })
}

// show is present for a result whose exhibits need more than itself.
func (s *study) show(cmd *cobra.Command, result any, text func(io.Writer) error, exhibits func() ([]exhibit.Exhibit, error)) error {
	out := cmd.OutOrStdout()
	if s.json {
		if err := printJSON(out, result); err != nil {
			return err
		}
	} else if err := text(out); err != nil {
		return err
	}
	if s.out == "" {
		return nil
	}
	all, err := exhibits()
	if err != nil {
		return err
	}
	paths, err := exhibit.Save(s.out, all)
	if err == nil && !s.json {
		fmt.Fprintf(out, "\nsaved %d files in %s\n", len(paths), s.out)
	}
	return err
}
