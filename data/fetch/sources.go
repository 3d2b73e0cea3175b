package fetch

import (
	"fmt"
	"path"
	"strings"
)

// File is a file that a data set is distributed as.
type File struct {
	Name   string
	URL    string // empty: by hand
	Size   int64  // in bytes; 0: not known
	MD5    string // hexadecimal
	SHA256 string // hexadecimal; empty: MD5 alone
	// Unpack has the file, a .tar.gz or .zip, unpacked beside it.
	Unpack bool
}

// Source is a data set and where it comes from.
type Source struct {
	Name  string
	What  string
	Files []File
	// Hand says, for files without an address, how to get them.
	Hand string
}

// Sources are the data sets that are known. Checksums are those that the data
// sets' authors and their common loaders give.
var Sources = []Source{
	{Name: "mnist", What: "70,000 handwritten digits of 28×28", Files: idx("https://ossci-datasets.s3.amazonaws.com/mnist/",
		"f68b3c2dcbeaaa9fbdd348bbdeb94873", "d53e105ee54ea40749a09fcbcd1e9432", "9fb629c4189551a2d022fa330f9573f3", "ec29112dd5afa0611ce80d1b7f02629c")},
	{Name: "fashion-mnist", What: "70,000 photographs of clothes of 28×28", Files: idx("http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",
		"8d4fb7e6c68d591d4c3dfef9ec88bf0d", "25c81989df183df01b3e8a0aad5dffbe", "bef4ecab320f06d8554ea6380940ec79", "bb300cfdad3c16e7a12a480ee83cd310")},
	{Name: "cifar-10", What: "60,000 photographs of 32×32 in 10 classes", Files: []File{{
		Name: "cifar-10-binary.tar.gz", URL: "https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz", Size: 170052171, Unpack: true,
		MD5: "c32a1d4ab5d03f1284b67883e8d87530", SHA256: "c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd",
	}}},
	{Name: "cifar-100", What: "60,000 photographs of 32×32 in 100 classes", Files: []File{{
		Name: "cifar-100-binary.tar.gz", URL: "https://www.cs.toronto.edu/~kriz/cifar-100-binary.tar.gz", Size: 168513733, Unpack: true,
		MD5: "03b5dce01913d631647c71ecec9e9cb8",
	}}},
	{Name: "cifar10-dvs", What: "10,000 recordings of CIFAR-10's images, 128×128", Files: cifar10DVS()},
	{Name: "imagenet", What: "1.3 million photographs in 1000 classes (ILSVRC 2012)", Files: []File{
		{Name: "ILSVRC2012_img_train.tar", MD5: "1d675b47d978889d74fa0da5fadfb00e"},
		{Name: "ILSVRC2012_img_val.tar", MD5: "29b22e2961454d5413ddabcf34fc5622"},
	}, Hand: "register at https://image-net.org, accept its terms of use, and download the archives of ILSVRC 2012, task 1 and 2; they need not be unpacked"},
	{Name: "n-mnist", What: "70,000 recordings of MNIST's images, 34×34", Files: []File{
		{Name: "Train.zip", MD5: "20959b8e626244a1b502305a9e6e2031", Unpack: true},
		{Name: "Test.zip", MD5: "69ca8762b2fe404d9b9bad1103e97832", Unpack: true},
	}, Hand: "download the two archives from https://www.garrickorchard.com/datasets/n-mnist"},
	{Name: "n-caltech101", What: "8,709 recordings of Caltech101's images, 180×240", Files: []File{
		{Name: "Caltech101.zip", MD5: "66201824eabb0239c7ab992480b50ba3", Unpack: true},
	}, Hand: "download the archive from https://www.garrickorchard.com/datasets/n-caltech101"},
	{Name: "dvs-gesture", What: "1,464 recordings of 11 gestures, 128×128", Files: []File{
		{Name: "DvsGesture.tar.gz", MD5: "8a5c71fb11e24e5ca5b11866ca6c00a1", Unpack: true},
	}, Hand: "download the archive by the link on https://research.ibm.com/interactive/dvsgesture"},
}

// idx are the four files of MNIST and its relatives.
func idx(base string, md5 ...string) (all []File) {
	for i, name := range []string{"train-images-idx3-ubyte.gz", "train-labels-idx1-ubyte.gz", "t10k-images-idx3-ubyte.gz", "t10k-labels-idx1-ubyte.gz"} {
		all = append(all, File{Name: name, URL: base + name, MD5: md5[i]})
	}
	return all
}

// cifar10DVS are the archives of CIFAR10-DVS at figshare, one for each class.
func cifar10DVS() (all []File) {
	for _, f := range []struct{ class, id, md5 string }{
		{"airplane", "7712788", "0afd5c4bf9ae06af762a77b180354fdd"}, {"automobile", "7712791", "8438dfeba3bc970c94962d995b1b9bdd"},
		{"bird", "7712794", "a9c207c91c55b9dc2002dc21c684d785"}, {"cat", "7712812", "52c63c677c2b15fa5146a8daf4d56687"},
		{"deer", "7712815", "b6bf21f6c04d21ba4e23fc3e36c8a4a3"}, {"dog", "7712818", "f379ebdf6703d16e0a690782e62639c3"},
		{"frog", "7712842", "cad6ed91214b1c7388a5f6ee56d08803"}, {"horse", "7712851", "e7cbbf77bec584ffbf913f00e682782a"},
		{"ship", "7712836", "41c7bd7d6b251be82557c6cce9a7d5c9"}, {"truck", "7712839", "89f3922fd147d9aeff89e76a2b0b70a7"},
	} {
		all = append(all, File{Name: f.class + ".zip", URL: "https://ndownloader.figshare.com/files/" + f.id, MD5: f.md5, Unpack: true})
	}
	return all
}

// Named returns the source of that name.
func Named(name string) (Source, error) {
	var names []string
	for _, s := range Sources {
		if s.Name == name {
			return s, nil
		}
		names = append(names, s.Name)
	}
	return Source{}, fmt.Errorf("unknown data set %q; known: %s", name, strings.Join(names, ", "))
}

// ByHand reports whether files have to be got by hand.
func (s Source) ByHand() bool { return s.Hand != "" }

// From returns the source with all files below another address, such as a mirror.
func (s Source) From(base string) Source {
	files := s.Files
	s.Files, s.Hand = nil, ""
	for _, f := range files {
		f.URL = strings.TrimSuffix(base, "/") + "/" + path.Base(f.Name)
		s.Files = append(s.Files, f)
	}
	return s
}
