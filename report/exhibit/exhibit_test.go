package exhibit

import (
	"math"
	"os"
	"path/filepath"
	"testing"

	"gonum.org/v1/plot/vg/draw"

	"github.com/qif-snn/qif/report/plotstyle"
)

func TestCSV(t *testing.T) {
	x := 2.5
	table := Table{Header: []string{"name", "rate, per step", "t", "stable", "x"}}
	table.Add("a \"b\"", .1, 3, true, &x)
	table.Add("c", math.NaN(), -1, false, nil)
	table.Add("d", math.Inf(1), 0, false, (*float64)(nil))
	got, err := table.CSV()
	if err != nil {
		t.Fatal(err)
	}
	want := "name,\"rate, per step\",t,stable,x\n\"a \"\"b\"\"\",0.1,3,true,2.5\nc,,-1,false,\nd,,0,false,\n"
	if string(got) != want {
		t.Errorf("got\n%s\nexpected\n%s", got, want)
	}
}

func TestCSVRefuses(t *testing.T) {
	short := Table{Header: []string{"a", "b"}, Rows: [][]any{{1.0}}}
	if _, err := short.CSV(); err == nil || err.Error() != "row 1 has 1 cells, expected 2" {
		t.Errorf("short row: %v", err)
	}
	odd := Table{Header: []string{"a"}, Rows: [][]any{{[]int{1}}}}
	if _, err := odd.CSV(); err == nil || err.Error() != `row 1, column "a": cell of type []int` {
		t.Errorf("odd cell: %v", err)
	}
}

func TestSave(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "made", "here")
	p := plotstyle.NewPanel("title", "x", "y")
	p.SetRange(0, 1, 0, 1)
	e := Exhibit{"one", plotstyle.Figure{Width: 100, Height: 80, Draw: func(c draw.Canvas) { p.Draw(c) }}, Table{Header: []string{"x"}, Rows: [][]any{{1}}}}
	paths, err := Save(dir, []Exhibit{e})
	if err != nil {
		t.Fatal(err)
	}
	if len(paths) != 3 {
		t.Fatalf("paths %v, expected three", paths)
	}
	for _, path := range paths {
		if b, err := os.ReadFile(path); err != nil || len(b) == 0 {
			t.Errorf("%s: %d bytes, %v", path, len(b), err)
		}
	}
	if left, _ := os.ReadDir(dir); len(left) != 3 {
		t.Errorf("%d files in the folder, expected 3", len(left))
	}
}

func TestSaveable(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if err := Saveable(filepath.Join(dir, "not", "there", "yet")); err != nil {
		t.Error(err)
	}
	for _, path := range []string{file, filepath.Join(file, "below")} {
		if err := Saveable(path); err == nil {
			t.Errorf("%s is taken for a folder", path)
		}
	}
	if left, _ := os.ReadDir(dir); len(left) != 1 {
		t.Errorf("%d entries in the folder, expected the file alone", len(left))
	}
}
