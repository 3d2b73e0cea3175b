package event

import (
	"errors"
	"fmt"
)

// Prepare says how a recording becomes frames: pixels that fire too often are
// left out, then noise, then the sensor is cropped, its pixels joined in blocks,
// and the rest is binned.
type Prepare struct {
	HotPixels  float64  `json:"hot_pixels,omitempty"` // events a second above which a pixel is broken; 0: none is
	Denoise    *Denoise `json:"denoise,omitempty"`
	Crop       *Rect    `json:"crop,omitempty"`
	Downsample int      `json:"downsample,omitempty"` // side of the blocks; 0 and 1: none
	Binning    Binning  `json:"binning"`
}

// A Rect is a rectangle of pixels: its corner of least coordinates and its size.
type Rect struct {
	X int `json:"x"`
	Y int `json:"y"`
	W int `json:"w"`
	H int `json:"h"`
}

// ParseRect reads a rectangle from its text form, x,y,w,h.
func ParseRect(text string) (Rect, error) {
	var r Rect
	if n, err := fmt.Sscanf(text+"\n", "%d,%d,%d,%d\n", &r.X, &r.Y, &r.W, &r.H); n != 4 || err != nil {
		return Rect{}, errors.New("expected a corner and a size, as in 16,16,96,96")
	}
	return r, nil
}

// Sensor returns the size of the frames made of recordings of a sensor.
func (p Prepare) Sensor(s Sensor) (Sensor, error) {
	out, err := p.Stream(Stream{Sensor: s})
	return out.Sensor, err
}

// Stream does all but the binning.
func (p Prepare) Stream(s Stream) (Stream, error) {
	var err error
	warp := func(w Warp, problem error) {
		if err == nil {
			err = problem
		}
		if err == nil {
			s, err = w.Stream(s)
		}
	}
	if p.HotPixels != 0 {
		warp(HotPixels(s, p.HotPixels))
	}
	if p.Denoise != nil && err == nil {
		s, err = p.Denoise.Stream(s)
	}
	if p.Crop != nil {
		warp(Crop(s.Sensor, p.Crop.X, p.Crop.Y, p.Crop.W, p.Crop.H))
	}
	if p.Downsample < 0 {
		return Stream{}, fmt.Errorf("blocks to join have a side of %d pixels, expected 0 or more", p.Downsample)
	}
	if p.Downsample > 1 {
		warp(Downsample(s.Sensor, p.Downsample, p.Downsample))
	}
	return s, err
}

// Frames does it all.
func (p Prepare) Frames(s Stream) (*Frames, error) {
	s, err := p.Stream(s)
	if err != nil {
		return nil, err
	}
	return p.Binning.Frames(s)
}
