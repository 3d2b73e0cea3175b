package report

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func exitCurve() ExitCurve {
	return ExitCurve{
		PerStep: []float64{.8345, .8395, .8405, .842},
		Points: []ExitPoint{
			{.01, 1.005, .835}, {.011, 1.006, .8351}, {.05, 1.05, .839}, {.3, 1.431, .843}, {.5, 1.737, .842}, {.9, 2.654, .842}, {.999, 3.987, .842},
		},
	}
}

func exitSVG(t *testing.T, c ExitCurve) string {
	t.Helper()
	var b bytes.Buffer
	if err := ExitFigure("Early exit of tiny", c).Write(&b, ".svg"); err != nil {
		t.Fatal(err)
	}
	for d := xml.NewDecoder(bytes.NewReader(b.Bytes())); ; {
		if _, err := d.Token(); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
	}
	return b.String()
}

func TestExitFigure(t *testing.T) {
	svg := exitSVG(t, exitCurve())
	for _, want := range []string{"Early exit of tiny", "mean time steps per sample", "accuracy / %", "all samples take t steps", ">0.01<", ">0.05<", ">0.999<"} {
		if !strings.Contains(svg, want) {
			t.Errorf("the figure lacks %q", want)
		}
	}
	if strings.Contains(svg, ">0.011<") {
		t.Error("points that nearly coincide are both labelled")
	}
	path := filepath.Join(t.TempDir(), "c.png")
	if err := ExitFigure("", exitCurve()).Save(path); err != nil {
		t.Fatal(err)
	}
	if b, err := os.ReadFile(path); err != nil || !bytes.HasPrefix(b, []byte("\x89PNG")) {
		t.Errorf("no PNG: %v", err)
	}
}

// Curves without extent, or without points, are drawn all the same.
func TestExitFigureOfLittle(t *testing.T) {
	for _, c := range []ExitCurve{
		{},
		{PerStep: []float64{.5}, Points: []ExitPoint{{.5, 1, .5}, {.9, 1, .5}}},
		{PerStep: []float64{math.NaN(), .5}},
	} {
		if svg := exitSVG(t, c); strings.Contains(svg, "NaN") || strings.Contains(svg, "Inf") {
			t.Errorf("%+v: the SVG holds what is no number", c)
		}
	}
}
