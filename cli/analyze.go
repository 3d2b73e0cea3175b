package cli

import (
	"fmt"

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
}

// present prints the result, by text or as JSON, and saves its exhibits, which
// are made only where they are asked for.
func (s *study) present(cmd *cobra.Command, result any, text func() error, exhibits func() ([]exhibit.Exhibit, error)) error {
	var paths []string
	if s.out != "" {
		all, err := exhibits()
		if err != nil {
			return err
		}
		if paths, err = exhibit.Save(s.out, all); err != nil {
			return err
		}
	}
	if s.json {
		return printJSON(cmd.OutOrStdout(), result)
	}
	if err := text(); err != nil {
		return err
	}
	if len(paths) > 0 {
		fmt.Fprintf(cmd.OutOrStdout(), "\nsaved %d files in %s\n", len(paths), s.out)
	}
	return nil
}
