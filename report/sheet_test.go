package report

import (
	"bytes"
	"strings"
	"testing"

	"github.com/qif-snn/qif/report/plotstyle"
	"gonum.org/v1/plot/vg/draw"
)

func TestSheet(t *testing.T) {
	p := plotstyle.NewPanel("a figure", "x", "y")
	p.SetRange(0, 1, 0, 1)
	s := Sheet{
		Title: "A & B", Lead: "What <this> is.", Warnings: []string{"careful"}, Config: "key = 'v'",
		Sections: []Section{
			{Heading: "The Result, 1", Notes: []string{"a note"}, Figures: []SheetFigure{{Alt: "told", Figure: plotstyle.Figure{Width: 100, Height: 80, Draw: func(c draw.Canvas) { p.Draw(c) }}}},
				Tables: []SheetTable{{Caption: "cap", Header: []string{"n", "t", "v"}, Text: 2, Rows: [][]string{{"a", "b", "1"}, {"c", "d", "2"}}, Best: 2}}},
			{Heading: "More"},
		},
	}
	var b bytes.Buffer
	if err := s.HTML(&b); err != nil {
		t.Fatal(err)
	}
	page := b.String()
	for _, want := range []string{
		"<title>A &amp; B</title>", "What &lt;this&gt; is.", `<a href="#the-result-1">The Result, 1</a>`, `<h2 id="the-result-1">`,
		`aria-label="told"`, `viewBox="0 0 100 80"`, "<caption>cap</caption>", `<th scope="col" class="text">t</th><th scope="col">v</th>`,
		`<tr class="best"><th scope="row">c</th><td class="text">d</td><td>2</td></tr>`, "a note", "careful", "key = &#39;v&#39;", "--blue:",
	} {
		if !strings.Contains(page, want) {
			t.Errorf("the page lacks %s", want)
		}
	}
	s.Sections[0].Tables[0].Rows[1] = []string{"c"}
	if err := s.HTML(&b); err == nil || err.Error() != `report: section "The Result, 1": table "cap": row 2 has 1 cells, expected 3` {
		t.Errorf("a short row: %v", err)
	}
}
