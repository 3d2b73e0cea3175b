package sim

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"

	"github.com/qif-snn/qif/event"
)

// version is part of every hash: it changes when the simulator gives other events
// than before for the same image.
const version = 1

// Hash returns the SHA-256, in hexadecimal, of all that the recordings follow
// from: camera, path, numbers and images.
func (r *Recorder) Hash() string {
	sum := sha256.Sum256(fmt.Appendf(nil, "%s%s\n", r.setting(), r.set.Hash()))
	return hex.EncodeToString(sum[:])
}

// setting is what recordings follow from beside the image and its number.
func (r *Recorder) setting() string {
	text, err := json.Marshal([]any{r.style, r.camera.config})
	if err != nil {
		panic(err) // both are made of finite numbers
	}
	return fmt.Sprintf("simulated %d %d %d %s\n", version, r.camera.seed, r.first, text)
}

// Frames returns the frames of image i's recording, by way of the cache if there
// is one.
func (r *Recorder) Frames(i int, p event.Prepare, c *event.Cache) (*event.Frames, event.Skipped, error) {
	fresh := func() (*event.Frames, event.Skipped, error) {
		s, err := r.Record(i)
		if err != nil {
			return nil, event.Skipped{}, err
		}
		f, err := p.Frames(s)
		return f, event.Skipped{}, err
	}
	if c == nil {
		return fresh()
	}
	k, err := event.NewKey(sha256.Sum256(r.set.Image(i)), r.setting(), []int{r.set.H, r.set.W, r.set.C, i}, p)
	if err != nil {
		return nil, event.Skipped{}, err
	}
	return c.Get(k, fresh)
}
