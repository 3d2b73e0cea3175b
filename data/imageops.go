package data

import "math"

// beyond is the grey that comes in where an image is moved, as the ports of
// AutoAugment have it.
const beyond = 128

// variation changes an image [h, w, c] of one or three channels in place. Its
// operations are those of the Python library Pillow, to the byte: blends cut off
// fractions, and what moves pixels takes the nearest.
type variation struct {
	img, spare []byte
	h, w, c    int
}

// apply makes one change; what the magnitude means depends on the operation.
func (v *variation) apply(o operation, magnitude float64) {
	switch o {
	case shearX:
		v.affine(1, magnitude, 0, 0, 1, 0)
	case shearY:
		v.affine(1, 0, 0, magnitude, 1, 0)
	case translateX:
		v.affine(1, 0, magnitude, 0, 1, 0)
	case translateY:
		v.affine(1, 0, 0, 0, 1, magnitude)
	case rotation:
		v.rotate(magnitude)
	case brightening:
		v.blend(func(int) byte { return 0 }, magnitude)
	case saturation:
		v.saturate(magnitude)
	case contrast:
		grey := v.meanGrey()
		v.blend(func(int) byte { return grey }, magnitude)
	case sharpness:
		v.sharpen(magnitude)
	case posterize:
		mask := byte(0xff << (8 - int(magnitude)))
		v.each(func(p byte) byte { return p & mask })
	case solarize:
		v.each(func(p byte) byte {
			if float64(p) < magnitude {
				return p
			}
			return 255 - p
		})
	case invert:
		v.each(func(p byte) byte { return 255 - p })
	case autoContrast:
		v.eachChannel(stretched)
	case equalize:
		v.eachChannel(equalized)
	}
}

// each changes every byte.
func (v *variation) each(f func(byte) byte) {
	for i, p := range v.img {
		v.img[i] = f(p)
	}
}

// affine has pixel (x, y) show what was at (a·x + b·y + c, d·x + e·y + f), all
// taken at the pixels' centres, in steps of 2⁻¹⁶ pixel: whole numbers decide ties
// alike on every processor.
func (v *variation) affine(a, b, c, d, e, f float64) {
	copy(v.spare, v.img)
	ax, bx, ay, by := fixed(a), fixed(b), fixed(d), fixed(e)
	ox, oy := fixed(c+(a+b)/2), fixed(f+(d+e)/2)
	for y := range v.h {
		for x := range v.w {
			sx, sy := (ox+x*ax+y*bx)>>16, (oy+x*ay+y*by)>>16
			to := v.img[(y*v.w+x)*v.c:][:v.c]
			if sx >= 0 && sx < v.w && sy >= 0 && sy < v.h {
				copy(to, v.spare[(sy*v.w+sx)*v.c:])
				continue
			}
			for k := range to {
				to[k] = beyond
			}
		}
	}
}

// fixed is a number in units of 2⁻¹⁶, rounded.
func fixed(v float64) int { return int(math.Floor(v*65536 + .5)) }

// rotate turns the image about its centre, counter-clockwise by so many degrees.
func (v *variation) rotate(degrees float64) {
	sin, cos := math.Sincos(-degrees * math.Pi / 180)
	cx, cy := float64(v.w)/2, float64(v.h)/2
	v.affine(cos, sin, cx-cos*cx-sin*cy, -sin, cos, cy+sin*cx-cos*cy)
}

// blend moves each byte from that of a degraded image, at factor 0, to its own,
// at 1, and beyond.
func (v *variation) blend(degraded func(i int) byte, factor float64) {
	for i, p := range v.img {
		d := float32(degraded(i))
		step := float32(float32(factor) * (float32(p) - d)) // rounded, which keeps processors from fusing it
		v.img[i] = byte(min(max(d+step, 0), 255))
	}
}

// grey is the luma of ITU-R 601-2 of the pixel that holds byte i.
func (v *variation) grey(i int) byte {
	if v.c == 1 {
		return v.img[i]
	}
	p := v.img[i/3*3:][:3]
	return byte((uint32(p[0])*19595 + uint32(p[1])*38470 + uint32(p[2])*7471 + 0x8000) >> 16)
}

// meanGrey is the mean luma, rounded.
func (v *variation) meanGrey() byte {
	sum := 0
	for i := 0; i < len(v.img); i += v.c {
		sum += int(v.grey(i))
	}
	return byte(float64(sum)/float64(v.h*v.w) + .5)
}

// saturate blends each pixel with its luma.
func (v *variation) saturate(factor float64) {
	for i := 0; i < len(v.img); i += v.c {
		grey := v.grey(i)
		pixel := variation{img: v.img[i:][:v.c]}
		pixel.blend(func(int) byte { return grey }, factor)
	}
}

// sharpen blends the image with one smoothed by the mean of each pixel, weighted
// by 5, and its eight neighbours. The border stays.
func (v *variation) sharpen(factor float64) {
	copy(v.spare, v.img)
	row := v.w * v.c
	for y := 1; y < v.h-1; y++ {
		for i := y*row + v.c; i < (y+1)*row-v.c; i++ {
			sum := 4 * int(v.img[i])
			for dy := -row; dy <= row; dy += row {
				sum += int(v.img[i+dy-v.c]) + int(v.img[i+dy]) + int(v.img[i+dy+v.c])
			}
			v.spare[i] = byte((2*sum + 13) / 26) // sum/13, rounded
		}
	}
	v.blend(func(i int) byte { return v.spare[i] }, factor)
}

// eachChannel replaces the bytes of each channel by a table made of its histogram.
func (v *variation) eachChannel(table func(*[256]int) [256]byte) {
	for k := range v.c {
		var counts [256]int
		for i := k; i < len(v.img); i += v.c {
			counts[v.img[i]]++
		}
		to := table(&counts)
		for i := k; i < len(v.img); i += v.c {
			v.img[i] = to[v.img[i]]
		}
	}
}

// unchanged is the table that keeps every byte.
func unchanged() (to [256]byte) {
	for i := range to {
		to[i] = byte(i)
	}
	return to
}

// stretched makes the darkest byte 0 and the brightest 255.
func stretched(counts *[256]int) [256]byte {
	to := unchanged()
	lo, hi := extent(counts)
	if hi <= lo {
		return to
	}
	scale := 255 / float64(hi-lo)
	offset := float64(float64(lo) * scale)
	for i := lo; i <= hi; i++ {
		to[i] = byte(min(max(float64(float64(i)*scale)-offset, 0), 255))
	}
	return to
}

// equalized spreads bytes so that they are about equally frequent.
func equalized(counts *[256]int) [256]byte {
	to := unchanged()
	lo, hi := extent(counts)
	total := 0
	for _, n := range counts {
		total += n
	}
	step := (total - counts[hi]) / 255
	if hi <= lo || step == 0 {
		return to
	}
	n := step / 2
	for i := range to {
		to[i] = byte(min(n/step, 255))
		n += counts[i]
	}
	return to
}

// extent is the least and the greatest byte that occur.
func extent(counts *[256]int) (lo, hi int) {
	lo, hi = 255, 0
	for i, n := range counts {
		if n > 0 {
			lo, hi = min(lo, i), max(hi, i)
		}
	}
	return lo, hi
}
