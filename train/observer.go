package train

import "time"

// Observer is told of a run's progress, from the goroutine that trains.
type Observer interface {
	Start(r *Run)
	Step(s StepInfo)
	Epoch(rec Record, best bool)
	Warn(w Warning)
}

// StepInfo describes the run after a training step. Loss, accuracy and rates
// are means over the epoch so far.
type StepInfo struct {
	Epoch, Epochs    int // from 1
	Step, Steps      int // from 1
	LearningRate     float64
	Loss, Accuracy   float64
	SamplesPerSecond float64
	Remaining        time.Duration      // estimate for the rest of the run
	Rates            func() [][]float64 // firing rates [layer][T], computed when asked for
}

// Silent is an Observer that ignores everything.
type Silent struct{}

// Start implements Observer.
func (Silent) Start(*Run) {}

// Step implements Observer.
func (Silent) Step(StepInfo) {}

// Epoch implements Observer.
func (Silent) Epoch(Record, bool) {}

// Warn implements Observer.
func (Silent) Warn(Warning) {}
