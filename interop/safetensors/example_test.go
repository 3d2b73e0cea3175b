package safetensors_test

import (
	"bytes"
	"fmt"

	"github.com/qif-snn/qif/graph"
	"github.com/qif-snn/qif/interop/safetensors"
)

func Example() {
	var file bytes.Buffer
	err := safetensors.Encode(&file, safetensors.File{
		Metadata: map[string]string{"net": "tiny"},
		Tensors:  []graph.Tensor{{Name: "fc.bias", Shape: []int{2}, Data: []float32{.5, -1}}},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	f, err := safetensors.Decode(file.Bytes(), "tiny.safetensors")
	fmt.Println(f.Metadata["net"], f.Tensors[0].Name, f.Tensors[0].Data, err)
	_, err = safetensors.Decode(file.Bytes()[:file.Len()-4], "tiny.safetensors")
	fmt.Println(err)
	// Output:
	// tiny fc.bias [0.5 -1] <nil>
	// safetensors tiny.safetensors: byte 39: data_offsets [0, 8] of tensor "fc.bias" reach beyond the data, of which the file holds 4 bytes
}
