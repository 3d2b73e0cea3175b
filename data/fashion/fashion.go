// Package fashion embeds a part of Fashion-MNIST (Xiao, Rasul and Vollgraf
// 2017, arXiv 1708.07747): 10,000 of its training and 2,000 of its test images,
// 28×28 grey, the same number of each of ten classes. ORIGIN.md says where the
// files come from and how they were drawn, LICENSE under which terms.
//
// It serves to try things without a download. Accuracies on it are not
// comparable with those on the full set, which data.LoadDir reads.
package fashion

import (
	"embed"
	"sync"

	"github.com/qif-snn/qif/data"
)

//go:embed *-ubyte.gz
var files embed.FS

var load = sync.OnceValues(func() (sets [2]*data.Set, err error) {
	sets[0], sets[1], err = data.LoadFS(files, "embedded Fashion-MNIST")
	return sets, err
})

// Load returns the embedded sets, named fashion-mnist-subset/train and
// fashion-mnist-subset/test. They are decoded at the first call and shared by
// all callers, who must not change them.
func Load() (train, test *data.Set, err error) {
	sets, err := load()
	return sets[0], sets[1], err
}
