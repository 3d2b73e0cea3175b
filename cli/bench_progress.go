package cli

import (
	"fmt"
	"io"

	"github.com/qif-snn/qif/bench"
)

// meter shows how far a measurement is, on a terminal alone: nothing else may
// disturb what is measured.
type meter struct{ *liveBar }

// meterUnits is the length of a bar whose work comes as a share.
const meterUnits = 1000

func newMeter(w io.Writer, quiet bool) *meter {
	m := &meter{newLiveBar(w, quiet)}
	m.start(meterUnits, false)
	return m
}

func (m *meter) observe(p bench.Progress) {
	status := p.Phase
	if p.Left > 0 {
		status += fmt.Sprintf("  %s left", duration(p.Left))
	}
	m.set(int(p.Done*meterUnits), liveText{status: status})
}
