package neuron

import (
	"math"
	"math/rand/v2"
	"testing"
)

var rest = Map{C2: .25, C1: -.125} // the default QIF

func near(a, b, tol float64) bool { return math.Abs(a-b) <= tol }

// The numbers of the default neuron: rest 0 with slope −.125, unstable 4.5,
// basin down to −4, rebound below .25 − √4.0625.
func TestDynamicsOfTheDefaultNeuron(t *testing.T) {
	points := rest.FixedPoints(0)
	if len(points) != 2 || points[0] != (FixedPoint{0, -.125, Alternating}) || points[1] != (FixedPoint{4.5, 2.125, Unstable}) {
		t.Errorf("fixed points %v", points)
	}
	if v, ok := rest.Vertex(); !ok || v != .25 {
		t.Errorf("vertex %v %v", v, ok)
	}
	if v, ok := rest.Mirror(4.5); !ok || v != -4 {
		t.Errorf("mirror %v %v", v, ok)
	}
	if x, ok := rest.SaddleNode(); !ok || x != 1.265625 {
		t.Errorf("saddle node %v %v", x, ok)
	}
	if d := rest.Discriminant(0); d != 1.265625 {
		t.Errorf("discriminant %v", d)
	}
	d := Dynamics{Map: rest, Threshold: 1, Floor: math.Inf(-1)}
	if v, ok := d.Rebound(); !ok || !near(v, .25-math.Sqrt(4.0625), 1e-15) {
		t.Errorf("rebound %v %v", v, ok)
	}
}

// moved says how a deviation from a fixed point behaves over two iterations.
func moved(m Map, x float64, p FixedPoint, e float64) Kind {
	first := m.At(p.V+e) + x - p.V
	second := m.At(p.V+first) + x - p.V
	closer := math.Abs(second) < math.Abs(e)
	switch {
	case closer && first*e >= 0:
		return Monotone
	case closer:
		return Alternating
	case first*e > 0:
		return Unstable
	}
	return PeriodDoubled
}

func TestKindsAgainstIteration(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 1))
	seen := map[Kind]int{}
	for range 3000 {
		m := Map{C2: 2*rng.Float64() - 1, C1: 4*rng.Float64() - 2, C0: 2*rng.Float64() - 1}
		if rng.IntN(4) == 0 {
			m.C2 = 0
		}
		x := 2*rng.Float64() - 1
		points := m.FixedPoints(x)
		want := 1
		if m.C2 != 0 {
			want = 2
			if m.Discriminant(x) < 0 {
				want = 0
			}
		}
		if len(points) != want {
			t.Fatalf("%+v x=%v: %d fixed points, want %d", m, x, len(points), want)
		}
		for i, p := range points {
			if size := 1 + math.Abs(m.C2*p.V*p.V); !near(m.At(p.V)+x, p.V, 1e-12*size) || !near(p.Slope, m.Slope(p.V), 1e-12*size) {
				t.Errorf("%+v x=%v: f(%v) + x = %v, slope %v", m, x, p.V, m.At(p.V)+x, p.Slope)
			}
			if i > 0 && points[0].V >= p.V {
				t.Errorf("%+v x=%v: fixed points %v are not ascending", m, x, points)
			}
			if p.Stable() != (p.Kind == Monotone || p.Kind == Alternating) {
				t.Errorf("%+v: stable %v", p, p.Stable())
			}
			// Two iterations cannot judge slopes next to the borders, nor
			// points whose neighbourhood is lost to rounding.
			if s := math.Abs(p.Slope); s < .02 || math.Abs(s-1) < .02 || math.Abs(p.V) > 1e3 {
				continue
			}
			seen[p.Kind]++
			for _, e := range []float64{-1e-6, 1e-6} {
				if got := moved(m, x, p, e); got != p.Kind {
					t.Errorf("%+v x=%v: %+v behaves as %s", m, x, p, got)
				}
			}
		}
	}
	for _, k := range []Kind{Monotone, Alternating, Unstable, PeriodDoubled} {
		if seen[k] < 50 {
			t.Errorf("only %d fixed points of kind %s", seen[k], k)
		}
	}
}

func TestBorderKinds(t *testing.T) {
	for _, c := range []struct {
		m    Map
		x    float64
		want []FixedPoint
	}{
		{Map{C2: 1, C1: 1}, 0, []FixedPoint{{0, 1, SaddleNode}}},    // v² + v
		{Map{C2: .25, C1: 2}, 1, []FixedPoint{{-2, 1, SaddleNode}}}, // ¼(v+2)²
		{Map{C2: 1, C1: -1}, 0, []FixedPoint{{0, -1, Flip}, {2, 3, Unstable}}},
		{Map{C2: -1, C1: 3}, 0, []FixedPoint{{0, 3, Unstable}, {2, -1, Flip}}},
		{Map{C1: -1}, 3, []FixedPoint{{1.5, -1, Flip}}},
		{Map{}, 3, []FixedPoint{{3, 0, Monotone}}},
		{Map{C1: 1}, 0, nil},
		{Map{C1: 1}, 1, nil},
		{Map{C2: 1, C1: 1}, 1, nil},
	} {
		got := c.m.FixedPoints(c.x)
		if len(got) != len(c.want) {
			t.Errorf("%+v x=%v: %v, want %v", c.m, c.x, got, c.want)
			continue
		}
		for i := range got {
			if got[i] != c.want[i] {
				t.Errorf("%+v x=%v: %v, want %v", c.m, c.x, got, c.want)
			}
		}
	}
}

// The root near rest keeps its digits as the curvature vanishes.
func TestFixedPointsOfAlmostALine(t *testing.T) {
	p := Map{C2: 1e-14, C1: .5}.FixedPoints(1)
	if len(p) != 2 || !near(p[0].V, 2+8e-14, 1e-15) || p[0].Kind != Monotone {
		t.Errorf("fixed points %v, want the first at 2 + 8e-14", p)
	}
}

func TestSaddleNodeSeparatesRestFromFiring(t *testing.T) {
	for _, m := range []Map{rest, {C2: .5, C1: .2, C0: -.1}, {C2: .1, C1: .8}} {
		x, ok := m.SaddleNode()
		if !ok {
			t.Fatalf("%+v has no saddle node", m)
		}
		settles := func(x float64) bool {
			v, _ := m.Vertex()
			for range 20000 {
				if v = m.At(v) + x; v > 1e6 {
					return false
				}
			}
			return true
		}
		if !settles(x-1e-5) || settles(x+1e-5) {
			t.Errorf("%+v: saddle node at %v; settles below %v, above %v", m, x, settles(x-1e-5), settles(x+1e-5))
		}
	}
}

func TestLinearMapsHaveNoVertex(t *testing.T) {
	line := Map{C1: .5, C0: 1}
	if _, ok := line.SaddleNode(); ok {
		t.Error("a line has a saddle node")
	}
	if _, ok := line.Vertex(); ok {
		t.Error("a line has a vertex")
	}
	if _, ok := line.Mirror(1); ok {
		t.Error("a line has mirror images")
	}
}

// The basin of rest lies between the unstable fixed point and its mirror image.
func TestMirrorBoundsTheBasin(t *testing.T) {
	returns := func(v float64) bool {
		for range 1000 {
			if v = rest.At(v); v > 1e6 {
				return false
			}
		}
		return math.Abs(v) < 1e-9
	}
	unstable := rest.FixedPoints(0)[1].V
	mirror, _ := rest.Mirror(unstable)
	if rest.At(mirror) != rest.At(unstable) {
		t.Errorf("images %v and %v", rest.At(mirror), rest.At(unstable))
	}
	const e = 1e-6
	for _, c := range []struct {
		v    float64
		want bool
	}{{unstable - e, true}, {unstable + e, false}, {mirror + e, true}, {mirror - e, false}} {
		if returns(c.v) != c.want {
			t.Errorf("v = %v returns to rest: %v, want %v", c.v, !c.want, c.want)
		}
	}
}

func TestReboundAgainstStep(t *testing.T) {
	rng := rand.New(rand.NewPCG(2, 2))
	found, always, never := 0, 0, 0
	for range 3000 {
		d := Dynamics{
			Map:       Map{C2: 2*rng.Float64() - 1, C1: 2*rng.Float64() - 1, C0: 2*rng.Float64() - 1},
			Threshold: .25 + rng.Float64(), Floor: math.Inf(-1),
		}
		switch rng.IntN(6) {
		case 0:
			d.C2 = 0
		case 1:
			d.C2, d.C1 = 0, 0
		case 2:
			d.C0 += 2
		}
		fires := func(v float64) bool {
			_, spike, _ := d.Step(v, 0)
			return spike
		}
		level, ok := d.Rebound()
		switch {
		case !ok:
			never++
			if far := -1e6; fires(far) {
				t.Errorf("%+v fires at %v, but has no level", d, far)
			}
		case math.IsInf(level, 1):
			always++
			for v := -20.; v < 20; v += .01 {
				if !fires(v) {
					t.Fatalf("%+v does not fire at %v", d, v)
				}
			}
		default:
			found++
			e := 1e-7 * (1 + math.Abs(level))
			if !fires(level-e) || !fires(level-10) || !fires(level-1000) {
				t.Errorf("%+v does not fire below the level %v", d, level)
			}
			// A parabola that only just reaches θ has its other root next to
			// the level.
			if fires(level+e) && d.Slope(level) < -1e-3 {
				t.Errorf("%+v fires above the level %v", d, level)
			}
			d.Floor = level + .1
			if _, ok := d.Rebound(); ok {
				t.Errorf("%+v: a floor above the level %v leaves a rebound", d, level)
			}
		}
	}
	if min(found, always, never) < 30 {
		t.Errorf("%d levels, %d always, %d never: the test misses a case", found, always, never)
	}
}
