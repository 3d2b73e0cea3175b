package cpu

import (
	"reflect"
	"testing"

	"github.com/qif-snn/qif/engine"
	"github.com/qif-snn/qif/graph"
)

// TestLowMemoryTrainsToTheSameBits recomputes what the backward pass needs and
// must arrive where the plain plan does, in less memory.
func TestLowMemoryTrainsToTheSameBits(t *testing.T) {
	for _, precision := range []string{engine.FP32, engine.Mixed} {
		for _, coding := range []string{graph.Direct, graph.Frames} {
			atEachLevel(t, precision+", "+coding, func(t *testing.T) {
				net := broad(t, variants[0], coding)
				o := engine.TrainOptions{Batch: 6, Steps: 4, Seed: 1, Threads: 2, Loss: tet, Optimizer: adamw, Precision: precision}
				plain := compileTrain(t, net, o)
				o.Memory = engine.LowMemory
				low := compileTrain(t, net, o)
				for i := range 3 {
					b := randomBatch(net, 6-i, 4, uint64(i))
					for _, tr := range []*trainer{plain, low} {
						if _, err := tr.Step(b, .01); err != nil {
							t.Fatal(err)
						}
					}
				}
				if !reflect.DeepEqual(plain.Snapshot(), low.Snapshot()) {
					t.Error("recomputing led to other bits")
				}
				if low.arena >= plain.arena {
					t.Errorf("%d words of memory, %d without recomputing", low.arena, plain.arena)
				}
				checkObserved(t, plain, low)
			})
		}
	}
}

func checkObserved(t *testing.T, plain, low *trainer) {
	t.Helper()
	var seen [2]map[string][]float32
	for i, tr := range []*trainer{plain, low} {
		seen[i] = map[string][]float32{}
		err := tr.Observe(randomBatch(tr.net, 3, 4, 9), func(node string, _ int, u []float32) {
			seen[i][node] = append(seen[i][node], u...)
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if !reflect.DeepEqual(seen[0], seen[1]) {
		t.Error("other potentials are observed")
	}
}
