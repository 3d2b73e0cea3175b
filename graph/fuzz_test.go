package graph_test

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"runtime"
	"strings"
	"testing"

	"github.com/qif-snn/qif/graph"
)

// FuzzParse: a graph from anywhere is refused by name or works: it survives
// writing and reading, its counts are not negative, its tensors can be folded.
// Reading takes memory in proportion to the file.
func FuzzParse(f *testing.F) {
	files, err := filepath.Glob("testdata/*.json")
	if err != nil || len(files) == 0 {
		f.Fatalf("no graph files: %v", err)
	}
	for _, file := range files {
		b, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		var compact bytes.Buffer
		if err := json.Compact(&compact, b); err != nil {
			f.Fatal(err)
		}
		f.Add(compact.Bytes())
	}
	f.Add([]byte(`{"name":"","nodes":[{"name":"a","op":"input","attrs":{"shape":{"h":1,"w":1,"c":2},"coding":"frames"}},` +
		`{"name":"b","op":"readout","inputs":["a"]}]}`))
	f.Add([]byte(`{"name":"","nodes":[{"name":"a","op":"input","attrs":{"shape":{"h":1048576,"w":1048576,"c":1048576},"coding":"direct"}}]}`))
	f.Add([]byte(`{"nodes":[{},{},{}]}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		var net *graph.Network
		var err error
		const fixed, factor = 1 << 20, 2000 // an empty node is two bytes, its refusal a whole sentence
		if got, most := allocated(func() { net, err = graph.Parse(b) }), uint64(fixed+factor*len(b)); got > most {
			t.Errorf("%d bytes allocated for a graph of %d", got, len(b))
		}
		if err != nil {
			if !strings.HasPrefix(err.Error(), "graph") {
				t.Errorf("error %q does not say that it is about a graph", err)
			}
			return
		}
		if net.MACs() < 0 || net.ParamCount() < 0 || net.Classes() < 2 {
			t.Errorf("%d MACs, %d parameters, %d classes", net.MACs(), net.ParamCount(), net.Classes())
		}
		roundTrip(t, net)
		if net.ParamCount() < 1<<16 {
			foldAgain(t, net)
		}
	})
}

// allocated returns the bytes that fn allocates.
func allocated(fn func()) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	fn()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}

func roundTrip(t *testing.T, net *graph.Network) {
	t.Helper()
	once, err := json.Marshal(net.Graph)
	if err != nil {
		t.Fatal(err)
	}
	back, err := graph.Parse(once)
	if err != nil {
		t.Fatalf("%s is refused: %v", once, err)
	}
	if !reflect.DeepEqual(back, net) {
		t.Errorf("%s reads back as\n%#v, was\n%#v", once, back, net)
	}
	if again, err := json.Marshal(back.Graph); err != nil || !bytes.Equal(again, once) {
		t.Errorf("written as %s, then as %s (error %v)", once, again, err)
	}
}

// foldAgain folds until nothing is left to fold, one tdBN of a stack at a time.
func foldAgain(t *testing.T, net *graph.Network) {
	t.Helper()
	ts := net.Init(1)
	for {
		folded, fts, err := graph.Fold(net, ts)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := folded.Index(fts); err != nil {
			t.Fatal(err)
		}
		if len(folded.Layers) == len(net.Layers) {
			return
		}
		net, ts = folded, fts
	}
}
