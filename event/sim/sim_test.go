package sim

import (
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/qif-snn/qif/event"
)

// ideal is a camera without noise or mismatch.
func ideal() Config { return Config{On: .2, Off: .3, Step: 1000} }

func record(t *testing.T, c Config, s event.Sensor, scene Scene, duration int64, number uint64) event.Stream {
	t.Helper()
	cam, err := New(c, s, 5)
	if err != nil {
		t.Fatal(err)
	}
	st, err := cam.Record(scene, duration, number)
	if err != nil {
		t.Fatal(err)
	}
	if err := st.Validate(); err != nil {
		t.Fatal(err)
	}
	return st
}

// ramp is a scene whose logarithm has a slope in 1/s.
func ramp(slope float64) Scene {
	return func(t int64, intensity []float64) {
		for i := range intensity {
			intensity[i] = math.Exp(slope * float64(t) / 1e6)
		}
	}
}

// split returns a pixel's events.
func split(s event.Stream) [][]event.Event {
	all := make([][]event.Event, s.Sensor.Pixels())
	for _, e := range s.Events {
		i := int(e.Y)*s.Sensor.W + int(e.X)
		all[i] = append(all[i], e)
	}
	return all
}

// On a ramp of the logarithm, a pixel fires at intervals of threshold / slope
// plus the refractory time, whatever the steps in which the scene is sampled.
func TestRamp(t *testing.T) {
	s := event.Sensor{W: 5, H: 4}
	for _, c := range []struct {
		slope      float64 // 1/s
		refractory int64
		step       int64
		interval   float64 // µs
	}{
		{10, 0, 1000, .2 / 10 * 1e6},
		{10, 0, 777, .2 / 10 * 1e6},
		{-10, 0, 1000, .3 / 10 * 1e6},
		{400, 0, 1000, .2 / 400 * 1e6}, // twice a step
		{-10, 5000, 1000, .3/10*1e6 + 5000},
		{400, 300, 1000, .2/400*1e6 + 300},
	} {
		config := ideal()
		config.Refractory, config.Step = c.refractory, c.step
		for i, events := range split(record(t, config, s, ramp(c.slope), 400_000, 1)) {
			if len(events) == 0 {
				t.Fatalf("slope %v: pixel %d is silent", c.slope, i)
			}
			// It begins anywhere between the thresholds.
			if first, most := float64(events[0].T), .5/math.Abs(c.slope)*1e6; first > most {
				t.Errorf("slope %v: the first event is at %v µs, later than %v", c.slope, first, most)
			}
			want := math.Floor((400_000 - float64(events[0].T)) / c.interval)
			if math.Abs(float64(len(events)-1)-want) > 1 {
				t.Errorf("slope %v: %d events, want %v", c.slope, len(events), want)
			}
			for k, e := range events {
				if at := float64(events[0].T) + float64(k)*c.interval; math.Abs(float64(e.T)-at) > 1.01 {
					t.Fatalf("slope %v: event %d is at %d µs, want %v", c.slope, k, e.T, at)
				}
				if e.On != (c.slope > 0) {
					t.Fatalf("slope %v: polarity %v", c.slope, e.On)
				}
			}
		}
	}
}

// A constant scene gives nothing but leak and noise, at their rates.
func TestRest(t *testing.T) {
	s := event.Sensor{W: 30, H: 30}
	if st := record(t, ideal(), s, ramp(0), 1e6, 1); len(st.Events) != 0 {
		t.Errorf("%d events without leak or noise", len(st.Events))
	}
	leak := ideal()
	leak.Leak = 3
	n := 0
	for _, events := range split(record(t, leak, s, ramp(0), 4e6, 1)) {
		n += len(events)
		for k := 1; k < len(events); k++ {
			if d := events[k].T - events[k-1].T; d < 333_332 || d > 333_335 || !events[k].On {
				t.Fatalf("leak events of polarity %v are %d µs apart", events[k].On, d)
			}
		}
	}
	// 12 events per pixel on average, within 1 by phase: exact in the mean.
	if mean := float64(n) / 900; math.Abs(mean-12+.5*.3/.5) > .5 {
		t.Errorf("%v leak events per pixel in 4 s at 3 Hz", mean)
	}

	// Noise: 10 Hz in the dark, 2.5 Hz at white; half of it ON.
	noisy := ideal()
	noisy.Shot = 10
	for _, c := range []struct{ intensity, rate float64 }{{1e-9, 10}, {1, 2.5}, {.5, 6.25}} {
		scene := func(_ int64, v []float64) {
			for i := range v {
				v[i] = c.intensity
			}
		}
		st := record(t, noisy, s, scene, 4e6, 1)
		want := c.rate * 4 * 900
		on := 0
		for _, e := range st.Events {
			if e.On {
				on++
			}
		}
		// Five standard deviations of a Poisson count, and of a fair coin.
		if got := float64(len(st.Events)); math.Abs(got-want) > 5*math.Sqrt(want) || math.Abs(2*float64(on)-got) > 5*math.Sqrt(got) {
			t.Errorf("at intensity %v: %v events, of which %d ON; want %v, half of them", c.intensity, got, on, want)
		}
	}
}

// Thresholds have the given deviation, and those of a pixel show in its
// intervals.
func TestMismatch(t *testing.T) {
	s := event.Sensor{W: 60, H: 60}
	c := ideal()
	c.Mismatch = .03
	var sum, squares, n float64
	for _, events := range split(record(t, c, s, ramp(20), 1e6, 1)) {
		k := float64(len(events) - 1)
		theta := 20 * float64(events[len(events)-1].T-events[0].T) / 1e6 / k
		sum, squares, n = sum+theta, squares+theta*theta, n+1
	}
	mean := sum / n
	std := math.Sqrt(squares/n - mean*mean)
	if math.Abs(mean-.2) > 5*.03/math.Sqrt(n) || math.Abs(std-.03) > 5*.03/math.Sqrt(2*n) {
		t.Errorf("thresholds are %v ± %v, want .2 ± .03", mean, std)
	}
}

// A step of the scene's logarithm by Δ = 1.1 gives 1 + ⌊(Δ − d)/θ⌋ events within
// the step, where the distance d to the threshold is anywhere from 0 to .5: 6, 5
// and 4 events for a share of .2, .4 and .4 of the pixels.
func TestContrast(t *testing.T) {
	s := event.Sensor{W: 40, H: 40}
	scene := func(ti int64, v []float64) {
		for i := range v {
			v[i] = .1
			if ti >= 5000 {
				v[i] = .1 * math.Exp(1.1)
			}
		}
	}
	st := record(t, ideal(), s, scene, 10_000, 1)
	count := map[int]float64{}
	for _, events := range split(st) {
		count[len(events)]++
		for _, e := range events {
			if e.T < 4000 || e.T >= 5000 {
				t.Fatalf("an event at %d µs, expected in the step from 4000 to 5000", e.T)
			}
		}
	}
	for n, share := range map[int]float64{6: .2, 5: .4, 4: .4} {
		if math.Abs(count[n]/1600-share) > 5*.5/40 || len(count) != 3 {
			t.Errorf("%v of 1600 pixels have %d events, want a share of %v", count[n], n, share)
		}
	}
}

// A recording depends on seed and number alone; another number is other noise on
// the same camera.
func TestSeeds(t *testing.T) {
	s := event.Sensor{W: 34, H: 34}
	img := make([]byte, 28*28)
	for i := range img {
		img[i] = byte(i * 7)
	}
	run := func(seed, number uint64) event.Stream {
		cam, err := New(Default(), s, seed)
		if err != nil {
			t.Fatal(err)
		}
		scene, err := Move(Display(28, 28, img, 1), Saccades(), s)
		if err != nil {
			t.Fatal(err)
		}
		st, err := cam.Record(scene, Saccades().Duration(), number)
		if err != nil {
			t.Fatal(err)
		}
		return st
	}
	a, b, c, d := run(1, 1), run(1, 1), run(1, 2), run(2, 1)
	if !slices.Equal(a.Events, b.Events) {
		t.Error("the same numbers give other events")
	}
	if slices.Equal(a.Events, c.Events) || slices.Equal(a.Events, d.Events) {
		t.Error("other numbers give the same events")
	}
}

// A bright dot is seen where the path says.
func TestMove(t *testing.T) {
	img := make([]byte, 9)
	img[4] = 255
	path := Path{{0, -2, 0}, {1000, 2, 1}}
	scene, err := Move(Picture{W: 3, H: 3, Pixels: img, Scale: 1, Black: .1, Gamma: 1}, path, event.Sensor{W: 9, H: 7})
	if err != nil {
		t.Fatal(err)
	}
	v := make([]float64, 63)
	for _, c := range []struct {
		t    int64
		want map[int]float64 // above .1
	}{
		{0, map[int]float64{3*9 + 2: 1}},
		{1000, map[int]float64{4*9 + 6: 1}},
		{9999, map[int]float64{4*9 + 6: 1}},
		{500, map[int]float64{3*9 + 4: .55, 4*9 + 4: .55}},                                         // at (0, .5)
		{625, map[int]float64{3*9 + 4: .26875, 3*9 + 5: .26875, 4*9 + 4: .38125, 4*9 + 5: .38125}}, // at (.5, .625)
	} {
		scene(c.t, v)
		for i, got := range v {
			want, ok := c.want[i]
			if !ok {
				want = .1
			}
			if math.Abs(got-want) > 1e-12 {
				t.Errorf("at %d µs, pixel (%d, %d) sees %v, want %v", c.t, i%9, i/9, got, want)
			}
		}
	}
}

func TestPaths(t *testing.T) {
	for name, p := range map[string]Path{"saccades": Saccades(), "loop": ClosedLoop(6, 200_000, 8)} {
		if err := p.Validate(); err != nil {
			t.Error(err)
		}
		x0, y0 := p.At(0)
		x1, y1 := p.At(p.Duration())
		if x0 != x1 || y0 != y1 {
			t.Errorf("%s: begins at (%v, %v) and ends at (%v, %v)", name, x0, y0, x1, y1)
		}
	}
	for _, c := range []Point{{0, -3.5, -3.5}, {52_500, -1.75, 0}, {105_000, 0, 3.5}, {210_000, 3.5, -3.5}} {
		if x, y := Saccades().At(c.T); math.Abs(x-c.X) > 1e-9 || math.Abs(y-c.Y) > 1e-9 {
			t.Errorf("at %d µs the picture is at (%v, %v), want (%v, %v)", c.T, x, y, c.X, c.Y)
		}
	}
	if d := ClosedLoop(6, 200_000, 8).Duration(); d != 1_200_000 {
		t.Errorf("six loops take %d µs", d)
	}
	if x, y := ClosedLoop(1, 400, 8).At(150); x != 4 || y != 4 {
		t.Errorf("after 3/8 of a loop the picture is at (%v, %v)", x, y)
	}
}

func TestErrors(t *testing.T) {
	s := event.Sensor{W: 4, H: 4}
	cam, err := New(Default(), s, 1)
	if err != nil {
		t.Fatal(err)
	}
	errs := map[string]error{}
	bad := Default()
	bad.On = 0
	_, errs["simulated camera: on is 0, expected 0.01 to 10"] = New(bad, s, 1)
	bad = Default()
	bad.Shot = math.NaN()
	_, errs["simulated camera: shot is NaN Hz"] = New(bad, s, 1)
	_, errs["the sensor has 0×1 pixels"] = New(Default(), event.Sensor{W: 0, H: 1}, 1)
	_, errs["lasts 0 µs"] = cam.Record(ramp(1), 0, 1)
	_, errs["the intensity at 2000 µs at x = 3, y = 1 is 0"] = cam.Record(func(t int64, v []float64) {
		for i := range v {
			v[i] = 1
		}
		if t == 2000 {
			v[7] = 0
		}
	}, 5000, 1)
	pic := Display(2, 2, make([]byte, 4), 1)
	_, errs["a path of 1 points"] = Move(pic, Path{{}}, s)
	_, errs["point 1 of the path is at 0 µs, expected a time after 0"] = Move(pic, Path{{}, {}}, s)
	_, errs["a picture of 2×2 has 3 pixels"] = Move(Display(2, 2, make([]byte, 3), 1), Saccades(), s)
	_, errs["the picture's scale is +Inf"] = Move(Display(2, 2, make([]byte, 4), math.Inf(1)), Saccades(), s)
	pic.Black = 0
	_, errs["the intensity of black is 0"] = Move(pic, Saccades(), s)
	for want, err := range errs {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error is %v, want %s", err, want)
		}
	}
}
