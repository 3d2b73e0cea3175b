package compare

import (
	"bytes"
	"encoding/json"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/qif-snn/qif/report"
	"github.com/qif-snn/qif/report/exhibit"
)

// Files that Save writes beside the figures.
const (
	MarkdownFile = "table.md"
	LaTeXFile    = "table.tex"
	SidesFile    = "table.csv"
	TestsFile    = "tests.csv"
	OutcomeFile  = "outcome.json"
	PageFile     = "report.html"
)

// Save writes the outcome into a folder: tables, figures with their data, all
// numbers, and a page that shows them. Each file appears at once and complete.
// config is what the page shows as the comparison's configuration.
func (o *Outcome) Save(dir string, config []byte) error {
	exhibits := o.Exhibits()
	if _, err := exhibit.Save(dir, exhibits); err != nil {
		return err
	}
	var numbers bytes.Buffer
	e := json.NewEncoder(&numbers)
	e.SetIndent("", "  ")
	if err := e.Encode(o); err != nil {
		return fmt.Errorf("%s: %w", OutcomeFile, err)
	}
	var page bytes.Buffer
	if err := o.sheet(exhibits, config).HTML(&page); err != nil {
		return err
	}
	sides, tests := o.CSV()
	sidesCSV, err := sides.CSV()
	if err != nil {
		return fmt.Errorf("%s: %w", SidesFile, err)
	}
	testsCSV, err := tests.CSV()
	if err != nil {
		return fmt.Errorf("%s: %w", TestsFile, err)
	}
	for _, f := range []struct {
		name string
		b    []byte
	}{
		{MarkdownFile, []byte(o.Markdown())}, {LaTeXFile, []byte(o.LaTeX())}, {SidesFile, sidesCSV}, {TestsFile, testsCSV},
		{OutcomeFile, numbers.Bytes()}, {PageFile, page.Bytes()},
	} {
		if err := writeFile(filepath.Join(dir, f.name), f.b); err != nil {
			return err
		}
	}
	return nil
}

// sheet lays tables and figures out on a page.
func (o *Outcome) sheet(exhibits []exhibit.Exhibit, config []byte) report.Sheet {
	var names []string
	for _, s := range o.Sides {
		names = append(names, s.Name)
	}
	s := report.Sheet{Title: strings.Join(names, ", ") + " compared", Lead: o.heading(), Warnings: slices.Concat(o.failed(), o.warnings()), Config: string(config)}
	result := report.Section{Heading: "Result", Notes: o.Notes}
	for _, t := range o.Tables() {
		result.Tables = append(result.Tables, report.SheetTable{Caption: t.Title, Header: t.Header, Text: t.Text, Rows: t.Rows})
	}
	course := report.Section{Heading: "Over training, time steps and layers"}
	tuning := report.Section{Heading: "Tuning"}
	for _, l := range o.Tuning {
		tuning.Tables = append(tuning.Tables, l.table())
	}
	for _, e := range exhibits {
		f := report.SheetFigure{Alt: o.alt(e.Name), Figure: e.Figure}
		switch {
		case e.Name == "accuracy" || e.Name == "difference":
			result.Figures = append(result.Figures, f)
		case strings.HasPrefix(e.Name, "tuning-"):
			tuning.Figures = append(tuning.Figures, f)
		default:
			course.Figures = append(course.Figures, f)
		}
	}
	s.Sections = []report.Section{result, course}
	if len(o.Tuning) > 0 {
		s.Sections = append(s.Sections, tuning)
	}
	origin := report.Section{Heading: "Origin", Notes: o.origins()}
	if t := o.time(); t != "" {
		origin.Notes = append(origin.Notes, t)
	}
	s.Sections = append(s.Sections, origin)
	return s
}

// alt tells what a figure shows to those who cannot see it.
func (o *Outcome) alt(name string) string {
	switch name {
	case "accuracy":
		return "Test accuracy of every run. The table of sides has means and deviations."
	case "difference":
		return "Paired differences with their intervals. The table of differences has the numbers."
	case "validation":
		return "Validation accuracy over epochs, mean and deviation of each side."
	case "steps":
		return "Test accuracy after each time step, mean and deviation of each side. The table of steps has the numbers."
	case "rates":
		return "Firing rate of every layer over the time steps, mean of each side."
	}
	return "Validation accuracy of the trials over each field that was searched. The table of trials has the numbers."
}

// warnings are what training said of the runs' layers.
func (o *Outcome) warnings() []string {
	var all []string
	for _, s := range o.Sides {
		for _, r := range s.Runs {
			for _, w := range r.Warnings {
				all = append(all, fmt.Sprintf("%s seed %d: %s", s.Name, r.Seed, w))
			}
		}
	}
	return all
}

// table is the log of a side's tuning.
func (l *TuningLog) table() report.SheetTable {
	t := report.SheetTable{Caption: l.summary(), Header: append(append([]string{"trial"}, l.fields()...), "validation / %", "validation loss"), Best: l.Chosen + 1, Text: 1}
	for k, trial := range l.Trials {
		row := []string{fmt.Sprint(k + 1)}
		for _, f := range l.fields() {
			row = append(row, trial.Set[f])
		}
		if trial.Failed != "" {
			row = append(row, "failed", missing)
		} else {
			row = append(row, decimal(100*trial.Val, 2), decimal(trial.ValLoss, 4))
		}
		t.Rows = append(t.Rows, row)
	}
	return t
}
