package plotstyle

import (
	"bytes"
	"fmt"
	"io"
	"path/filepath"
	"strings"

	"github.com/google/renameio/v2"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// A Figure is a drawing that can be saved. Sizes are in points.
type Figure struct {
	Width, Height vg.Length
	Draw          func(draw.Canvas)
}

// Write writes the figure as a PNG or SVG file, which ext names: ".png" or
// ".svg" in any case.
func (f Figure) Write(w io.Writer, ext string) error {
	switch strings.ToLower(ext) {
	case ".png":
		return WritePNG(w, f.Width, f.Height, f.Draw)
	case ".svg":
		return WriteSVG(w, f.Width, f.Height, f.Draw)
	}
	return fmt.Errorf("unknown kind of figure %q, expected .png or .svg", ext)
}

// Known says whether Save can write a file of that name.
func Known(path string) bool {
	ext := strings.ToLower(filepath.Ext(path))
	return ext == ".png" || ext == ".svg"
}

// Save writes the figure to a file, whose extension, .png or .svg, says in which
// form. The file appears at once and complete, or is left as it was.
func (f Figure) Save(path string) error {
	var b bytes.Buffer
	if err := f.Write(&b, filepath.Ext(path)); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	if err := renameio.WriteFile(path, b.Bytes(), 0o644, renameio.WithTempDir(filepath.Dir(path))); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return nil
}
