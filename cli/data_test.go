package cli_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/qif-snn/qif/data"
	"github.com/qif-snn/qif/event"
)

// writeRecordings writes a small data set like N-MNIST or CIFAR10-DVS.
func writeRecordings(t *testing.T, format event.Format) string {
	t.Helper()
	dir := t.TempDir()
	write := func(name string, s event.Stream) {
		p := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(p), 0o755); err != nil {
			t.Fatal(err)
		}
		f, err := os.Create(p)
		if err != nil {
			t.Fatal(err)
		}
		if format == event.NMNIST {
			err = event.WriteNMNIST(f, s)
		} else {
			err = event.WriteAEDAT2(f, s, event.SpikingJelly)
		}
		if err != nil {
			t.Fatal(err)
		}
		if err := f.Close(); err != nil {
			t.Fatal(err)
		}
	}
	side := 128
	if format == event.NMNIST {
		side = 34
	}
	s := event.Stream{Sensor: event.Sensor{W: side, H: side}}
	for i := range 300 {
		s.Events = append(s.Events, event.Event{T: int64(1000 * i), X: uint16(i % 30), Y: uint16(i % 20), On: i%3 == 0})
	}
	for c, class := range data.CIFAR10Classes() {
		if format == event.NMNIST {
			write(fmt.Sprintf("Train/%d/00001.bin", c), s)
			write(fmt.Sprintf("Test/%d/00002.bin", c), s)
			continue
		}
		for n := range 2 {
			write(fmt.Sprintf("%s/cifar10_%s_%d.aedat", class, class, n), s)
		}
	}
	return dir
}

func TestDataInfoRecording(t *testing.T) {
	file := filepath.Join(writeRecordings(t, event.NMNIST), "Train/4/00001.bin")
	out := must(t, "data", "info", file)
	for _, want := range []string{"n-mnist", "34×34 pixels, of which 60 have events", "300: 100 ON, 200 OFF, ratio 0.500", "299.001 ms", "skipped        nothing"} {
		if !strings.Contains(out, want) {
			t.Errorf("no %q in\n%s", want, out)
		}
	}
	var got struct {
		Events, On, Off int
		Format          string
		Rate            []int
		Skipped         map[string]int
	}
	if err := json.Unmarshal([]byte(must(t, "data", "info", file, "--json")), &got); err != nil {
		t.Fatal(err)
	}
	sum := 0
	for _, n := range got.Rate {
		sum += n
	}
	if got.Events != 300 || got.On != 100 || got.Off != 200 || got.Format != "n-mnist" || sum != 300 || len(got.Skipped) != 5 {
		t.Errorf("%+v", got)
	}
}

func TestDataInfoSets(t *testing.T) {
	out := must(t, "data", "info", writeRecordings(t, event.NMNIST), "--read")
	for _, want := range []string{"n-mnist-subset/train", "n-mnist-subset/test", "0 1, 1 1", "300 on average, 300 to 300", "1000 ON, 2000 OFF", "nothing; unreadable files: 0"} {
		if !strings.Contains(out, want) {
			t.Errorf("no %q in\n%s", want, out)
		}
	}
	// Bad recordings stop the survey, or are counted.
	dir := writeRecordings(t, event.AEDAT2)
	if err := os.Truncate(filepath.Join(dir, "cat/cifar10_cat_1.aedat"), 900); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "dog/cifar10_dog_0.aedat"), []byte("no recording"), 0o644); err != nil {
		t.Fatal(err)
	}
	code, _, errs := qif("data", "info", dir, "--read")
	if code != 1 || !strings.Contains(errs, "cat/cifar10_cat_1.aedat: record ") || !strings.Contains(errs, "the file ends early") {
		t.Errorf("exit status %d, %s", code, errs)
	}
	out = must(t, "data", "info", dir, "--read", "--on-bad", "skip")
	if !strings.Contains(out, "skipped            files cut off: 1; unreadable files: 1") {
		t.Error(out)
	}
}

func TestDataShow(t *testing.T) {
	dir := writeRecordings(t, event.AEDAT2)
	out := filepath.Join(t.TempDir(), "figures")
	text := must(t, "data", "show", dir, "--sample", "3", "--out", out, "--by", "count", "--frames", "4", "--crop", "0,0,16,128", "--downsample", "2")
	if !strings.Contains(text, "cifar10-dvs-subset 3: automobile, cifar10_automobile_1.aedat: 160 events on 8×64 pixels, skipped nothing") {
		t.Error(text)
	}
	table, err := os.ReadFile(filepath.Join(out, "frames.csv"))
	if err != nil {
		t.Fatal(err)
	}
	if lines := strings.Split(strings.TrimSpace(string(table)), "\n"); len(lines) != 5 {
		t.Errorf("the table of frames is\n%s", table)
	}
	for _, name := range []string{"frames.png", "frames.svg", "space-time.png", "space-time.svg", "space-time.csv"} {
		if info, err := os.Stat(filepath.Join(out, name)); err != nil || info.Size() == 0 {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestDataErrors(t *testing.T) {
	dir := writeRecordings(t, event.AEDAT2)
	file := filepath.Join(dir, "cat/cifar10_cat_1.aedat")
	for _, c := range []struct {
		code int
		want string
		args []string
	}{
		{1, "no such file", []string{"info", dir + "/none"}},
		{1, "holds no data set of recordings; looked for simulated recordings (simulated.json), N-MNIST", []string{"info", filepath.Join(dir, "cat")}},
		{2, "--read is for data sets in folders", []string{"info", file, "--read"}},
		{1, "expected N-MNIST, got AEDAT 2.0", []string{"info", file, "--format", "n-mnist"}},
		{2, `the format is "aedat5", expected one of auto, n-mnist`, []string{"info", file, "--format", "aedat5"}},
		{2, "expected a width and a height, as in 128x128", []string{"info", file, "--sensor", "128x"}},
		{1, "off the sensor of 16×16 pixels", []string{"info", file, "--sensor", "16x16"}},
		{2, "--sample is 20, expected 0 to 19 in cifar10-dvs-subset", []string{"show", dir, "--sample", "20"}},
		{2, "has no test samples of its own", []string{"show", dir, "--test"}},
		{2, "--sample and --test are for data sets in folders", []string{"show", file, "--sample", "1"}},
		{2, "a frame's duration is 0 µs", []string{"show", file, "--by", "duration"}},
		{2, "--frames has no effect on frames by duration", []string{"show", file, "--by", "duration", "--frames", "3"}},
		{2, "the number of frames is 0", []string{"show", file, "--frames", "0"}},
		{2, "denoising asks for 9 neighbours", []string{"show", file, "--denoise", "1ms", "--neighbours", "9"}},
		{1, "exceeds the sensor of 128×128 pixels", []string{"show", file, "--crop", "100,0,40,40"}},
		{2, "expected a corner and a size, as in 16,16,96,96", []string{"show", file, "--crop", "1,2,3"}},
	} {
		out := filepath.Join(t.TempDir(), "out")
		if c.args[0] == "show" {
			c.args = append(c.args, "--out", out)
		}
		code, _, errs := qif(append([]string{"data"}, c.args...)...)
		if code != c.code || !strings.Contains(errs, c.want) || strings.Count(errs, "\n") != 1 {
			t.Errorf("%v: exit status %d, want %d; error %swant %s", c.args, code, c.code, errs, c.want)
		}
		if _, err := os.Stat(out); err == nil {
			t.Errorf("%v leaves a folder", c.args)
		}
	}
}
