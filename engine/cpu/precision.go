package cpu

import (
	"fmt"
	"slices"

	"github.com/qif-snn/qif/engine"
)

// checkPrecision refuses what the engine does not compute in.
func checkPrecision(p string) error {
	if err := engine.CheckPrecision(p, engine.FP32, engine.Mixed); err != nil {
		return fmt.Errorf("engine cpu: %w", err)
	}
	return nil
}

// Precision implements engine.Precise.
func (p *plan) Precision() string {
	if slices.ContainsFunc(p.convs, func(c *convOp) bool { return c.half != nil || c.grads.dots != nil }) {
		return engine.Mixed
	}
	return engine.FP32
}
