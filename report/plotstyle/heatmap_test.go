package plotstyle

import (
	"image"
	"image/color"
	"math"
	"strings"
	"testing"

	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgimg"
)

// rasterize draws a heat map over the whole of a square canvas.
func rasterize(t *testing.T, h Heatmap, side vg.Length) image.Image {
	t.Helper()
	p := NewPanel("", "", "")
	p.SetRange(h.Range())
	c := vgimg.NewWith(vgimg.UseWH(side, side), vgimg.UseDPI(72))
	onPaper(c, side, side, func(c draw.Canvas) { h.Plot(c, p.Plot) })
	return c.Image()
}

// Each cell has its colour at its centre and up to its edges, and an empty one
// shows the paper.
func TestHeatmapCells(t *testing.T) {
	colors := []color.Color{Blue, Orange, nil, Green, Blue, Blue}
	h := NewHeatmap([]float64{1, 2, 3}, []float64{-10, 10}, func(column, row int) color.Color { return colors[3*row+column] })
	if xmin, xmax, ymin, ymax := h.Range(); xmin != .5 || xmax != 3.5 || ymin != -20 || ymax != 20 {
		t.Errorf("range [%v, %v] × [%v, %v]", xmin, xmax, ymin, ymax)
	}
	const side = 60
	img := rasterize(t, h, side)
	for row := range 2 {
		for column := range 3 {
			want := colors[3*row+column]
			if want == nil {
				want = Paper
			}
			wr, wg, wb, _ := want.RGBA()
			for _, dx := range []int{2, 10, 17} { // from the left
				for _, dy := range []int{2, 15, 27} { // from below
					x, y := column*side/3+dx, side-1-(row*side/2+dy)
					if r, g, b, _ := img.At(x, y).RGBA(); r != wr || g != wg || b != wb {
						t.Errorf("cell (%d, %d) at pixel (%d, %d): %x %x %x, want %x %x %x", column, row, x, y, r, g, b, wr, wg, wb)
					}
				}
			}
		}
	}
}

// Where cells meet off the pixels' grid, nothing of the paper shines through.
func TestHeatmapHasNoSeams(t *testing.T) {
	x := make([]float64, 7)
	for i := range x {
		x[i] = float64(i)
	}
	shades := []color.Color{ramp[0], ramp[1]} // so dark that paper would show
	img := rasterize(t, NewHeatmap(x, x, func(column, row int) color.Color { return shades[(column+row)%2] }), 50)
	for px := range 50 {
		for py := range 50 {
			if r, _, _, _ := img.At(px, py).RGBA(); r > 0x6000 {
				t.Fatalf("pixel (%d, %d) has red %x", px, py, r)
			}
		}
	}
}

func TestScale(t *testing.T) {
	s := Scale{Lo: -1, Hi: 1}
	for v, want := range map[float64]Color{-1: ramp[0], -7: ramp[0], 0: ramp[rampLevels/2], 1: ramp[rampLevels-1], math.Inf(1): ramp[rampLevels-1]} {
		if got := s.Color(v); got != want {
			t.Errorf("colour of %v is %v, want %v", v, got, want)
		}
	}
	if c := s.Color(math.NaN()); c != nil {
		t.Errorf("NaN has the colour %v", c)
	}
}

// A scale takes room beside the plot, not from its legend or labels.
func TestScaleStandsBesideThePlot(t *testing.T) {
	p := NewPanel("title", "x", "y")
	h := NewHeatmap([]float64{0, 1}, []float64{0, 1}, func(column, row int) color.Color { return Blue })
	p.Mark("", h)
	p.SetRange(h.Range())
	p.Scale = &Scale{Label: "rate (spikes per step)", Lo: 0, Hi: 1}
	s, err := NewInline(300, 200, p.Draw)
	if err != nil {
		t.Fatal(err)
	}
	text := wellFormed(t, "<svg>"+string(s.Content)+"</svg>")
	for _, want := range []string{"title", "rate (spikes per step)", "0.2", "1.0"} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is missing", want)
		}
	}
}
