package compare

import (
	"fmt"
	"strings"
)

// Markdown returns the outcome as a page in Markdown. Its last line alone tells
// how long runs took.
func (o *Outcome) Markdown() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s\n", o.heading())
	cell := strings.NewReplacer("|", `\|`, "\n", " ")
	row := func(cells []string) {
		for _, c := range cells {
			b.WriteString("| " + cell.Replace(c) + " ")
		}
		b.WriteString("|\n")
	}
	for _, t := range o.Tables() {
		fmt.Fprintf(&b, "\n%s\n\n", t.Title)
		row(t.Header)
		for i := range t.Header {
			if i < t.Text {
				b.WriteString("|---")
			} else {
				b.WriteString("|--:")
			}
		}
		b.WriteString("|\n")
		for _, r := range t.Rows {
			row(r)
		}
	}
	b.WriteString("\n")
	for _, lines := range [][]string{o.origins(), o.Notes, o.failed()} {
		for _, line := range lines {
			b.WriteString("- " + cell.Replace(line) + "\n")
		}
	}
	if t := o.time(); t != "" {
		fmt.Fprintf(&b, "\n%s\n", t)
	}
	return b.String()
}

// LaTeX returns the tables for a paper; they need the package booktabs. What
// stands under them in the other forms are comments here.
func (o *Outcome) LaTeX() string {
	var b strings.Builder
	b.WriteString("% needs \\usepackage{booktabs}\n")
	for i, t := range o.Tables() {
		fmt.Fprintf(&b, "\n\\begin{table}\n\\centering\n\\caption{%s", texEscape(t.Title))
		if i == 0 {
			fmt.Fprintf(&b, ". %s", texEscape(o.heading()))
		}
		fmt.Fprintf(&b, "}\n\\begin{tabular}{%s%s}\n\\toprule\n", strings.Repeat("l", t.Text), strings.Repeat("r", len(t.Header)-t.Text))
		writeTexRow(&b, t.Header)
		b.WriteString("\\midrule\n")
		for _, r := range t.Rows {
			writeTexRow(&b, r)
		}
		b.WriteString("\\bottomrule\n\\end{tabular}\n\\end{table}\n")
	}
	b.WriteString("\n")
	for _, lines := range [][]string{o.origins(), o.Notes, o.failed()} {
		for _, line := range lines {
			b.WriteString("% " + strings.ReplaceAll(line, "\n", " ") + "\n")
		}
	}
	return b.String()
}

func writeTexRow(b *strings.Builder, cells []string) {
	for i, c := range cells {
		if i > 0 {
			b.WriteString(" & ")
		}
		b.WriteString(texEscape(c))
	}
	b.WriteString(" \\\\\n")
}

// texEscape writes text for LaTeX.
var texEscape = strings.NewReplacer(
	`\`, `\textbackslash{}`, "&", `\&`, "%", `\%`, "$", `\$`, "#", `\#`, "_", `\_`, "{", `\{`, "}", `\}`, "~", `\textasciitilde{}`, "^", `\textasciicircum{}`,
	" ± ", ` $\pm$ `, "−", `$-$`, "–", "--", "<", "$<$", ">", "$>$", "λ", `$\lambda$`, "θ", `$\theta$`, "\n", " ",
).Replace
