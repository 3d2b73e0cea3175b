package recipe

import (
	"encoding"
	"fmt"
	"slices"
	"strings"

	"github.com/qif-snn/qif/data"
	"github.com/qif-snn/qif/event"
	"github.com/qif-snn/qif/event/sim"
)

// Events is the task that shows the events of a camera: recordings, or images in
// front of a simulated one.
const Events = "events"

// Tasks lists the tasks: the ways to show images, and Events.
func Tasks() []string { return append(slices.Clone(data.Kinds), Events) }

// validateTask says what is wrong with the task and with what belongs to it.
func (r Recipe) validateTask() error {
	if !slices.Contains(Tasks(), r.Task) {
		return fmt.Errorf("task is %q, expected one of %s", r.Task, strings.Join(Tasks(), ", "))
	}
	if _, err := sim.StyleNamed(r.Camera); err != nil {
		return fmt.Errorf("camera: %w", err)
	}
	if !slices.Contains(event.SplitMethods, r.TestSplit) {
		return fmt.Errorf("test_split is %q, expected one of %s", r.TestSplit, strings.Join(event.SplitMethods, ", "))
	}
	_, p, err := r.Recordings()
	if err != nil {
		return err
	}
	if r.Task != Events {
		return r.ImageTask().Validate()
	}
	if r.CropPad != 0 {
		return fmt.Errorf("crop_pad is %d, but varies images alone: roll shifts frames of events", r.CropPad)
	}
	if r.AutoAug != "" {
		return fmt.Errorf("autoaugment is %q, but varies images alone: nda is for events", r.AutoAug)
	}
	return p.Binning.Validate()
}

// Recordings returns how recordings are read and become frames. It fails on texts
// that name nothing; what else is wrong is for the binning's Validate to say.
func (r Recipe) Recordings() (event.Options, event.Prepare, error) {
	var o event.Options
	p := event.Prepare{Downsample: r.FramesDownsample, Binning: event.Binning{Merge: r.FramesMerge}}
	for _, t := range []struct {
		key, text string
		to        encoding.TextUnmarshaler
	}{
		{"layout", r.Layout, &o.Layout}, {"on_bad", r.OnBad, &o.OnBad},
		{"frames_by", r.FramesBy, &p.Binning.By}, {"frames_rest", r.FramesRest, &p.Binning.Rest},
	} {
		if err := t.to.UnmarshalText([]byte(t.text)); err != nil {
			return o, p, fmt.Errorf("%s: %w", t.key, err)
		}
	}
	if r.FramesCrop != "" {
		rect, err := event.ParseRect(r.FramesCrop)
		if err != nil {
			return o, p, fmt.Errorf("frames_crop is %q, %w", r.FramesCrop, err)
		}
		p.Crop = &rect
	}
	p.Binning.Duration = int64(r.FrameTime)
	if p.Binning.By != event.ByDuration {
		p.Binning.N = r.Steps
	}
	return o, p, nil
}

// EventAugment returns how training frames of the given size are varied. The
// bounds of NDA's magnitudes are those for 128×128 pixels, in proportion.
func (r Recipe) EventAugment(s event.Sensor) event.Augment {
	a := event.Augment{Flip: r.Flip, Roll: r.Roll, Cutout: r.Cutout}
	if r.NDA > 0 {
		a.NDA = event.DefaultNDA()
		scale := func(pixels int) int { return max(1, (pixels*min(s.W, s.H)+64)/128) }
		a.NDA.Operations, a.NDA.Roll, a.NDA.Cutout = r.NDA, scale(a.NDA.Roll), scale(a.NDA.Cutout)
	}
	return a
}
