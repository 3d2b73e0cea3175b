package event_test

import (
	"bytes"
	"fmt"

	"github.com/qif-snn/qif/event"
	"github.com/qif-snn/qif/event/sim"
)

// A picture becomes a recording, a file, frames, and a varied training sample.
func Example() {
	sensor := event.Sensor{W: 34, H: 34}
	camera, err := sim.New(sim.Default(), sensor, 1)
	check(err)
	bar := make([]byte, 28*28)
	for y := 6; y < 22; y++ {
		bar[28*y+13], bar[28*y+14] = 255, 255
	}
	scene, err := sim.Move(sim.Display(28, 28, bar, 1), sim.Saccades(), sensor)
	check(err)
	recording, err := camera.Record(scene, sim.Saccades().Duration(), 0)
	check(err)

	var file bytes.Buffer
	check(event.WriteNMNIST(&file, recording))
	r, err := event.NewReader(&file, "bar.bin", event.Options{})
	check(err)
	stream, err := event.ReadAll(r)
	check(err)

	frames, err := event.Binning{By: event.ByCount, N: 4}.Frames(stream)
	check(err)
	warp, err := event.Augment{Flip: true, Roll: 5}.Draw(sensor, 1, 0, 0)
	check(err)
	varied, err := warp.Frames(frames)
	check(err)
	fmt.Println(r.Format(), len(stream.Events) == len(recording.Events))
	fmt.Println(varied.Len(), varied.H, varied.W, varied.C, varied.Events() == int64(len(stream.Events)))
	// Output:
	// n-mnist true
	// 4 34 34 2 true
}

func check(err error) {
	if err != nil {
		panic(err)
	}
}
