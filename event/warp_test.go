package event

import (
	"math"
	"slices"
	"strings"
	"testing"
)

var odd = Sensor{7, 5}

// Each warp against what it says about a single pixel.
func TestWarps(t *testing.T) {
	crop, err := Crop(odd, 2, 1, 4, 3)
	if err != nil {
		t.Fatal(err)
	}
	down, err := Downsample(odd, 3, 2)
	if err != nil {
		t.Fatal(err)
	}
	if down.To != (Sensor{3, 3}) {
		t.Errorf("7×5 by 3 and 2 is %v", down.To)
	}
	type place func(x, y int) (int, int, bool)
	for _, c := range []struct {
		name string
		w    Warp
		want place
	}{
		{"identity", Identity(odd), func(x, y int) (int, int, bool) { return x, y, true }},
		{"crop", crop, func(x, y int) (int, int, bool) { return x - 2, y - 1, x >= 2 && x < 6 && y >= 1 && y < 4 }},
		{"downsample", down, func(x, y int) (int, int, bool) { return x / 3, y / 2, true }},
		{"flip x", FlipX(odd), func(x, y int) (int, int, bool) { return 6 - x, y, true }},
		{"flip y", FlipY(odd), func(x, y int) (int, int, bool) { return x, 4 - y, true }},
		{"roll", Roll(odd, -3, 12), func(x, y int) (int, int, bool) { return (x + 4) % 7, (y + 2) % 5, true }},
		{"cutout", Cutout(odd, 0, 2, 3), func(x, y int) (int, int, bool) { return x, y, x > 1 || y < 1 || y > 3 }},
		{"half a turn", Rotate(odd, math.Pi), func(x, y int) (int, int, bool) { return 6 - x, 4 - y, true }},
		{"a quarter turn", Rotate(odd, math.Pi/2), func(x, y int) (int, int, bool) { return 3 - (y - 2), 2 + (x - 3), x >= 1 && x <= 5 }},
		{"shear", Shear(odd, .4), func(x, y int) (int, int, bool) {
			to := x + int(math.Round(.4*float64(y-2)))
			return to, y, to >= 0 && to < 7
		}},
	} {
		for y := range odd.H {
			for x := range odd.W {
				got := int(c.w.At[y*odd.W+x])
				wx, wy, ok := c.want(x, y)
				want := -1
				if ok {
					want = wy*c.w.To.W + wx
				}
				if got != want {
					t.Errorf("%s: (%d, %d) goes to %d, want %d", c.name, x, y, got, want)
				}
			}
		}
	}
}

// Warping a stream and binning it is binning it and warping the frames.
func TestWarpsCommuteWithBinning(t *testing.T) {
	a := Augment{Flip: true, Roll: 2, Cutout: 2, NDA: NDA{3, 2, 30, 3, .4}}
	for sample := range uint64(60) {
		s := noise(sample, odd, 300, 1000)
		w, err := a.Draw(odd, 1, 2, sample)
		if err != nil {
			t.Fatal(err)
		}
		b := Binning{By: ByDuration, Duration: 150, Merge: sample%2 == 0} // whose cuts warps do not move
		f, err := b.Frames(s)
		if err != nil {
			t.Fatal(err)
		}
		warped, err := w.Frames(f)
		if err != nil {
			t.Fatal(err)
		}
		if err := warped.Validate(); err != nil {
			t.Fatal(err)
		}
		ws, err := w.Stream(s)
		if err != nil {
			t.Fatal(err)
		}
		cuts, err := b.Cuts(s)
		if err != nil {
			t.Fatal(err)
		}
		dense := warped.Dense()
		for k := range f.Len() {
			part, err := w.Stream(s.Slice(cuts[k], cuts[k+1]))
			if err != nil {
				t.Fatal(err)
			}
			g, err := Binning{By: ByTime, N: 1, Merge: b.Merge}.Frames(part)
			if err != nil {
				t.Fatal(err)
			}
			if !slices.Equal(g.Dense(), dense[k*warped.Size():(k+1)*warped.Size()]) {
				t.Fatalf("sample %d: frame %d differs", sample, k)
			}
		}
		if int64(len(ws.Events)) != warped.Events() {
			t.Fatalf("%d events in the stream, %d in its frames", len(ws.Events), warped.Events())
		}
	}
}

// What only moves pixels one to one keeps all events; draws depend on seed,
// epoch and sample alone.
func TestAugmentDraws(t *testing.T) {
	s := noise(3, odd, 100, 1000)
	seen := map[string]bool{}
	for epoch := range uint64(5) {
		for sample := range uint64(20) {
			a := Augment{Flip: true, Roll: 3}
			w, err := a.Draw(odd, 9, epoch, sample)
			if err != nil {
				t.Fatal(err)
			}
			again, err := a.Draw(odd, 9, epoch, sample)
			if err != nil || !slices.Equal(w.At, again.At) {
				t.Fatalf("two draws differ, error %v", err)
			}
			ws, err := w.Stream(s)
			if err != nil || len(ws.Events) != len(s.Events) {
				t.Fatalf("%d of %d events are left, error %v", len(ws.Events), len(s.Events), err)
			}
			var key strings.Builder
			for _, v := range w.At {
				key.WriteByte(byte(v))
			}
			seen[key.String()] = true
		}
	}
	if len(seen) < 40 { // of 2·7·5 that there are
		t.Errorf("100 draws gave %d variations", len(seen))
	}
}

func TestWarpErrors(t *testing.T) {
	s := noise(1, Sensor{3, 3}, 5, 10)
	f, err := Binning{N: 1}.Frames(s)
	if err != nil {
		t.Fatal(err)
	}
	errs := map[string]error{}
	_, errs["crop of 4×2 pixels at x = 4, y = 0 exceeds the sensor of 7×5 pixels"] = Crop(odd, 4, 0, 4, 2)
	_, errs["factors of down-sampling are 0 and 1"] = Downsample(odd, 0, 1)
	_, errs["a warp of 7×5 pixels is applied to a stream of 3×3"] = Identity(odd).Stream(s)
	_, errs["event 0 is at x = 7, y = 0, off the sensor of 7×5 pixels"] = Identity(odd).Stream(Stream{odd, []Event{{0, 7, 0, true}}})
	_, errs["a warp of 7×5 pixels is applied to frames of 3×3"] = Identity(odd).Frames(f)
	_, errs["a warp to 7×5 pixels is followed by one from 3×3"] = Identity(odd).Then(Identity(s.Sensor))
	_, errs["roll is 5 pixels, expected 0 to 4"] = Augment{Roll: 5}.Draw(odd, 0, 0, 0)
	_, errs["nda.operations is -1"] = Augment{NDA: NDA{Operations: -1}}.Draw(odd, 0, 0, 0)
	_, errs["nda.rotate is NaN degrees"] = Augment{NDA: NDA{Rotate: math.NaN()}}.Draw(odd, 0, 0, 0)
	_, errs["nda.cutout is 0"] = Augment{NDA: NDA{Operations: 1}}.Draw(odd, 0, 0, 0)
	_, errs["denoising looks back 0 µs"] = Denoise{0, 1}.Stream(s)
	_, errs["denoising asks for 9 neighbours"] = Denoise{5, 9}.Stream(s)
	_, errs["hot pixels have more than NaN events a second"] = HotPixels(s, math.NaN())
	for want, err := range errs {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error is %v, want %s", err, want)
		}
	}
}

// The filter against all pairs of events.
func TestDenoise(t *testing.T) {
	for seed := range uint64(40) {
		s := noise(seed, odd, 150, 3000)
		d := Denoise{Within: 200 + 50*int64(seed), Neighbours: 1 + int(seed%3)}
		var want []Event
		for i, e := range s.Events {
			near := map[[2]uint16]bool{}
			for _, o := range s.Events[:i] {
				dx, dy := int(e.X)-int(o.X), int(e.Y)-int(o.Y)
				if dx*dx <= 1 && dy*dy <= 1 && (dx != 0 || dy != 0) && e.T-o.T < d.Within {
					near[[2]uint16{o.X, o.Y}] = true
				}
			}
			if len(near) >= d.Neighbours {
				want = append(want, e)
			}
		}
		got, err := d.Stream(s)
		if err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(got.Events, want) {
			t.Fatalf("seed %d: %d events stay, want %d", seed, len(got.Events), len(want))
		}
		if len(want) == 0 || len(want) == len(s.Events) {
			t.Errorf("seed %d: %d of %d events stay, which tests nothing", seed, len(want), len(s.Events))
		}
	}
}

func TestHotPixels(t *testing.T) {
	s := Stream{Sensor: odd}
	for i := range int64(100) { // 100 events in 100 ms at one pixel, 4 at another
		s.Events = append(s.Events, Event{1000 * i, 3, 2, true})
		if i%25 == 0 {
			s.Events = append(s.Events, Event{1000 * i, 6, 4, false})
		}
	}
	w, err := HotPixels(s, 500)
	if err != nil {
		t.Fatal(err)
	}
	got, err := w.Stream(s)
	if err != nil || len(got.Events) != 4 {
		t.Errorf("%d events are left, error %v", len(got.Events), err)
	}
	if all, err := HotPixels(s, 1011); err != nil || slices.Contains(all.At, -1) {
		t.Errorf("a pixel with 1010 events a second is dropped above 1011; error %v", err)
	}
}
