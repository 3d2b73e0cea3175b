// Command qif trains, studies and deploys deep spiking networks of discretized
// QIF neurons. Run it with --help for its verbs.
package main

import (
	"os"

	"github.com/qif-snn/qif/cli"
	_ "github.com/qif-snn/qif/engine/cpu" // the engine of this binary
)

func main() { os.Exit(cli.Main()) }
