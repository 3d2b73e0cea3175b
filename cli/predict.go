package cli

import (
	"fmt"
	"image"
	_ "image/jpeg" // registers the decoder
	_ "image/png"  // registers the decoder
	"os"
	"sort"

	"github.com/spf13/cobra"
	"golang.org/x/image/draw"

	"github.com/qif-snn/qif/event"
	"github.com/qif-snn/qif/recipe"
	"github.com/qif-snn/qif/train"
)

// maxPixels bounds what predict decodes: a small file can declare a huge image.
const maxPixels = 1 << 26

// prediction is one image's outcome.
type prediction struct {
	Image         string             `json:"image"`
	Class         string             `json:"class"`
	Probability   float64            `json:"probability"`
	Probabilities map[string]float64 `json:"probabilities"`
	Steps         int                `json:"steps"` // that it took
}

func newPredict() *cobra.Command {
	var asJSON, resize, invert bool
	var top int
	var margin float64
	cmd := &cobra.Command{
		Use:   "predict CHECKPOINT IMAGE|RECORDING...",
		Short: "Classify PNG or JPEG images, or recordings of event cameras",
		Example: `  qif predict runs/fashion-tiny-qif-seed1 boot.png
  qif predict runs/fashion-tiny-qif-seed1 *.jpg --resize --invert --json
  qif predict checkpoint.safetensors boot.png --steps 8 --early-exit .9   # no more steps than it takes
  qif predict runs/fashion-dvs-qif-seed1 N-MNIST/Test/9/00001.bin`,
		Long: `Predict prints class probabilities for each image. Images must have the size
that the network takes; --resize scales them. Fashion-MNIST shows light clothes
on black: use --invert for photographs on white. A network that was trained on
moving images or on rows is shown them so. One that was trained on events takes
recordings.`,
		Args: args(cobra.MinimumNArgs(2)),
	}
	flags := recipe.NewFlags(cmd.Flags(), "steps", "precision", "threads")
	showDefaults(cmd, "as the run had it")
	f := cmd.Flags()
	f.BoolVar(&resize, "resize", false, "scale images to the network's size")
	f.BoolVar(&invert, "invert", false, "exchange light and dark")
	f.IntVar(&top, "top", 3, "classes to print per image")
	var format event.Format
	f.TextVar(&format, "format", event.Auto, "recordings: file `format`, where the file does not tell it, as n-caltech101")
	addMargin(cmd, &margin)
	f.BoolVar(&asJSON, "json", false, "print a JSON array with all probabilities")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if top < 1 {
			return usagef("--top is %d, expected at least 1", top)
		}
		if err := checkMargin(cmd, margin); err != nil {
			return err
		}
		if err := checked(flags); err != nil {
			return err
		}
		c, err := train.ReadCheckpoint(args[0])
		if err != nil {
			return err
		}
		p, err := train.NewPredictor(c, applied(flags))
		if err != nil {
			return fmt.Errorf("%s: %w", args[0], err)
		}
		defer p.Close()
		if p.TakesRecordings() && (resize || invert) {
			return usagef("--resize and --invert are for images, the network was trained on events")
		}
		out := []prediction{}
		for _, path := range args[1:] {
			found, err := classify(p, path, format, resize, invert, margin)
			if err != nil {
				return err
			}
			pr := newPrediction(path, c.Classes, found)
			if out = append(out, pr); asJSON {
				continue
			}
			line := pr.line(top)
			if margin != 0 {
				line += fmt.Sprintf(" (t = %d)", pr.Steps)
			}
			fmt.Fprintln(cmd.OutOrStdout(), line)
		}
		if asJSON {
			return printJSON(cmd.OutOrStdout(), out)
		}
		return nil
	}
	return cmd
}

// classify classifies what a file holds: an image, or a recording where the network
// takes those.
func classify(p *train.Predictor, path string, format event.Format, resize, invert bool, margin float64) (train.Prediction, error) {
	if p.TakesRecordings() {
		return p.PredictRecording(path, format, margin)
	}
	img, err := readImage(path, p, resize, invert)
	if err != nil {
		return train.Prediction{}, err
	}
	found, err := p.Predict(img, margin)
	if err != nil {
		return found, fmt.Errorf("%s: %w", path, err)
	}
	return found, nil
}

func newPrediction(path string, classes []string, from train.Prediction) prediction {
	p := prediction{Image: path, Probabilities: map[string]float64{}, Steps: from.Steps}
	for k, v := range from.Probabilities {
		p.Probabilities[classes[k]] = v
		if p.Class == "" || v > p.Probability {
			p.Class, p.Probability = classes[k], v
		}
	}
	return p
}

// line is the prediction with its most probable classes.
func (p prediction) line(top int) string {
	names := make([]string, 0, len(p.Probabilities))
	for n := range p.Probabilities {
		names = append(names, n)
	}
	sort.Slice(names, func(i, j int) bool {
		a, b := p.Probabilities[names[i]], p.Probabilities[names[j]]
		return a > b || a == b && names[i] < names[j]
	})
	s := p.Image + ":"
	for i, n := range names[:min(top, len(names))] {
		if i > 0 {
			s += ","
		}
		s += fmt.Sprintf(" %s %.1f %%", n, 100*p.Probabilities[n])
	}
	return s
}

// readImage decodes a file, refusing absurd sizes before it allocates.
func readImage(path string, p *train.Predictor, resize, invert bool) (image.Image, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	cfg, _, err := image.DecodeConfig(f)
	if err != nil {
		return nil, fmt.Errorf("%s: not a PNG or JPEG image: %w", path, err)
	}
	if cfg.Width*cfg.Height > maxPixels {
		return nil, fmt.Errorf("%s: %d×%d pixels are too many", path, cfg.Height, cfg.Width)
	}
	if _, err := f.Seek(0, 0); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	img, _, err := image.Decode(f)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	h, w := p.Size()
	if b := img.Bounds(); b.Dy() != h || b.Dx() != w {
		if !resize {
			return nil, fmt.Errorf("%s: %d×%d pixels (height × width), the network takes %d×%d; --resize scales it", path, b.Dy(), b.Dx(), h, w)
		}
		small := image.NewNRGBA(image.Rect(0, 0, w, h))
		draw.CatmullRom.Scale(small, small.Bounds(), img, b, draw.Src, nil)
		img = small
	}
	if invert {
		img = inverted(img)
	}
	return img, nil
}

func inverted(img image.Image) image.Image {
	b := img.Bounds()
	out := image.NewNRGBA(b)
	draw.Draw(out, b, img, b.Min, draw.Src)
	for i := range out.Pix {
		if i%4 != 3 { // alpha stays
			out.Pix[i] = 255 - out.Pix[i]
		}
	}
	return out
}
