package event

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"
)

// simulatedDir holds two classes, whose names are no names of folders.
func simulatedDir(t *testing.T, style string) fstest.MapFS {
	t.Helper()
	s := Simulated{Version: 1, Name: "dvs-toys", Style: style, Classes: []string{"T-shirt/top", "Bag"}, Train: []int{3, 2}}
	dir := fstest.MapFS{}
	n := 0
	for c, k := range s.Train {
		for i := range k {
			if style == LikeCIFAR10DVS {
				dir[s.Path(false, int32(c), i)] = file(aedat2Bytes(plainAEDAT2, 2, uint32(i)))
			} else {
				dir[s.Path(false, int32(c), n)] = file(nmnistBytes(Event{int64(n), 1, 1, true}))
			}
			n++
		}
	}
	if style == LikeNMNIST {
		s.Test = []int{1, 0}
		dir[s.Path(true, 0, 0)] = file(nmnistBytes(Event{7, 1, 1, true}))
	}
	text, err := json.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	dir[SimulatedFile] = file(text)
	return dir
}

func TestOpenSimulated(t *testing.T) {
	train, test, err := OpenFS(simulatedDir(t, LikeNMNIST), "data")
	if err != nil {
		t.Fatal(err)
	}
	if train.Name != "dvs-toys/train" || train.Len() != 5 || test.Len() != 1 || train.Samples[3].Path != "Train/1/00004.bin" || train.Samples[3].Label != 1 {
		t.Errorf("%q has %d samples and %d for test: %+v", train.Name, train.Len(), test.Len(), train.Samples)
	}
	train, test, err = OpenFS(simulatedDir(t, LikeCIFAR10DVS), "data")
	if err != nil {
		t.Fatal(err)
	}
	if train.Name != "dvs-toys" || train.Len() != 5 || test != nil || train.Sensor != dvs128 || train.Samples[2].Path != "T-shirt_top/T-shirt_top_2.aedat" {
		t.Errorf("%q: %+v", train.Name, train.Samples)
	}
}

func TestOpenSimulatedErrors(t *testing.T) {
	change := func(old, new string) fstest.MapFS {
		dir := simulatedDir(t, LikeNMNIST)
		dir[SimulatedFile] = file([]byte(strings.Replace(string(dir[SimulatedFile].Data), old, new, 1)))
		return dir
	}
	half := simulatedDir(t, LikeNMNIST)
	delete(half, "Train/0/00002.bin")
	for want, dir := range map[string]fstest.MapFS{
		`data/Train/0: 2 recordings of class "T-shirt/top", expected 3: complete them with qif data simulate`: half,
		"data/simulated.json: version is 2, expected 1":                                                       change(`"version":1`, `"version":2`),
		`style is "film", expected n-mnist or cifar10-dvs`:                                                    change(`"n-mnist"`, `"film"`),
		"2 classes, with recordings of 3 for training":                                                        change("[3,2]", "[3,2,1]"),
		"test recordings belong to the style n-mnist alone":                                                   change(`"n-mnist"`, `"cifar10-dvs"`),
		`data/simulated.json: json: unknown field "names"`:                                                    change(`"name"`, `"names"`),
	} {
		if _, _, err := OpenFS(dir, "data"); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error is %v, want %s", err, want)
		}
	}
	twice := Simulated{Version: 1, Style: LikeCIFAR10DVS, Classes: []string{"a/b", "a:b"}, Train: []int{1, 1}}
	if err := twice.Validate(); err == nil || !strings.Contains(err.Error(), `class "a:b" gives no folder of its own`) {
		t.Error(err)
	}
}

// Folders of images have names that folders of recordings have, too.
func TestRecognise(t *testing.T) {
	dir := t.TempDir()
	for path, want := range map[string]string{
		"images/airplane/1.png": "", "cifar/airplane/cifar10_airplane_1.aedat": "CIFAR10-DVS", "digits/Train/0/1.png": "",
		"nmnist/Train/0/00001.bin": "N-MNIST", "gestures/trials_to_train.txt": "DVS128 Gesture", "sim/" + SimulatedFile: "simulated recordings",
	} {
		p := filepath.Join(dir, filepath.FromSlash(path))
		if err := os.MkdirAll(filepath.Dir(p), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(p, []byte("?"), 0o644); err != nil {
			t.Fatal(err)
		}
		root, _, _ := strings.Cut(path, "/")
		if got, ok := Recognise(filepath.Join(dir, root)); got != want && ok || ok != (want != "") {
			t.Errorf("%s is taken for %q, %v; want %q", path, got, ok, want)
		}
	}
	if _, ok := Recognise(filepath.Join(dir, "none")); ok {
		t.Error("a folder that is not there is recognised")
	}
}

func TestHead(t *testing.T) {
	train, _, err := OpenFS(nmnistDir(), "data") // 3 recordings of 10 classes
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, s := range train.Head(12).Samples {
		got = append(got, strings.TrimPrefix(s.Path, "Train/"))
	}
	want := []string{"0/00009.bin", "0/00010.bin", "1/00009.bin", "1/00010.bin"}
	for c := 2; c < 10; c++ {
		want = append(want, fmt.Sprintf("%d/00009.bin", c))
	}
	if strings.Join(got, " ") != strings.Join(want, " ") {
		t.Errorf("the first twelve are %v, want %v", got, want)
	}
	if train.Head(0) != train || train.Head(30) != train || train.Head(1).Len() != 1 || train.Len() != 30 {
		t.Error("a head of none, of all or of one")
	}
}
