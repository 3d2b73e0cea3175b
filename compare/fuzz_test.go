package compare

import (
	"os"
	"testing"
)

// Whatever a file holds, it is a plan or an error; and a plan's own file gives it
// again.
func FuzzParseSpec(f *testing.F) {
	f.Add([]byte(example))
	f.Add([]byte("[[side]]\nname = 'qif'\n[[side]]\nname = 'lif'\nlearn = ['leak']\ntune = {leak = [0.5, 1], lr = false}\n[tune]\ntrials = 2\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		spec, err := ParseSpec(b)
		if err != nil {
			return
		}
		spec.Recipe = "" // files are not to be opened
		p, err := spec.Plan()
		if err != nil {
			return
		}
		text, err := p.TOML()
		if err != nil {
			t.Fatal(err)
		}
		again, err := ParseSpec(text)
		if err != nil {
			t.Fatalf("%v in\n%s", err, text)
		}
		if _, err := again.Plan(); err != nil {
			t.Fatalf("%v in\n%s", err, text)
		}
		for _, s := range p.Sides {
			if p.Tune.Trials > 0 {
				if _, err := s.trial(1); err != nil {
					t.Log(err) // ranges in which the recipe takes nothing
				}
			}
		}
	})
}

// Whatever a line of a log holds, it is a record that can be looked up or an error.
func FuzzParseRecord(f *testing.F) {
	b, err := os.ReadFile("testdata/record.json")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(b)
	f.Add([]byte(`{"phase":"tune","recipe":{"lr":"x"},"failed":"why"}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		r, err := parseRecord(b)
		if err != nil {
			return
		}
		r.key()
		r.rate()
	})
}
