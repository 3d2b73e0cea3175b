// Package ref is the reference that every engine is tested against: the forward
// pass of a network in float64 and plain loops, obviously right and slow, the
// losses, and gradients by finite differences of the smoothed network.
//
// Tensors are row-major: activations [T, N, H, W, C], convolution weights
// [K, K, Cin, Cout], linear weights [In, Out].
package ref

import (
	"fmt"
	"math"
	"slices"

	"github.com/qif-snn/qif/graph"
	"github.com/qif-snn/qif/neuron"
)

// Options choose how a network is run.
type Options struct {
	// Train normalises by the batch's statistics instead of the running ones.
	Train bool
	// Smooth replaces each spike, in the forward pass and in the reset, by the
	// integral of the surrogate window at u−θ: a function whose derivative is
	// what the backward pass of the spiking network computes.
	Smooth bool
	// FrozenReset gives the spikes, per neuron node [T, N, H, W, C], that resets
	// use in place of the network's own. A network that detaches its resets is
	// the smoothed one with its resets frozen.
	FrozenReset map[string][]float64
	// Mask returns dropout's factor for an element of a sample, the same at
	// every step; nil for no dropout.
	Mask func(node string, sample, element int) float64
}

// Trace is what a forward pass computed.
type Trace struct {
	Logits     []float64            // [T, N, K]
	Outputs    map[string][]float64 // per node, [T, N, H, W, C]
	Potentials map[string][]float64 // u of neuron nodes, [T, N, H, W, C]
	Mean       map[string][]float64 // of tdBN nodes over the batch, [C]
	Var        map[string][]float64 // likewise, biased
}

// Params are a network's tensors by name.
type Params map[string][]float64

// FromTensors widens tensors to float64.
func FromTensors(ts []graph.Tensor) Params {
	p := Params{}
	for _, t := range ts {
		for _, v := range t.Data {
			p[t.Name] = append(p[t.Name], float64(v))
		}
	}
	return p
}

// pass is one forward pass.
type pass struct {
	net      *graph.Network
	params   Params
	n, steps int
	windows  map[string]graph.LayerWindows
	opts     Options
	trace    *Trace
	outs     [][]float64
}

// Forward runs n samples over the given steps. x is [N, H, W, C] under direct
// coding and [T, N, H, W, C] for frames; windows serve smooth spikes alone.
func Forward(net *graph.Network, params Params, x []float64, n, steps int, windows []graph.LayerWindows, o Options) (*Trace, error) {
	p := &pass{
		net: net, params: params, n: n, steps: steps, opts: o, windows: map[string]graph.LayerWindows{},
		trace: &Trace{
			Outputs: map[string][]float64{}, Potentials: map[string][]float64{},
			Mean: map[string][]float64{}, Var: map[string][]float64{},
		},
	}
	for _, w := range windows {
		p.windows[w.Node] = w
	}
	for _, l := range net.Layers {
		y, err := p.layer(l, x)
		if err != nil {
			return nil, fmt.Errorf("node %q: %w", l.Name, err)
		}
		p.outs = append(p.outs, y)
		p.trace.Outputs[l.Name] = y
	}
	p.trace.Logits = p.outs[len(p.outs)-1]
	return p.trace, nil
}

func (p *pass) layer(l graph.Layer, x []float64) ([]float64, error) {
	var in [][]float64
	for _, j := range l.From {
		in = append(in, p.outs[j])
	}
	switch o := l.Op.(type) {
	case *graph.Input:
		return p.input(o, x)
	case *graph.Conv:
		return p.conv(l, o, in[0]), nil
	case *graph.Linear:
		return p.linear(l, in[0]), nil
	case *graph.TDBN:
		return p.tdbn(l, o, in[0]), nil
	case *graph.Neuron:
		return p.neuron(l, o, in[0])
	case *graph.AvgPool:
		return p.pool(l, in[0], o.Kernel, o.Stride, mean), nil
	case *graph.MaxPool:
		return p.pool(l, in[0], o.Kernel, o.Stride, slices.Max[[]float64]), nil
	case *graph.GlobalAvgPool:
		return p.globalPool(l, in[0]), nil
	case *graph.Add:
		y := slices.Clone(in[0])
		for _, other := range in[1:] {
			for i, v := range other {
				y[i] += v
			}
		}
		return y, nil
	case *graph.Concat:
		return p.concat(l, in), nil
	case *graph.Dropout:
		return p.dropout(l, in[0]), nil
	case *graph.Flatten, *graph.Readout:
		return in[0], nil
	}
	return nil, fmt.Errorf("the reference has no operation %q", l.Op.Kind())
}

// images is the number of images over time and batch.
func (p *pass) images() int { return p.steps * p.n }

func (p *pass) input(o *graph.Input, x []float64) ([]float64, error) {
	size := p.n * o.Shape.Size()
	if o.Coding == graph.Direct {
		if len(x) != size {
			return nil, fmt.Errorf("%d numbers of input, expected [N, H, W, C] = %d", len(x), size)
		}
		return slices.Repeat(x, p.steps), nil
	}
	if len(x) != size*p.steps {
		return nil, fmt.Errorf("%d numbers of input, expected [T, N, H, W, C] = %d", len(x), size*p.steps)
	}
	return x, nil
}

func (p *pass) conv(l graph.Layer, o *graph.Conv, x []float64) []float64 {
	in, out := l.In[0], l.Out
	w, b := p.params[l.Name+".weight"], p.params[l.Name+".bias"]
	y := make([]float64, p.images()*out.Size())
	for i := range p.images() {
		for oy := range out.H {
			for ox := range out.W {
				for oc := range out.C {
					sum := 0.0
					for ky := range o.Kernel {
						for kx := range o.Kernel {
							iy, ix := oy*o.Stride-o.Pad+ky, ox*o.Stride-o.Pad+kx
							if iy < 0 || iy >= in.H || ix < 0 || ix >= in.W {
								continue
							}
							for ic := range in.C {
								sum += x[((i*in.H+iy)*in.W+ix)*in.C+ic] * w[((ky*o.Kernel+kx)*in.C+ic)*out.C+oc]
							}
						}
					}
					if o.Bias {
						sum += b[oc]
					}
					y[((i*out.H+oy)*out.W+ox)*out.C+oc] = sum
				}
			}
		}
	}
	return y
}

func (p *pass) linear(l graph.Layer, x []float64) []float64 {
	in, out := l.In[0].C, l.Out.C
	w, b := p.params[l.Name+".weight"], p.params[l.Name+".bias"]
	y := make([]float64, p.images()*out)
	for i := range p.images() {
		for o := range out {
			for k := range in {
				y[i*out+o] += x[i*in+k] * w[k*out+o]
			}
			if b != nil {
				y[i*out+o] += b[o]
			}
		}
	}
	return y
}

// tdbn is x = λ·α·θ·(y−mean)/√(var+ε) + β per channel.
func (p *pass) tdbn(l graph.Layer, o *graph.TDBN, x []float64) []float64 {
	c := l.Out.C
	at := func(name string) []float64 { return p.params[l.Name+"."+name] }
	m, v := at("running_mean"), at("running_var")
	if p.opts.Train {
		m, v = make([]float64, c), make([]float64, c)
		count := float64(len(x) / c)
		for i, xi := range x {
			m[i%c] += xi / count
		}
		for i, xi := range x {
			d := xi - m[i%c]
			v[i%c] += d * d / count
		}
		p.trace.Mean[l.Name], p.trace.Var[l.Name] = m, v
	}
	y := make([]float64, len(x))
	for i, xi := range x {
		k := i % c
		y[i] = at("scale")[k]*o.Alpha*o.Threshold*(xi-m[k])/math.Sqrt(v[k]+o.Eps) + at("shift")[k]
	}
	return y
}

// RunningUpdate returns tdBN's running statistics after a batch with the given
// mean and biased variance over count = T·N·H·W values: the variance enters
// unbiased.
func RunningUpdate(o *graph.TDBN, runMean, runVar, mean, variance, count float64) (m, v float64) {
	return (1-o.Momentum)*runMean + o.Momentum*mean,
		(1-o.Momentum)*runVar + o.Momentum*variance*count/(count-1)
}

func (p *pass) neuron(l graph.Layer, o *graph.Neuron, x []float64) ([]float64, error) {
	c, size := l.Out.C, p.n*l.Out.Size()
	ds := make([]neuron.Dynamics, c)
	for k := range ds {
		d, err := p.dynamics(l, o.Model, k)
		if err != nil {
			return nil, err
		}
		ds[k] = d
	}
	s, us := make([]float64, len(x)), make([]float64, len(x))
	for i := range size {
		d := ds[i%c]
		v := d.ResetValue
		for t := range p.steps {
			at := t*size + i
			u := d.At(v) + x[at]
			us[at] = u
			switch {
			case p.opts.Smooth:
				w := p.windows[l.Name]
				s[at] = w.Shape.Integral(u-d.Threshold, w.Widths[t])
			case u >= d.Threshold:
				s[at] = 1
			}
			reset := s[at]
			if frozen, ok := p.opts.FrozenReset[l.Name]; ok {
				reset = frozen[at]
			}
			v = d.After(u, reset)
		}
	}
	p.trace.Potentials[l.Name] = us
	return s, nil
}

// dynamics returns channel k's neuron, learned parameters from their tensors.
func (p *pass) dynamics(l graph.Layer, m neuron.Model, k int) (neuron.Dynamics, error) {
	d, err := m.Dynamics()
	if err != nil || len(m.Learn) == 0 {
		return d, err
	}
	form, err := neuron.FormNamed(m.Form)
	if err != nil {
		return d, err
	}
	vals, err := m.Values()
	if err != nil {
		return d, err
	}
	for i, spec := range form.Params {
		if t := p.params[l.Name+"."+spec.Name]; t != nil {
			vals[i] = t[k%len(t)]
		}
	}
	d.Map = form.Map(vals)
	return d, nil
}

func mean(v []float64) float64 {
	s := 0.0
	for _, x := range v {
		s += x
	}
	return s / float64(len(v))
}

func (p *pass) pool(l graph.Layer, x []float64, kernel, stride int, reduce func([]float64) float64) []float64 {
	in, out := l.In[0], l.Out
	var y []float64
	for i := range p.images() {
		for oy := range out.H {
			for ox := range out.W {
				for c := range out.C {
					var window []float64
					for ky := range kernel {
						for kx := range kernel {
							window = append(window, x[((i*in.H+oy*stride+ky)*in.W+ox*stride+kx)*in.C+c])
						}
					}
					y = append(y, reduce(window))
				}
			}
		}
	}
	return y
}

func (p *pass) globalPool(l graph.Layer, x []float64) []float64 {
	in := l.In[0]
	y := make([]float64, p.images()*in.C)
	for j, v := range x {
		y[j/in.Size()*in.C+j%in.C] += v / float64(in.H*in.W)
	}
	return y
}

func (p *pass) concat(l graph.Layer, in [][]float64) []float64 {
	var y []float64
	for pixel := range p.images() * l.Out.H * l.Out.W {
		for k, x := range in {
			c := l.In[k].C
			y = append(y, x[pixel*c:(pixel+1)*c]...)
		}
	}
	return y
}

func (p *pass) dropout(l graph.Layer, x []float64) []float64 {
	if p.opts.Mask == nil {
		return x
	}
	y := slices.Clone(x)
	size := l.Out.Size()
	for i := range y {
		y[i] *= p.opts.Mask(l.Name, i/size%p.n, i%size)
	}
	return y
}
