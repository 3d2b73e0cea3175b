package cli

import (
	"fmt"
	"io"
	"sync/atomic"

	"github.com/vbauerster/mpb/v8"
	"github.com/vbauerster/mpb/v8/decor"

	"github.com/qif-snn/qif/bench"
)

// meter shows how far a measurement is, on a terminal alone: nothing else may
// disturb what is measured.
type meter struct {
	bars *mpb.Progress
	bar  *mpb.Bar
	text atomic.Pointer[string] // another goroutine draws it
}

// meterUnits is the length of the bar in its own units; it leaves the screen
// when the measurement says so, not when it is full.
const meterUnits = 1000

func newMeter(w io.Writer, quiet bool) *meter {
	m := &meter{bars: newBars(w, quiet)}
	if m.bars != nil {
		m.text.Store(new(string))
		m.bar = m.bars.AddBar(meterUnits+1, mpb.AppendDecorators(decor.Any(func(s decor.Statistics) string {
			return fit(*m.text.Load(), s.AvailableWidth-barWidth-4)
		})))
	}
	return m
}

func (m *meter) observe(p bench.Progress) {
	if m.bar == nil {
		return
	}
	text := p.Phase
	if p.Left > 0 {
		text += fmt.Sprintf("  %s left", duration(p.Left))
	}
	m.text.Store(&text)
	m.bar.SetCurrent(int64(p.Done * meterUnits))
}

// close takes the bar off the terminal.
func (m *meter) close() {
	if m.bar != nil {
		m.bar.Abort(true)
		m.bars.Wait()
	}
}
