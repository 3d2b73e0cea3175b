package plotstyle

import (
	"bytes"
	"encoding/xml"
	"errors"
	"image/png"
	"io"
	"math"
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"

	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// wellFormed reads a document to its end and returns its character data.
func wellFormed(t *testing.T, doc string) string {
	t.Helper()
	var text strings.Builder
	d := xml.NewDecoder(strings.NewReader(doc))
	for {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			return text.String()
		}
		if err != nil {
			t.Fatalf("not well formed: %v", err)
		}
		if c, ok := token.(xml.CharData); ok {
			text.Write(c)
		}
	}
}

// example is a panel with every kind of mark.
func example() *Panel {
	nan := math.NaN()
	p := NewPanel("A <title>", "v[t−1]", "u[t]")
	x := []float64{0, 1, 2, 3, 4, 5}
	p.Mark("curve & gap", Curve{X: x, Y: []float64{1, 2, nan, 3, nan, 2}, Color: Blue, Width: 1, Dashes: Dashed, Dots: true})
	p.Mark("area", Area{X: x, Y: []float64{1, 2, 1, nan, 2, 9}, Fill: Green.Faded()})
	p.Mark("band", Band{X: x, Lo: []float64{1, 1, 1, nan, 1, 0}, Hi: []float64{2, nan, 3, 4, 9, 2}, Fill: Pink.Faded()})
	p.Mark("rule", Rule{At: 2, Label: "θ", Color: Ink, Width: 1}, Rule{At: 1, Level: true, Label: "θ", Color: Ink, Width: 1})
	p.Mark("span", Span{Lo: 1, Mid: 2, Hi: 7, Y: 2, Color: Pink})
	p.Mark("whisker", Whisker{X: 2, Lo: 1, Mid: 2, Hi: 7, Color: Pink})
	p.Mark("dots", Dot{X: 1, Y: 1, Color: Orange, Radius: 3}, Dot{X: 2, Y: 1, Color: Orange, Radius: 3, Open: true})
	for i := range rampLevels {
		p.Mark("", Dot{X: 1, Y: 1, Color: Step(i+1, rampLevels), Radius: 2})
	}
	p.SetRange(0, 5, 0, 4)
	return p
}

func TestInlineTakesItsLookFromThePage(t *testing.T) {
	s, err := NewInline(300, 200, func(c draw.Canvas) {
		example().Draw(c)
		for _, color := range Colors() {
			c.FillPolygon(color, []vg.Point{{}, {X: 1}, {Y: 1}})
			c.FillPolygon(color.Faded(), []vg.Point{{}, {X: 1}, {Y: 1}})
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	content := string(s.Content)
	text := wellFormed(t, "<svg>"+content+"</svg>")
	for _, want := range []string{"A <title>", "curve & gap", "v[t−1]", "u[t]", "θ"} {
		if !strings.Contains(text, want) {
			t.Errorf("text %q is missing", want)
		}
	}
	if i := strings.Index(content, ":#"); i >= 0 {
		t.Errorf("a color is fixed: %s", content[i:min(len(content), i+20)])
	}
	if strings.Contains(content, "font-family") {
		t.Error("the font is fixed")
	}
	for _, c := range Colors() {
		if n := strings.Count(content, "fill:var(--"+c.Name+")"); n < 2 {
			t.Errorf("%s fills %d areas, expected the solid and the faded one", c.Name, n)
		}
	}
	if s.Width != 300 || s.Height != 200 {
		t.Errorf("size %v × %v", s.Width, s.Height)
	}
}

func TestFiles(t *testing.T) {
	for name, write := range map[string]func(io.Writer, vg.Length, vg.Length, func(draw.Canvas)) error{"svg": WriteSVG, "png": WritePNG} {
		var first, second bytes.Buffer
		for _, b := range []*bytes.Buffer{&first, &second} {
			if err := write(b, 360, 180, example().Draw); err != nil {
				t.Fatal(err)
			}
		}
		if !bytes.Equal(first.Bytes(), second.Bytes()) {
			t.Errorf("%s: two files differ", name)
		}
		if name == "svg" {
			if text := wellFormed(t, first.String()); !strings.Contains(text, "curve & gap") {
				t.Error("svg: the legend is missing")
			}
			continue
		}
		img, err := png.Decode(&first)
		if err != nil {
			t.Fatal(err)
		}
		if b := img.Bounds(); b.Dx() != 360*dpi/72 || b.Dy() != 180*dpi/72 {
			t.Errorf("png: %v pixels", b)
		}
		if r, g, b, a := img.At(0, 0).RGBA(); r&g&b&a != 0xffff {
			t.Error("png: the paper is not white")
		}
	}
}

func TestVariables(t *testing.T) {
	light, dark := Variables(false), Variables(true)
	if !strings.Contains(light, "--paper:#ffffff;") || strings.Contains(dark, "--paper:#ffffff;") {
		t.Errorf("light %s\ndark %s", light, dark)
	}
	if n := len(Colors()); strings.Count(light, "--") != n || strings.Count(dark, "--") != n {
		t.Errorf("expected %d variables", n)
	}
}

// luminance and contrast are those of WCAG 2.1.
func luminance(c Color, dark bool) float64 {
	look := c.Light
	if dark {
		look = c.Dark
	}
	linear := func(v uint8) float64 {
		if s := float64(v) / 255; s > .04045 {
			return math.Pow((s+.055)/1.055, 2.4)
		}
		return float64(v) / 255 / 12.92
	}
	return .2126*linear(look.R) + .7152*linear(look.G) + .0722*linear(look.B)
}

func TestContrast(t *testing.T) {
	for _, dark := range []bool{false, true} {
		contrast := func(c Color) float64 {
			a, b := luminance(c, dark), luminance(Paper, dark)
			return (max(a, b) + .05) / (min(a, b) + .05)
		}
		for _, c := range []Color{Ink, Muted} {
			if r := contrast(c); r < 4.5 {
				t.Errorf("dark %v: %s is text of contrast %.2f", dark, c.Name, r)
			}
		}
		for _, c := range []Color{Blue, Orange, Green} {
			if r := contrast(c); r < 3 {
				t.Errorf("dark %v: %s has contrast %.2f", dark, c.Name, r)
			}
		}
		previous := -1.
		for i := range rampLevels { // ordered in lightness, and none vanishes
			l := luminance(Step(i+1, rampLevels), dark)
			if r := contrast(Step(i+1, rampLevels)); l <= previous || r < 2 {
				t.Errorf("dark %v: step %d has luminance %.3f after %.3f, contrast %.2f", dark, i, l, previous, r)
			}
			previous = l
		}
	}
}

func TestStepColors(t *testing.T) {
	if Step(1, 4) == Step(4, 4) || Step(1, 100) != ramp[0] || Step(100, 100) != ramp[rampLevels-1] {
		t.Error("steps do not span the ramp")
	}
	for steps := 2; steps <= rampLevels; steps++ {
		for s := 2; s <= steps; s++ {
			if Step(s-1, steps) == Step(s, steps) {
				t.Errorf("steps %d and %d of %d share a color", s-1, s, steps)
			}
		}
	}
	Step(1, 1)
	Step(0, 0)
}

func TestAround(t *testing.T) {
	nan := math.NaN()
	for _, c := range []struct {
		vs     []float64
		lo, hi float64
	}{
		{nil, 0, 1}, {[]float64{nan, math.Inf(1)}, 0, 1}, {[]float64{0, 1}, -.1, 1.1}, {[]float64{nan, 2, 4}, 1.8, 4.2}, {[]float64{5}, 4.5, 5.5}, {[]float64{0, 0}, -1e-9, 1e-9},
	} {
		if lo, hi := Around(c.vs, .1); math.Abs(lo-c.lo) > 1e-12 || math.Abs(hi-c.hi) > 1e-12 {
			t.Errorf("%v: [%v, %v], want [%v, %v]", c.vs, lo, hi, c.lo, c.hi)
		}
	}
}

func TestTicks(t *testing.T) {
	for _, c := range []struct {
		ticks  Ticks
		lo, hi float64
		want   string
	}{
		{Ticks{}, 0, 1, "0.0 0.2 0.4 0.6 0.8 1.0"},
		{Ticks{}, -4.4, 5, "−4 −2 0 2 4"},
		{Ticks{Most: 3}, 0, 100, "0 50 100"},
		{Ticks{Whole: true}, 1, 3, "1 2 3"},
		{Ticks{Whole: true}, .5, 1.5, "1"},
		{Ticks{}, .0123, .0141, "0.0125 0.0130 0.0135 0.0140"},
		{Ticks{}, 0, 5e6, "0 1e+06 2e+06 3e+06 4e+06 5e+06"},
		{Ticks{}, 0, 3e-6, "0 1e−06 2e−06 3e−06"},
		{Ticks{}, 1, 1, ""},
		{Ticks{}, math.NaN(), 1, ""},
		{Ticks{}, math.Inf(-1), math.Inf(1), ""},
	} {
		var labels []string
		for _, tick := range c.ticks.Ticks(c.lo, c.hi) {
			labels = append(labels, tick.Label)
		}
		if got := strings.Join(labels, " "); got != c.want {
			t.Errorf("%+v [%v, %v]: %q, want %q", c.ticks, c.lo, c.hi, got, c.want)
		}
	}
}

func TestTicksOfAnyRange(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 3))
	for range 5000 {
		lo := rng.NormFloat64() * math.Pow(10, 8*rng.Float64()-4)
		hi := lo + math.Pow(10, 8*rng.Float64()-4)
		ticks := Ticks{Most: 2 + rng.IntN(8)}
		marks := ticks.Ticks(lo, hi)
		if n := len(marks); n == 0 && ticks.Most > 2 || n > ticks.Most {
			t.Errorf("[%v, %v]: %d ticks, at most %d", lo, hi, n, ticks.Most)
		}
		for i, m := range marks {
			v, err := strconv.ParseFloat(strings.ReplaceAll(m.Label, "−", "-"), 64)
			if slack := slackOf(lo, hi); err != nil || m.Value < lo-slack || m.Value > hi+slack {
				t.Fatalf("[%v, %v]: tick %+v", lo, hi, m)
			}
			if math.Abs(v-m.Value) > slackOf(lo, hi) {
				t.Fatalf("[%v, %v]: tick %v is labelled %s", lo, hi, m.Value, m.Label)
			}
			if i > 0 && !(marks[i-1].Value < m.Value) {
				t.Errorf("[%v, %v]: ticks %v", lo, hi, marks)
			}
		}
	}
}

// slackOf is what rounding may move a tick: little of the range, and of the
// numbers at its ends.
func slackOf(lo, hi float64) float64 {
	return 1e-8*(hi-lo) + 1e-15*max(math.Abs(lo), math.Abs(hi))
}

func TestCurveBreaksAtGaps(t *testing.T) {
	nan, inf := math.NaN(), math.Inf(1)
	c := Curve{X: []float64{0, 1, 2, 3, 4, 5, nan}, Y: []float64{nan, 1, 1, inf, 1, 1, 1}}
	got := c.runs()
	if len(got) != 2 || got[0] != [2]int{1, 3} || got[1] != [2]int{4, 6} {
		t.Errorf("runs %v", got)
	}
	if n := len(Curve{X: []float64{nan}, Y: []float64{nan}}.runs()); n != 0 {
		t.Errorf("%d runs without a point", n)
	}
}

func TestLegendBreaksIntoRows(t *testing.T) {
	p := example()
	widest := vg.Length(0)
	for _, e := range p.entries {
		widest = max(widest, e.width())
	}
	for _, width := range []vg.Length{1, widest, 150, 1000} {
		n := 0
		for _, row := range legendRows(p.entries, width) {
			sum := vg.Length(-legendSpace)
			for _, e := range row {
				sum += e.width()
				n++
			}
			if sum > width && len(row) > 1 {
				t.Errorf("a row of %d entries takes %v of %v", len(row), sum, width)
			}
		}
		if n != len(p.entries) {
			t.Errorf("%d of %d entries at width %v", n, len(p.entries), width)
		}
	}
	if n := len(legendRows(p.entries, 1000)); n != 1 {
		t.Errorf("%d rows where one would do", n)
	}
}

func TestSamples(t *testing.T) {
	samples, err := example().Samples()
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, s := range samples {
		names = append(names, s.Name)
		wellFormed(t, "<svg>"+string(s.Content)+"</svg>")
		if !strings.Contains(string(s.Content), "<path") {
			t.Errorf("sample %q is empty", s.Name)
		}
	}
	if got := strings.Join(names, ","); got != "curve & gap,area,band,rule,span,whisker,dots" {
		t.Errorf("samples %s", got)
	}
}
