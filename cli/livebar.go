package cli

import (
	"fmt"
	"io"
	"os"
	"sync/atomic"
	"time"

	"github.com/vbauerster/mpb/v8"
	"github.com/vbauerster/mpb/v8/decor"
	"golang.org/x/term"
)

// liveBar is a bar on a terminal, with a status behind it and a line below it, and
// room for lines above it that stay. Where there is no terminal it only prints those.
type liveBar struct {
	w    io.Writer
	bars *mpb.Progress // nil when not on a terminal
	bar  *mpb.Bar      // nil before it starts
	text atomic.Pointer[liveText]
}

// liveText is what a terminal shows at the moment; another goroutine draws it, which
// must not wait for one that waits for the bar.
type liveText struct {
	status string // behind the bar
	below  string // on the line below it
}

// barWidth is the columns of the bar on a terminal.
const barWidth = 20

// newLiveBar returns a bar that has yet to start.
func newLiveBar(w io.Writer, quiet bool) *liveBar {
	b := &liveBar{w: w}
	if f, ok := w.(*os.File); ok && !quiet && term.IsTerminal(int(f.Fd())) {
		b.bars = mpb.New(mpb.WithOutput(f), mpb.WithWidth(barWidth), mpb.WithRefreshRate(200*time.Millisecond))
	}
	return b
}

// live reports whether there is a terminal to draw on.
func (b *liveBar) live() bool { return b.bars != nil }

// start puts a bar of so many units on the terminal, if there is one, with a line
// below it or without.
func (b *liveBar) start(units int, below bool) {
	if !b.live() {
		return
	}
	b.text.Store(&liveText{})
	options := []mpb.BarOption{mpb.AppendDecorators(decor.Any(func(s decor.Statistics) string {
		return fit(b.text.Load().status, s.AvailableWidth-barWidth-4)
	}))}
	if below {
		options = append(options, mpb.BarBtmExtender(mpb.BarFillerFunc(func(w io.Writer, s decor.Statistics) error {
			_, err := fmt.Fprintln(w, fit(b.text.Load().below, s.AvailableWidth))
			return err
		})))
	}
	// One unit more: the bar leaves the screen by close, not when it is full.
	b.bar = b.bars.AddBar(int64(units)+1, options...)
}

// set shows how far the work is, once the bar has started.
func (b *liveBar) set(units int, t liveText) {
	if b.bar == nil {
		return
	}
	b.text.Store(&t)
	b.bar.SetCurrent(int64(units))
}

// line prints a line that stays.
func (b *liveBar) line(format string, args ...any) {
	text := fmt.Sprintf(format, args...) + "\n"
	if b.bar != nil {
		b.bars.Write([]byte(text))
		return
	}
	io.WriteString(b.w, text)
}

// close takes the bar off the terminal.
func (b *liveBar) close() {
	if !b.live() {
		return
	}
	if b.bar != nil {
		b.bar.Abort(true)
	}
	b.bars.Wait()
	b.bar = nil
}

// fit cuts a line to the terminal's width.
func fit(s string, width int) string {
	if r := []rune(s); width > 1 && len(r) > width {
		return string(r[:width-1]) + "…"
	}
	return s
}
