package data

import (
	"fmt"
	"image"
	"image/color"
	"os"
	"path/filepath"
	"slices"
)

// photoParts are the folders of a data set of photographs, the first spelling
// that is there.
var photoParts = [2][]string{{"train"}, {"test", "val"}}

// loadPhotoSets reads small photographs of one size, in the folders train and
// test or val with a folder of each class, into memory. Without such folders the
// sets are nil.
func loadPhotoSets(dir, name string) (train, test *Set, err error) {
	var sets [2]*Set
	for i, spellings := range photoParts {
		for _, s := range spellings {
			if part := filepath.Join(dir, s); sets[i] == nil && holdsFolders(part) {
				if sets[i], err = readPhotoSet(part); err != nil {
					return nil, nil, err
				}
			}
		}
		if sets[i] == nil {
			return nil, nil, nil
		}
	}
	train, test = sets[0], sets[1]
	if !slices.Equal(train.Classes, test.Classes) {
		return nil, nil, fmt.Errorf("%s: the test photographs' %d classes are not those of training, %d", dir, len(test.Classes), len(train.Classes))
	}
	train.Name, test.Name = name+"/train", name+"/test"
	return train, test, agree(train, test)
}

// holdsFolders reports whether a folder has folders in it.
func holdsFolders(dir string) bool {
	entries, err := os.ReadDir(dir)
	return err == nil && slices.ContainsFunc(entries, func(e os.DirEntry) bool { return isDir(filepath.Join(dir, e.Name())) })
}

// readPhotoSet decodes all photographs of a folder. They are grey if the first
// is, and otherwise in three colours.
func readPhotoSet(dir string) (*Set, error) {
	p, err := OpenPhotoFolder(dir)
	if err != nil {
		return nil, err
	}
	s := &Set{Name: p.Name, C: 3, Classes: p.Classes, Labels: p.Labels()}
	r := photoReader{PhotoSamples: &PhotoSamples{}, file: photoFile{p: p}}
	for i := range p.Len() {
		pic, err := r.decode(i)
		if err != nil {
			return nil, err
		}
		b := pic.Bounds()
		if i == 0 {
			s.H, s.W = b.Dy(), b.Dx()
			if m := pic.ColorModel(); m == color.GrayModel || m == color.Gray16Model {
				s.C = 1
			}
		}
		switch {
		case b.Dy() != s.H || b.Dx() != s.W:
			return nil, r.file.fail(i, fmt.Errorf("it is %d×%d pixels (height × width), the first %d×%d; expected one size in a set that is held in memory", b.Dy(), b.Dx(), s.H, s.W))
		case len(s.Pixels) > maxBytes-s.Size():
			return nil, r.file.fail(i, fmt.Errorf("the set takes more than %d bytes of memory", maxBytes))
		}
		s.Pixels = AppendPixels(s.Pixels, pic, s.C)
	}
	return s, nil
}

// AppendPixels appends a photograph as bytes [H, W, c], c being 1 for grey or 3.
func AppendPixels(pix []byte, pic image.Image, c int) []byte {
	b := pic.Bounds()
	for y := b.Min.Y; y < b.Max.Y; y++ {
		for x := b.Min.X; x < b.Max.X; x++ {
			if c == 1 {
				pix = append(pix, color.GrayModel.Convert(pic.At(x, y)).(color.Gray).Y)
				continue
			}
			rgb := color.NRGBAModel.Convert(pic.At(x, y)).(color.NRGBA)
			pix = append(pix, rgb.R, rgb.G, rgb.B)
		}
	}
	return pix
}
