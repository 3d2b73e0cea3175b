package data

import (
	"fmt"
	"io/fs"
)

// loadIDX reads the four IDX files and names the classes.
func loadIDX(f *folder) (train, test *Set, err error) {
	named, err := f.classes("classes.txt", 0)
	if err != nil {
		return nil, nil, err
	}
	classes := named
	if classes == nil {
		classes = digits
	}
	if train, err = f.idx(trainImages, trainLabels, classes); err != nil {
		return nil, nil, err
	}
	if test, err = f.idx(testImages, testLabels, classes); err != nil {
		return nil, nil, err
	}
	name := f.name
	if k := recognise(train, test); k != nil {
		name = k.name
		if named == nil {
			train.Classes, test.Classes = k.classes, k.classes
		}
	}
	train.Name, test.Name = name+"/train", name+"/test"
	return train, test, nil
}

// idx reads one pair of images and labels.
func (f *folder) idx(images, labels int, classes []string) (*Set, error) {
	s := &Set{C: 1, Classes: classes}
	var n int
	err := f.with(f.paths[images], func(r fs.File, name string) (err error) {
		n, s.H, s.W, s.Pixels, err = ReadIDXImages(r, name)
		return err
	})
	if err != nil {
		return nil, err
	}
	err = f.with(f.paths[labels], func(r fs.File, name string) (err error) {
		s.Labels, err = ReadIDXLabels(r, name, len(classes))
		return err
	})
	if err != nil {
		return nil, err
	}
	if s.Len() != n {
		return nil, fmt.Errorf("%s holds %d labels, expected %d, the number of images in %s",
			f.shown(f.paths[labels]), s.Len(), n, f.shown(f.paths[images]))
	}
	return s, nil
}

// Sizes of the full CIFAR sets.
const (
	cifarTrain = 50000
	cifarTest  = 10000
)

func loadCIFAR10(f *folder) (train, test *Set, err error) {
	classes, err := f.classes("batches.meta.txt", cifar10Record.classes[0])
	if err != nil {
		return nil, nil, err
	}
	if classes == nil {
		classes = cifar10Classes
	}
	return f.cifar(cifar10Record, "cifar-10", classes)
}

func loadCIFAR100(f *folder) (train, test *Set, err error) {
	fine := cifar100Record.classes[1]
	classes, err := f.classes("fine_label_names.txt", fine)
	if err != nil {
		return nil, nil, err
	}
	if classes == nil {
		classes = numbers(fine)
	}
	return f.cifar(cifar100Record, "cifar-100", classes)
}

// cifar reads the batches, of which the last is the test set, with the last of
// a record's labels. Records are not counted in the files: a set of another
// size than the full one is called a subset.
func (f *folder) cifar(format cifarFormat, name string, classes []string) (train, test *Set, err error) {
	train = &Set{H: cifarSide, W: cifarSide, C: 3, Classes: classes}
	test = &Set{H: cifarSide, W: cifarSide, C: 3, Classes: classes}
	for i, p := range f.paths {
		s := train
		if i == len(f.paths)-1 {
			s = test
		}
		err := f.with(p, func(r fs.File, file string) error {
			pix, labels, err := format.read(r, file, maxBytes)
			if err != nil {
				return err
			}
			s.Pixels = append(s.Pixels, pix...)
			s.Labels = append(s.Labels, labels[len(labels)-1]...)
			return nil
		})
		if err != nil {
			return nil, nil, err
		}
	}
	if train.Len() != cifarTrain || test.Len() != cifarTest {
		name += "-subset"
	}
	train.Name, test.Name = name+"/train", name+"/test"
	return train, test, nil
}
