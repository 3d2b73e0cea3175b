package cli

import "github.com/spf13/cobra"

func newAnalyzeDynamics() *cobra.Command {
	return &cobra.Command{Use: "dynamics"}
}
