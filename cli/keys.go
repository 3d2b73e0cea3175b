package cli

import "github.com/qif-snn/qif/neuron"

// netKeys are the fields of a recipe that shape a network's layers beside its
// neurons' parameters.
var netKeys = []string{"learn", "learn_per_channel", "dropout", "readout_last"}

// taskKeys are the fields of a recipe that say what a network sees of an image, or
// of a camera's events.
var taskKeys = []string{
	"task", "motion_radius", "motion_pad", "motion_threshold", "camera", "frames_merge", "frames_crop", "frames_downsample",
}

// neuronKeys are the fields of a recipe that describe a neuron and its window.
func neuronKeys() []string {
	keys := []string{"neuron", "theta", "reset", "reset_value", "floor", "window", "window_shape", "window_pooled"}
	for _, f := range neuron.Forms {
		for _, p := range f.Params {
			keys = append(keys, p.Name)
		}
	}
	return keys
}
