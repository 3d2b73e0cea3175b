package report

import (
	"bytes"
	_ "embed"
	"fmt"
	"html/template"
	"io"
	"unicode"

	"github.com/qif-snn/qif/report/plotstyle"
)

// Sheet is a page of tables and figures in the style of a run's report.
type Sheet struct {
	Title    string
	Lead     string // what the page is about, in a sentence or two
	Warnings []string
	Sections []Section
	Config   string // what led to it, TOML
}

// Section is a part of a sheet under its own heading. All but the heading may be
// empty.
type Section struct {
	Heading string
	Tables  []SheetTable
	Figures []SheetFigure
	Notes   []string
}

// SheetTable is a table of texts. The first Text columns are set as text, the
// others as numbers.
type SheetTable struct {
	Caption string
	Header  []string
	Text    int
	Rows    [][]string
	Best    int // row that stands out, from 1; 0: none
}

// SheetFigure is a figure with what a reader who cannot see it is told.
type SheetFigure struct {
	Alt string
	plotstyle.Figure
}

//go:embed sheet.html
var sheetText string

// sheet shares the page's templates for figures.
var sheet = template.Must(template.Must(page.Clone()).New("sheet").Funcs(template.FuncMap{
	"anchor": anchor, "isText": func(t SheetTable, column int) bool { return column < t.Text },
	"isBest": func(t SheetTable, row int) bool { return row+1 == t.Best },
}).Parse(sheetText))

type sheetView struct {
	Sheet
	Style    template.CSS
	Sections []sectionView
}

type sectionView struct {
	Section
	Figures []figure
}

// HTML writes the sheet as one file that needs nothing else. It fails where a
// table's rows differ in length from its header.
func (s Sheet) HTML(w io.Writer) error {
	v := sheetView{Sheet: s, Style: styles()}
	for _, section := range s.Sections {
		view := sectionView{Section: section}
		for _, t := range section.Tables {
			for i, row := range t.Rows {
				if len(row) != len(t.Header) {
					return fmt.Errorf("report: section %q: table %q: row %d has %d cells, expected %d", section.Heading, t.Caption, i+1, len(row), len(t.Header))
				}
			}
		}
		for _, f := range section.Figures {
			inline, err := plotstyle.NewInline(f.Width, f.Height, f.Draw)
			if err != nil {
				return fmt.Errorf("report: section %q: %w", section.Heading, err)
			}
			view.Figures = append(view.Figures, figure{Alt: f.Alt, Inline: inline})
		}
		v.Sections = append(v.Sections, view)
	}
	var buf bytes.Buffer
	if err := sheet.Execute(&buf, v); err != nil {
		return fmt.Errorf("report: %w", err)
	}
	_, err := w.Write(buf.Bytes())
	return err
}

// anchor makes an identifier of a heading.
func anchor(heading string) string {
	var id []rune
	for _, r := range heading {
		if unicode.IsLetter(r) || unicode.IsDigit(r) {
			id = append(id, unicode.ToLower(r))
		} else if n := len(id); n > 0 && id[n-1] != '-' {
			id = append(id, '-')
		}
	}
	return string(id)
}
