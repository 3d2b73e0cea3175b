package cpu

import (
	"fmt"

	"github.com/qif-snn/qif/engine"
)

// checkPrecision refuses what the engine does not compute in.
func checkPrecision(p string) error {
	if err := engine.CheckPrecision(p, engine.FP32, engine.Mixed); err != nil {
		return fmt.Errorf("engine cpu: %w", err)
	}
	return nil
}
