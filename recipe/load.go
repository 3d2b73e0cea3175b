package recipe

import (
	"embed"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
)

//go:embed recipes/*.toml
var embedded embed.FS

const extension = ".toml"

// Names lists the built-in recipes: the default one, then the others sorted.
func Names() []string {
	names := []string{Default().Name}
	files, _ := fs.Glob(embedded, "recipes/*"+extension) // the pattern is well-formed
	for _, f := range files {
		if name := strings.TrimSuffix(path.Base(f), extension); name != names[0] {
			names = append(names, name)
		}
	}
	slices.Sort(names[1:])
	return names
}

// Load returns the built-in recipe of that name, or reads a file whose path ends
// in .toml.
func Load(nameOrPath string) (Recipe, error) {
	if filepath.Ext(nameOrPath) == extension {
		return readFile(nameOrPath)
	}
	if !slices.Contains(Names(), nameOrPath) {
		return Recipe{}, fmt.Errorf("unknown recipe %q%s; built-in: %s; or give the path of a %s file",
			nameOrPath, suggest(nameOrPath, Names()), strings.Join(Names(), ", "), extension)
	}
	b, err := embedded.ReadFile("recipes/" + nameOrPath + extension)
	if err != nil {
		return Recipe{}, err
	}
	return Parse(b, nameOrPath)
}

func readFile(path string) (Recipe, error) {
	f, err := os.Open(path)
	if err != nil {
		return Recipe{}, err
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, maxText+1))
	if err != nil {
		return Recipe{}, fmt.Errorf("recipe %s: %w", path, err)
	}
	return Parse(b, path)
}

// suggest returns ", did you mean …?" with the known word nearest to word, or
// nothing if none is near: about a third of its letters may differ.
func suggest(word string, known []string) string {
	if len(word) > 100 {
		return "" // no known word is nearly as long
	}
	best, least := "", max(1, (len([]rune(word))+1)/3)+1
	for _, k := range known {
		if d := distance(strings.ToLower(word), k); d < least {
			best, least = k, d
		}
	}
	if best == "" {
		return ""
	}
	return fmt.Sprintf(", did you mean %q?", best)
}

// distance returns how many letters must be inserted, removed or replaced to
// turn a into b (Levenshtein).
func distance(a, b string) int {
	x, y := []rune(a), []rune(b)
	row := make([]int, len(y)+1)
	for j := range row {
		row[j] = j
	}
	for i := range x {
		diagonal := row[0]
		row[0]++
		for j := range y {
			d := diagonal
			if x[i] != y[j] {
				d = min(diagonal, row[j], row[j+1]) + 1
			}
			diagonal, row[j+1] = row[j+1], d
		}
	}
	return row[len(y)]
}
