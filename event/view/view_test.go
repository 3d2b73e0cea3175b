package view

import (
	"bytes"
	"image/color"
	"strings"
	"testing"

	"github.com/qif-snn/qif/event"
)

func stream() event.Stream {
	s := event.Stream{Sensor: event.Sensor{W: 6, H: 4}}
	for i := range 600 {
		s.Events = append(s.Events, event.Event{T: int64(1000 * i), X: uint16(i % 6), Y: uint16(i % 4), On: i%3 == 0})
	}
	return s
}

func TestExhibits(t *testing.T) {
	s := stream()
	all, err := Exhibits(s, event.Binning{By: event.ByCount, N: 25}, "a title")
	if err != nil {
		t.Fatal(err)
	}
	if len(all) != 2 || all[0].Name != "frames" || all[1].Name != "space-time" {
		t.Fatalf("exhibits %v", all)
	}
	for _, e := range all {
		on, off := 0, 0
		for _, row := range e.Table.Rows {
			on, off = on+row[len(row)-2].(int), off+row[len(row)-1].(int)
		}
		if on != 200 || off != 400 {
			t.Errorf("%s: the table counts %d ON and %d OFF events", e.Name, on, off)
		}
		for _, ext := range []string{".png", ".svg"} {
			var b bytes.Buffer
			if err := e.Figure.Write(&b, ext); err != nil || b.Len() < 1000 {
				t.Errorf("%s%s has %d bytes, error %v", e.Name, ext, b.Len(), err)
			}
			if ext == ".svg" && e.Name == "frames" && !strings.Contains(b.String(), "20 of 25 frames") {
				t.Error("the figure does not say that it leaves frames out")
			}
		}
	}
	if n := len(all[0].Table.Rows); n != 25 {
		t.Errorf("the table has %d frames", n)
	}
	if _, err := Exhibits(event.Stream{Sensor: s.Sensor}, event.Binning{N: 1}, "x"); err == nil {
		t.Error("an empty recording is drawn")
	}
}

// Colors say which polarity fired: paper where none did, each ink at full count,
// and darker than both where both did.
func TestInk(t *testing.T) {
	c := newCanvas(4, 1)
	c.on[1], c.off[2], c.on[3], c.off[3] = 5, 5, 5, 5
	img := c.image(5)
	lightness := func(c color.Color) uint32 { r, g, b, _ := c.RGBA(); return r + g + b }
	if img.At(0, 0) != color.Color(color.NRGBA{255, 255, 255, 255}) || img.At(1, 0) != color.Color(inks.on.Light) || img.At(2, 0) != color.Color(inks.off.Light) {
		t.Errorf("colors are %v, %v, %v", img.At(0, 0), img.At(1, 0), img.At(2, 0))
	}
	if l := lightness(img.At(3, 0)); l >= lightness(inks.on) || l >= lightness(inks.off) {
		t.Errorf("both inks give %v", img.At(3, 0))
	}
	c.on[1] = 2
	if a, b := lightness(c.image(5).At(1, 0)), lightness(inks.on); a <= b {
		t.Error("fewer events are as dark")
	}
}
