package kernel

// HalfKind is how a processor multiplies bfloat16.
type HalfKind int

const (
	HalfWidened HalfKind = iota // as float32
	HalfDots                    // pairs of numbers at a time
	HalfTiles                   // tiles of 16×32 numbers at a time
)

// HalfProducts returns how ProductHalf multiplies at the level in use.
func HalfProducts() HalfKind { return current.halfKind }
