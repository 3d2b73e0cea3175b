package report

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"math"
	"regexp"
	"strings"
	"testing"

	"github.com/qif-snn/qif/window"
)

func render(t *testing.T, r Run) string {
	t.Helper()
	var b bytes.Buffer
	if err := HTML(&b, r); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// element is what the tests need of a page: attributes, text and children.
type element struct {
	name     string
	attr     map[string]string
	text     string // of it and its children
	children []*element
}

func (e *element) all(name string) []*element {
	var found []*element
	for _, c := range e.children {
		if c.name == name {
			found = append(found, c)
		}
		found = append(found, c.all(name)...)
	}
	return found
}

func (e *element) withID(id string) *element {
	for _, c := range e.children {
		if c.attr["id"] == id {
			return c
		}
		if found := c.withID(id); found != nil {
			return found
		}
	}
	return nil
}

// parse reads a page, or an SVG, whose elements must nest properly.
func parse(t *testing.T, page string) *element {
	t.Helper()
	d := xml.NewDecoder(strings.NewReader(page))
	d.Strict, d.AutoClose, d.Entity = false, xml.HTMLAutoClose, xml.HTMLEntity
	stack := []*element{{}}
	for {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			if len(stack) != 1 {
				t.Fatalf("%s is not closed", stack[len(stack)-1].name)
			}
			return stack[0]
		}
		if err != nil {
			t.Fatalf("not well formed: %v", err)
		}
		switch v := token.(type) {
		case xml.StartElement:
			e := &element{name: v.Name.Local, attr: map[string]string{}}
			for _, a := range v.Attr {
				e.attr[a.Name.Local] = a.Value
			}
			top := stack[len(stack)-1]
			top.children = append(top.children, e)
			stack = append(stack, e)
		case xml.EndElement:
			last := len(stack) - 1
			if stack[last].name != v.Name.Local {
				t.Fatalf("<%s> is closed by </%s>", stack[last].name, v.Name.Local)
			}
			stack[last-1].text += stack[last].text + " "
			stack = stack[:last]
		case xml.CharData:
			stack[len(stack)-1].text += string(v)
		}
	}
}

var svg = regexp.MustCompile(`(?s)<svg.*?</svg>`)

// checkPage tests what holds for every report and returns it parsed.
func checkPage(t *testing.T, page string) *element {
	t.Helper()
	root := parse(t, page)
	for _, drawing := range svg.FindAllString(page, -1) {
		d := xml.NewDecoder(strings.NewReader(drawing)) // strict
		for {
			if _, err := d.Token(); errors.Is(err, io.EOF) {
				break
			} else if err != nil {
				t.Fatalf("SVG: %v", err)
			}
		}
	}
	if root.all("title")[0].text == "" || len(root.all("h1")) != 1 {
		t.Error("title or heading is missing")
	}
	for _, s := range root.all("svg") {
		if s.attr["aria-hidden"] != "true" && (s.attr["role"] != "img" || s.attr["aria-label"] == "") {
			t.Errorf("an svg has no text alternative: %v", s.attr)
		}
		if s.attr["viewBox"] == "" {
			t.Error("an svg does not scale")
		}
	}
	for _, a := range root.all("a") {
		if to := a.attr["href"]; !strings.HasPrefix(to, "#") || root.withID(to[1:]) == nil {
			t.Errorf("link to %q leads nowhere", to)
		}
	}
	for _, bad := range []string{"NaN", "Inf", "http:", "https:", "src=", "url(", "@import", "<script", "<link", "ZgotmplZ"} {
		if strings.Contains(page, bad) {
			t.Errorf("the page contains %q", bad)
		}
	}
	return root
}

// cells returns a table's text, row by row.
func cells(table *element) [][]string {
	var rows [][]string
	for _, tr := range table.all("tr") {
		var row []string
		for _, c := range tr.children {
			row = append(row, strings.TrimSpace(c.text))
		}
		rows = append(rows, row)
	}
	return rows
}

func TestPageShowsTheRun(t *testing.T) {
	r := sampleRun(t, 3, 4, 12)
	root := checkPage(t, render(t, r))
	for _, f := range r.Summary {
		if !strings.Contains(root.all("dl")[0].text, f.Value) {
			t.Errorf("the summary lacks %v", f)
		}
	}
	if w := root.all("section")[0]; w.attr["class"] != "warnings" || !strings.Contains(w.text, r.Warnings[0]) {
		t.Errorf("the first section is %v, expected the warnings", w.attr)
	}
	tables := root.all("table")
	if len(tables) != 4 {
		t.Fatalf("%d tables, expected epochs, rates, windows, network", len(tables))
	}
	epochs := cells(tables[0])
	if e := r.Epochs[10]; len(epochs) != 2+12 || strings.Join(epochs[12], " ") != fmt.Sprintf("11 %.4f %.2f %.4f %.2f %.3g",
		e.TrainLoss, 100*e.TrainAccuracy, e.ValLoss, 100*e.ValAccuracy, e.LearningRate) {
		t.Errorf("epoch 11: %v of %v", epochs[12], e)
	}
	rates := cells(tables[1])
	if len(rates) != 4 || strings.Join(rates[0], " ") != "layer t = 1 t = 2 t = 3 t = 4" {
		t.Errorf("rates %v", rates)
	}
	for i, l := range r.Layers {
		at := l.Rates[10]
		if want := fmt.Sprintf("%s %.1f %.1f %.1f %.1f", l.Node, 100*at[0], 100*at[1], 100*at[2], 100*at[3]); strings.Join(rates[i+1], " ") != want {
			t.Errorf("rates %v, want %s", rates[i+1], want)
		}
	}
	network := cells(tables[3])
	if got := strings.Join(network[2], " "); got != "conv1 conv 28×28×16 144 112\u202f896" {
		t.Errorf("network %s", got)
	}
	if got := strings.Join(network[len(network)-1], " "); got != "all 15\u202f866 128\u202f576" {
		t.Errorf("network %s", got)
	}
	if got := root.all("pre")[0].text; strings.TrimSpace(got) != strings.TrimSpace(r.Config) {
		t.Errorf("configuration %q", got)
	}
	// Three curves, a rate figure per layer, a histogram per layer and step.
	if n := len(root.all("figure")); n != 3+3+3*4 {
		t.Errorf("%d figures", n)
	}
}

func TestWindowTable(t *testing.T) {
	r := sampleRun(t, 2, 4, 3)
	rows := cells(checkPage(t, render(t, r)).all("table")[2])[2:]
	if len(rows) != 8 {
		t.Fatalf("%d rows", len(rows))
	}
	for i, row := range rows {
		l, s := r.Layers[i/4], i%4
		if s == 0 {
			if row[0] != l.Node || row[1] != string(l.Shape) {
				t.Errorf("row %v of layer %s, %s", row, l.Node, l.Shape)
			}
			row = row[2:]
		}
		m := l.Predicted[s]
		im, is := l.Initial[s].Moments()
		fm, fs := l.Final[s].Moments()
		want := fmt.Sprintf("%d %.3f %.3f %.3f %.1f %.3f %.3f %.3f %.3f %.1f",
			s+1, l.Widths[s], m.Mean, m.Std, 100*m.Rate, im, is, fm, fs, 100*l.Rates[1][s])
		if got := strings.ReplaceAll(strings.Join(row, " "), "−", "-"); got != want {
			t.Errorf("%s step %d: %s, want %s", l.Node, s+1, got, want)
		}
	}
}

// TestMovedWindows: widths of the chosen epoch make a column of their own, and
// no column where windows do not move.
func TestMovedWindows(t *testing.T) {
	r := sampleRun(t, 2, 4, 3)
	if page := render(t, r); strings.Contains(page, nameMoved) {
		t.Errorf("the key has %q of windows that did not move", nameMoved)
	}
	for i := range r.Layers {
		for _, w := range r.Layers[i].Widths {
			r.Layers[i].FinalWidths = append(r.Layers[i].FinalWidths, 1.25*w)
		}
	}
	page := render(t, r)
	if !strings.Contains(page, nameMoved) {
		t.Errorf("the key lacks %q", nameMoved)
	}
	for i, row := range cells(checkPage(t, page).all("table")[2])[2:] {
		if got, want := row[len(row)-1], fmt.Sprintf("%.3f", r.Layers[i/4].FinalWidths[i%4]); got != want {
			t.Errorf("row %d ends with %s, want %s", i, got, want)
		}
	}
}

func TestHistogramsPerStepOrPooled(t *testing.T) {
	for _, c := range []struct{ steps, figures int }{{1, 1}, {4, 4}, {5, 1}, {10, 1}} {
		root := checkPage(t, render(t, sampleRun(t, 2, c.steps, 2)))
		n := 0
		for _, f := range root.all("svg") {
			if strings.HasPrefix(f.attr["aria-label"], "Histogram") {
				n++
			}
		}
		if n != 2*c.figures {
			t.Errorf("T = %d: %d histograms of two layers", c.steps, n)
		}
	}
}

func TestDegenerateRuns(t *testing.T) {
	nan := math.NaN()
	broken := sampleRun(t, 3, 4, 6)
	for i := range broken.Epochs {
		broken.Epochs[i].TrainLoss, broken.Epochs[i].LearningRate = nan, math.Inf(1)
		broken.Layers[0].Rates[i][1] = nan
	}
	broken.Epochs[2].ValLoss, broken.Epochs[2].ValAccuracy = nan, nan
	broken.Layers[0].Theta, broken.Layers[0].Predicted[1], broken.Layers[0].Widths[2] = nan, window.Moments{Mean: nan, Std: nan, Rate: nan}, nan
	broken.Layers[1].Final, broken.Layers[2].Initial = nil, nil
	empty := sampleRun(t, 1, 2, 2)
	for i := range 2 {
		empty.Layers[0].Initial[i] = NewHistogram(-1, 1, 5)
		empty.Layers[0].Final[i] = NewHistogram(-1, 1, 5)
		empty.Layers[0].Rates[i] = []float64{0, 0}
		empty.Layers[0].Widths[i] = 1e300
	}
	bare := sampleRun(t, 2, 3, 3)
	bare.Layers[0] = Layer{Node: "bare"}
	bare.Layers[1].Rates = nil
	unchosen := sampleRun(t, 1, 2, 2)
	unchosen.BestEpoch = 0
	huge := sampleRun(t, 1, 2, 2)
	huge.Epochs[0].TrainLoss, huge.Epochs[1].TrainLoss = -math.MaxFloat64, math.MaxFloat64
	for name, r := range map[string]Run{
		"nothing": {Title: "nothing"}, "one epoch": sampleRun(t, 2, 4, 1), "no layers": sampleRun(t, 0, 4, 3), "T=1": sampleRun(t, 2, 1, 1),
		"T=10": sampleRun(t, 2, 10, 3), "20 layers": sampleRun(t, 20, 4, 2), "no epochs": sampleRun(t, 2, 4, 0), "T=28": sampleRun(t, 1, 28, 2),
		"NaN": broken, "empty histograms": empty, "bare layer": bare, "none chosen": unchosen, "huge": huge,
	} {
		t.Run(name, func(t *testing.T) {
			page := render(t, r)
			checkPage(t, page)
			if name == "NaN" && strings.Count(page, ">–<") < 10 {
				t.Errorf("missing numbers are shown %d times as –", strings.Count(page, ">–<"))
			}
		})
	}
}

func TestEverythingIsEscaped(t *testing.T) {
	const evil = `"><script>alert('1')</script>&amp;<!--`
	r := sampleRun(t, 1, 2, 2)
	r.Title, r.Config = evil, evil
	r.Summary = []Field{{evil, evil}}
	r.Warnings = []string{evil}
	r.Layers[0].Node = evil
	r.Graph = []GraphRow{{evil, evil, evil, 1, 2}}
	root := checkPage(t, render(t, r))
	if got := root.all("title")[0].text; got != evil {
		t.Errorf("title %q", got)
	}
	if n := strings.Count(root.text, evil); n < 12 {
		t.Errorf("the text is shown %d times", n)
	}
	found := 0
	for _, s := range root.all("svg") {
		if strings.Contains(s.attr["aria-label"], evil) {
			found++
		}
	}
	if found != 3 {
		t.Errorf("%d text alternatives name the layer, expected one of its rates and two of its potentials", found)
	}
}

func TestManyWarnings(t *testing.T) {
	r := Run{Title: "x"}
	for i := range 30 {
		r.Warnings = append(r.Warnings, fmt.Sprintf("warning %d.", i))
	}
	section := checkPage(t, render(t, r)).all("section")[0]
	if n := len(section.all("li")); n != 30 {
		t.Errorf("%d warnings", n)
	}
	if n := len(section.all("details")[0].all("li")); n != 30-firstWarnings {
		t.Errorf("%d warnings are folded away", n)
	}
}

func TestEqualRunsGiveEqualBytes(t *testing.T) {
	first := render(t, sampleRun(t, 3, 4, 5))
	if second := render(t, sampleRun(t, 3, 4, 5)); first != second {
		t.Error("two reports of one run differ")
	}
}

func TestMismatchedListsAreRefused(t *testing.T) {
	for want, spoil := range map[string]func(*Layer){
		`layer 1 "n2": Predicted has 3 time steps, expected 4`:                     func(l *Layer) { l.Predicted = l.Predicted[:3] },
		`layer 1 "n2": Final has 2 time steps, expected 4`:                         func(l *Layer) { l.Final = l.Final[:2] },
		`layer 1 "n2": firing rates have 4 epochs, expected 5`:                     func(l *Layer) { l.Rates = l.Rates[:4] },
		`layer 1 "n2": firing rates have 1 time steps at epoch 3 of 5, expected 4`: func(l *Layer) { l.Rates[2] = l.Rates[2][:1] },
		`layer 1 "n2": unknown window shape "round"`:                               func(l *Layer) { l.Shape = "round" },
		`layer 1 "n2": histogram 5 has 79 bins over [-4.5, 4.8), the first 80`:     func(l *Layer) { l.Final[1].Counts = l.Final[1].Counts[:79] },
		`layer 1 "n2": histogram 0 has 0 bins`:                                     func(l *Layer) { l.Initial[0].Counts = nil },
		`layer 1 "n2": histogram 1 has 80 bins over [NaN, 4.8)`:                    func(l *Layer) { l.Initial[1].Lo = math.NaN() },
	} {
		r := sampleRun(t, 2, 4, 5)
		spoil(&r.Layers[1])
		if err := HTML(io.Discard, r); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want %s", err, want)
		}
	}
}

type full struct{}

func (full) Write([]byte) (int, error) { return 0, errors.New("no space left") }

func TestErrorsOfTheWriterArePassedOn(t *testing.T) {
	if err := HTML(full{}, Run{}); err == nil || !strings.Contains(err.Error(), "no space left") {
		t.Errorf("error %v", err)
	}
}
