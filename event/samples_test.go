package event

import (
	"context"
	"errors"
	"math"
	"reflect"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/qif-snn/qif/data"
)

// storeOf keeps the frames of n recordings of random events, and counts how often
// they are made.
func storeOf(n int, limit int64, p Prepare) (*Store, *atomic.Int64) {
	made := new(atomic.Int64)
	return NewStore(n, NewBudget(limit), func(i int) (*Frames, Skipped, error) {
		made.Add(1)
		f, err := p.Frames(noise(uint64(i), odd, 300+i, 1000))
		return f, Skipped{Backwards: 1, Corrupt: int64(i)}, err
	}), made
}

func upTo(n int) []int {
	all := make([]int, n)
	for i := range all {
		all[i] = i
	}
	return all
}

// Whatever finds room, the frames are the same; and memory is what was allowed.
func TestStore(t *testing.T) {
	p := Prepare{Binning: Binning{N: 4}}
	roomy, made := storeOf(20, 1<<30, p)
	for range 2 {
		for i := range 20 {
			want, _ := p.Frames(noise(uint64(i), odd, 300+i, 1000))
			if got, err := roomy.Get(i); err != nil || !reflect.DeepEqual(got, want) {
				t.Fatalf("sample %d: frames %+v, error %v; want %+v", i, got, err, want)
			}
		}
	}
	size := roomy.budget.used.Load()
	if made.Load() != 20 || size == 0 {
		t.Errorf("made %d times, %d bytes", made.Load(), size)
	}
	tight, made := storeOf(20, size/2, p)
	for range 2 {
		err := tight.Each(context.Background(), upTo(20), func(int) {}, func(i int, f *Frames) error {
			want, _ := p.Frames(noise(uint64(i), odd, 300+i, 1000))
			if !reflect.DeepEqual(f, want) {
				t.Errorf("sample %d differs", i)
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if used := tight.budget.used.Load(); used > size/2 || used < size/4 || made.Load() <= 20 || made.Load() >= 40 {
		t.Errorf("%d bytes of %d used, made %d times", used, size/2, made.Load())
	}
	if s, err := tight.Skipped(context.Background()); err != nil || s != (Skipped{Backwards: 20, Corrupt: 190}) {
		t.Errorf("skipped %+v, error %v: each sample counts once", s, err)
	}
	// What has not been seen is made to be counted.
	unseen, _ := storeOf(20, 0, p)
	if s, err := unseen.Skipped(context.Background()); err != nil || s.Backwards != 20 {
		t.Errorf("skipped %+v, error %v", s, err)
	}
}

func TestStoreFails(t *testing.T) {
	bad := errors.New("bad recording")
	s := NewStore(50, NewBudget(1<<20), func(i int) (*Frames, Skipped, error) {
		if i == 7 {
			return nil, Skipped{}, bad
		}
		f, err := Prepare{Binning: Binning{N: 1}}.Frames(noise(1, odd, 5, 9))
		return f, Skipped{}, err
	})
	nothing := func(int, *Frames) error { return nil }
	if err := s.Each(context.Background(), upTo(50), func(int) {}, nothing); !errors.Is(err, bad) {
		t.Errorf("error is %v", err)
	}
	ctx, stop := context.WithCancel(context.Background())
	stop()
	if err := s.Each(ctx, upTo(5), func(int) {}, nothing); !errors.Is(err, context.Canceled) {
		t.Errorf("after the end of its context: %v", err)
	}
}

func sampleOptions(s *Store, p Prepare, steps int) SampleOptions {
	return SampleOptions{
		Name: "noise", Labels: make([]int32, s.Len()), Store: s,
		Shape: data.Shape{T: steps, H: odd.H, W: odd.W, C: p.Binning.Channels()}, Scale: []float32{2, 3}[:p.Binning.Channels()],
	}
}

func readSample(t *testing.T, o SampleOptions, epoch, i int) []float32 {
	t.Helper()
	s, err := NewSamples(o)
	if err != nil {
		t.Fatal(err)
	}
	x := make([]float32, s.Shape().Size())
	for k := range x {
		x[k] = -1 // what was there before must not show
	}
	if err := s.Reader()(x, epoch, i); err != nil {
		t.Fatal(err)
	}
	return x
}

// Samples are the counts, bounded and divided, of the binning's frames.
func TestSamples(t *testing.T) {
	for _, p := range []Prepare{
		{Binning: Binning{N: 3}},
		{Binning: Binning{N: 3, By: ByCount, Merge: true}},
		{Binning: Binning{By: ByDuration, Duration: 150}}, // 7 frames
		{Binning: Binning{By: ByDuration, Duration: 450}}, // 3 frames
	} {
		store, _ := storeOf(3, 1<<20, p)
		o := sampleOptions(store, p, 3)
		if p.Binning.Duration == 450 {
			o.Shape.T = 5
		}
		for _, most := range []uint32{0, 1, 2} {
			o.Most = most
			got := readSample(t, o, 5, 2)
			f, err := p.Frames(noise(2, odd, 302, 1000))
			if err != nil {
				t.Fatal(err)
			}
			want := make([]float32, o.Shape.Size())
			copy(want, f.Dense())
			for k := range want {
				if most > 0 {
					want[k] = min(want[k], float32(most))
				}
				want[k] /= o.Scale[k%o.Shape.C]
			}
			if !slices.Equal(got, want) {
				t.Errorf("%+v, at most %d: the sample differs", p.Binning, most)
			}
		}
	}
}

// Variation follows from seed, epoch and sample, and is that of the stream.
func TestSamplesVary(t *testing.T) {
	p := Prepare{Binning: Binning{N: 3}}
	store, _ := storeOf(3, 1<<20, p)
	o := sampleOptions(store, p, 3)
	o.Augment, o.Seed = Augment{Flip: true, Roll: 3, Cutout: 2, NDA: NDA{2, 1, 10, 2, .1}}, 9
	a := readSample(t, o, 4, 1)
	w, err := o.Augment.Draw(odd, 9, 4, 1)
	if err != nil {
		t.Fatal(err)
	}
	s, err := w.Stream(noise(1, odd, 301, 1000))
	if err != nil {
		t.Fatal(err)
	}
	// Times of dropped events still cut the frames: bin the whole stream first.
	whole, err := p.Frames(noise(1, odd, 301, 1000))
	if err != nil {
		t.Fatal(err)
	}
	f, err := w.Frames(whole)
	if err != nil {
		t.Fatal(err)
	}
	want := make([]float32, o.Shape.Size())
	if err := f.Show(want, o.Shape, 0, o.Scale); err != nil || !slices.Equal(a, want) || f.Events() != int64(len(s.Events)) {
		t.Errorf("the varied sample differs (%v)", err)
	}
	if slices.Equal(a, readSample(t, o, 5, 1)) {
		t.Error("two epochs show the same")
	}
	o.Augment = Augment{}
	if !slices.Equal(readSample(t, o, 4, 1), readSample(t, o, 5, 1)) {
		t.Error("without variation two epochs differ")
	}
}

func TestMeasureScale(t *testing.T) {
	p := Prepare{Binning: Binning{N: 3}}
	store, _ := storeOf(6, 1<<20, p)
	shape := data.Shape{T: 2, H: odd.H, W: odd.W, C: 2}
	for _, most := range []uint32{0, 1} {
		scale, err := MeasureScale(context.Background(), store, []int{1, 4, 5}, shape, most, func(int) {})
		if err != nil {
			t.Fatal(err)
		}
		o := sampleOptions(store, p, 2)
		o.Scale, o.Most = scale, most
		var sum [2]float64
		for _, i := range []int{1, 4, 5} {
			for k, v := range readSample(t, o, 0, i) {
				sum[k%2] += float64(v) * float64(v)
			}
		}
		for c, v := range sum {
			if mean := v / float64(3*shape.Size()/2); math.Abs(mean-1) > 1e-6 {
				t.Errorf("at most %d, channel %d: the mean square is %v, want 1", most, c, mean)
			}
		}
	}
	silent := NewStore(1, NewBudget(0), func(int) (*Frames, Skipped, error) {
		f, err := p.Frames(Stream{Sensor: odd})
		return f, Skipped{}, err
	})
	if scale, err := MeasureScale(context.Background(), silent, []int{0}, shape, 0, func(int) {}); err != nil || !slices.Equal(scale, []float32{1, 1}) {
		t.Errorf("without events the scale is %v, error %v", scale, err)
	}
}

func TestSamplesRefuse(t *testing.T) {
	p := Prepare{Binning: Binning{N: 3}}
	store, _ := storeOf(3, 1<<20, p)
	for want, change := range map[string]func(*SampleOptions){
		`recordings of "noise": 2 labels do not belong to the store`:       func(o *SampleOptions) { o.Labels = o.Labels[:2] },
		"expected 1 frame or more of 1 or 2 channels":                      func(o *SampleOptions) { o.Shape.T = 0 },
		"counts have 1 scales, expected one for each of 2 channels":        func(o *SampleOptions) { o.Scale = o.Scale[:1] },
		"the scale of channel 1 is 0, expected a finite number above 0":    func(o *SampleOptions) { o.Scale = []float32{1, 0} },
		`recordings of "noise": augmentation: roll is 99 pixels, expected`: func(o *SampleOptions) { o.Augment.Roll = 99 },
	} {
		o := sampleOptions(store, p, 3)
		change(&o)
		if _, err := NewSamples(o); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error is %v, want %s", err, want)
		}
	}
	o := sampleOptions(store, p, 3)
	o.Shape.H++
	s, err := NewSamples(o)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Reader()(make([]float32, o.Shape.Size()), 0, 0); err == nil || !strings.Contains(err.Error(), "(height, width, channels), expected") {
		t.Errorf("frames of another size: %v", err)
	}
}
