package engine

// Directions of an operation in a profile.
const (
	Forward  = "forward"
	Backward = "backward"
	Update   = "update" // of parameters and running statistics
)

// Labels that operations carry in CPU profiles (runtime/pprof) while a Profiled
// is timing them.
const (
	LabelLayer     = "layer"
	LabelOp        = "op"
	LabelDirection = "direction"
)

// OpTime is the time that one operation of a plan took. A fused operation
// counts as one, under the layer whose output it makes.
type OpTime struct {
	Layer     string  `json:"layer"` // node of the graph; empty for what belongs to none
	Op        string  `json:"op"`    // what was computed and how, in the engine's words
	Direction string  `json:"direction"`
	Seconds   float64 `json:"seconds"` // by the clock, over all calls
	Calls     int64   `json:"calls"`
}

// Profiled is a Trainer or Runner that can time its operations. Without a
// request it spends no time on that.
type Profiled interface {
	// StartProfile begins to time operations, from zero, and to label what they
	// run on for CPU profiles.
	StartProfile()
	// StopProfile ends that and returns the times since, in the order in which
	// the operations first ran.
	StopProfile() []OpTime
}
