package data_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log"
	"testing/fstest"

	"github.com/qif-snn/qif/data"
	"github.com/qif-snn/qif/data/fashion"
)

// An IDX file of two images of 2×2 pixels.
func ExampleReadIDXImages() {
	file := []byte{
		0, 0, 8, 3, // bytes, three dimensions
		0, 0, 0, 2, 0, 0, 0, 2, 0, 0, 0, 2,
		0, 255, 255, 0,
		9, 8, 7, 6,
	}
	n, h, w, pix, err := data.ReadIDXImages(bytes.NewReader(file), "corners")
	fmt.Println(n, h, w, pix, err)

	_, _, _, _, err = data.ReadIDXImages(bytes.NewReader(file[:22]), "corners")
	fmt.Println(err)
	// Output:
	// 2 2 2 [0 255 255 0 9 8 7 6] <nil>
	// corners: record 1, byte 22: the file ends early: expected 2 records of 4 bytes, got 1 and 2 bytes
}

// Class names of one's own come from a file beside the data.
func ExampleLoadFS() {
	train, test, err := data.LoadFS(fstest.MapFS{
		"train-images-idx3-ubyte": {Data: []byte{0, 0, 8, 3, 0, 0, 0, 2, 0, 0, 0, 1, 0, 0, 0, 1, 50, 200}},
		"train-labels-idx1-ubyte": {Data: []byte{0, 0, 8, 1, 0, 0, 0, 2, 0, 1}},
		"t10k-images-idx3-ubyte":  {Data: []byte{0, 0, 8, 3, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1, 190}},
		"t10k-labels-idx1-ubyte":  {Data: []byte{0, 0, 8, 1, 0, 0, 0, 1, 1}},
		"classes.txt":             {Data: []byte("night\nday\n")},
	}, "sky")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(train.Name, train.Len(), train.Classes[train.Labels[0]])
	fmt.Println(test.Name, test.Len(), test.Classes[test.Labels[0]])
	// Output:
	// sky/train 2 night
	// sky/test 1 day
}

// A split is drawn once, kept as JSON and applied to the same data again.
func ExampleSplitStratified() {
	set := &data.Set{
		Name: "six", H: 1, W: 1, C: 1,
		Pixels:  []byte{1, 2, 3, 4, 5, 6},
		Labels:  []int32{0, 0, 0, 1, 1, 1},
		Classes: []string{"low", "high"},
	}
	m, err := data.SplitStratified(set, 1.0/3, 7)
	if err != nil {
		log.Fatal(err)
	}
	text, err := json.Marshal(m)
	if err != nil {
		log.Fatal(err)
	}
	m, err = data.ParseManifest(text, "split.json")
	if err != nil {
		log.Fatal(err)
	}
	train, val, err := m.Indices(set)
	fmt.Println(len(train), "for training,", len(val), "for validation,", err)

	set.Pixels[0]++
	_, _, err = m.Indices(set)
	fmt.Println(err != nil)
	// Output:
	// 4 for training, 2 for validation, <nil>
	// true
}

// An epoch of Fashion-MNIST, shuffled and augmented, from its batch 70 on.
func ExampleLoader() {
	train, _, err := fashion.Load()
	if err != nil {
		log.Fatal(err)
	}
	shown, err := data.NewImages(data.ImageOptions{
		Set: train, Norm: data.MeasureNorm(train, nil), Augment: data.Augment{Pad: 2, Flip: true}, Seed: 1,
	})
	if err != nil {
		log.Fatal(err)
	}
	loader, err := data.NewLoader(data.LoaderOptions{Samples: shown, Batch: 128, Shuffle: true, Seed: 1, Ahead: 2})
	if err != nil {
		log.Fatal(err)
	}
	pass := loader.Epoch(0, 70)
	defer pass.Close()
	images, batches := 0, 0
	for b, ok := pass.Next(); ok; b, ok = pass.Next() {
		images += b.N
		batches++
	}
	fmt.Println(batches, "of", loader.Steps(), "batches,", images, "images")
	// Output: 9 of 79 batches, 1040 images
}

func ExampleToFloat() {
	norm := data.Norm{Mean: []float32{0.5}, Std: []float32{0.25}}
	x := make([]float32, 3)
	data.ToFloat(x, []byte{0, 51, 255}, norm)
	fmt.Println(x)
	// Output: [-2 -1.2 2]
}
