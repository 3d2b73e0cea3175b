//go:build !noasm && !linux

package kernel

// permitTiles refuses: how other systems grant tiles is not known here.
func permitTiles() bool { return false }
