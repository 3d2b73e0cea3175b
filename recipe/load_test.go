package recipe

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

func TestBuiltIn(t *testing.T) {
	names := Names()
	if want := []string{
		"fashion-tiny", "cifar10-dvs-resnet19", "cifar10-dvs-vggsnn", "cifar10-lif-t2", "cifar10-lif-t4", "cifar10-qif-t2", "cifar10-qif-t4",
		"cifar100-lif-t2", "cifar100-lif-t4", "cifar100-qif-t2", "cifar100-qif-t4", "fashion", "fashion-dvs", "fashion-mini", "moving", "rows"}; !reflect.DeepEqual(names, want) {
		t.Errorf("names %v, want %v", names, want)
	}
	for _, name := range names {
		r, err := Load(name)
		if err != nil {
			t.Error(err)
			continue
		}
		if err := r.Validate(); err != nil {
			t.Error(err)
		}
		if r.Name != name {
			t.Errorf("recipe %s calls itself %s", name, r.Name)
		}
	}
	if r, err := Load("fashion-tiny"); err != nil || !reflect.DeepEqual(r, Default()) {
		t.Errorf("fashion-tiny is %+v, %v, want the defaults", r, err)
	}
	if r, err := Load("fashion"); err != nil || r.Net != "small" || r.Data == "" {
		t.Errorf("fashion has the net %q and the data %q, %v", r.Net, r.Data, err)
	}
}

// Recipes of a row of results differ in what the row says, and in nothing else.
func TestPairedRecipes(t *testing.T) {
	for _, set := range []string{"cifar10", "cifar100"} {
		want, err := Load(set + "-qif-t4")
		if err != nil {
			t.Fatal(err)
		}
		for _, neuron := range []string{"qif", "lif"} {
			for _, steps := range []int{2, 4} {
				got, err := Load(fmt.Sprintf("%s-%s-t%d", set, neuron, steps))
				if err != nil {
					t.Fatal(err)
				}
				if got.Neuron != neuron || got.Steps != steps || got.Net != "resnet19" || got.LossKind != "tet" || got.AutoAug != "cifar" {
					t.Errorf("%s: neuron %s, %d steps", got.Name, got.Neuron, got.Steps)
				}
				got.Name, got.Neuron, got.Steps = want.Name, want.Neuron, want.Steps
				if !reflect.DeepEqual(got, want) {
					t.Errorf("%s-%s-t%d differs in more than neuron and steps", set, neuron, steps)
				}
			}
		}
	}
}

func TestLoadFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "mine.toml")
	if _, err := Load(path); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a missing file gives %v", err)
	}
	write := func(text string) {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("name = 'mine'")
	want := Default()
	want.Name = "mine"
	if r, err := Load(path); err != nil || !reflect.DeepEqual(r, want) {
		t.Errorf("got %+v, %v", r, err)
	}
	write("\nbtach = 3")
	if _, err := Load(path); err == nil || !strings.Contains(err.Error(), path+`:2:1: unknown key "btach", did you mean "batch"?`) {
		t.Errorf("got %v", err)
	}
	write(strings.Repeat("#\n", maxText))
	if _, err := Load(path); err == nil || !strings.Contains(err.Error(), "expected at most 65536") {
		t.Errorf("a large file gives %v", err)
	}
}

func TestLoadUnknown(t *testing.T) {
	for given, want := range map[string]string{
		"fashion-tiy":  `unknown recipe "fashion-tiy", did you mean "fashion-tiny"?; built-in: fashion-tiny, cifar10-dvs-resnet19, cifar10-dvs-vggsnn, cifar10-lif-t2, `,
		"Fashion-Mine": `did you mean "fashion-mini"?`,
		"imagenet":     `unknown recipe "imagenet"; built-in`,
		"../recipe":    `unknown recipe "../recipe"; built-in`,
		"":             `unknown recipe ""; built-in`,
	} {
		if _, err := Load(given); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q gives %v, want %q", given, err, want)
		}
	}
}

// Distances known by hand, and the axioms of a metric.
func TestDistance(t *testing.T) {
	for _, c := range []struct {
		a, b string
		want int
	}{
		{"", "", 0}, {"", "abc", 3}, {"kitten", "sitting", 3}, {"flaw", "lawn", 2}, {"epoch", "epochs", 1}, {"größe", "grosse", 3},
	} {
		if got := distance(c.a, c.b); got != c.want {
			t.Errorf("%q to %q: %d, want %d", c.a, c.b, got, c.want)
		}
		if got := distance(c.b, c.a); got != c.want {
			t.Errorf("%q to %q: %d, want %d", c.b, c.a, got, c.want)
		}
	}
	known := Keys()
	for _, a := range known {
		for _, b := range known {
			if (distance(a, b) == 0) != (a == b) {
				t.Errorf("%q to %q: %d", a, b, distance(a, b))
			}
		}
	}
}
