package event

import (
	"bytes"
	"encoding/binary"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"strconv"

	"github.com/klauspost/compress/zstd"
	"github.com/pierrec/lz4/v4"
)

const (
	aedat4Magic  = "#!AER-DAT4.0\r\n"
	aedat4Packet = 8  // bytes of a packet's header
	aedat4Size   = 16 // bytes of an event

	// Bounds on what a file may ask for at a time. Cameras' software writes
	// packets of a few milliseconds, far smaller than these.
	maxInfo   = 16 << 20 // bytes of the header
	maxPacket = 64 << 20 // bytes of a packet, unpacked
	maxWindow = 8 << 20  // bytes that zstd may refer back to; its levels up to 19 use no more
)

// compressions of the packets, as the header numbers them. The low and high
// levels are read alike.
var aedat4Compressions = map[int32]string{0: "none", 1: "lz4", 2: "lz4", 3: "zstd", 4: "zstd"}

// aedat4 decodes the packets of AEDAT 4.0 (iniVation's DV): a stream's number
// and a size, then so many bytes of compressed FlatBuffer. One packet is held at
// a time. Of several streams of events, that of the lowest number is read.
type aedat4 struct {
	stream      int32
	compression string
	end         int64  // of the packets in the file, or −1: the file's end
	events      []byte // of the present packet, not decoded yet
	at          int64  // offset of the packet in the file
	unpacked    bytes.Buffer
	lz4         *lz4.Reader
	zstd        *zstd.Decoder
}

// openAEDAT4 reads the header: a FlatBuffer with the compression, the end of the
// packets, and as XML what the streams are.
func openAEDAT4(r *Reader) (decoder, error) {
	b, err := r.src.peek(len(aedat4Magic) + 4)
	if err != nil {
		return nil, err
	}
	if len(b) < len(aedat4Magic)+4 || string(b[:len(aedat4Magic)]) != aedat4Magic {
		return nil, r.src.fail(-1, 0, "expected the line %q and the header's size, got % x", aedat4Magic, b)
	}
	size := int64(binary.LittleEndian.Uint32(b[len(aedat4Magic):]))
	r.src.advance(len(b))
	at := r.src.off
	if size > maxInfo {
		return nil, r.src.fail(-1, at, "the header has %d bytes, expected at most %d", size, maxInfo)
	}
	var buf bytes.Buffer
	var cut errCut
	switch _, err := buf.ReadFrom(&section{r.src, size}); {
	case errors.As(err, &cut):
		return nil, r.src.fail(-1, r.src.off, "%v", cut)
	case err != nil:
		return nil, r.src.broken(err)
	}
	d := new(aedat4)
	sensor, err := d.header(buf.Bytes())
	if err != nil {
		return nil, r.src.fail(-1, at, "%v", err)
	}
	if err := sensor.Validate(); err != nil && r.sensor == (Sensor{}) {
		return nil, r.src.fail(-1, at, "%v", err)
	}
	r.implied(sensor)
	return d, nil
}

// header takes what is needed from the header, and returns the sensor.
func (d *aedat4) header(buf []byte) (Sensor, error) {
	t, err := rootTable(buf, "IOHE")
	if err != nil {
		return Sensor{}, err
	}
	compression, err := t.int32(0, 0)
	if err != nil {
		return Sensor{}, err
	}
	name, ok := aedat4Compressions[compression]
	if !ok {
		return Sensor{}, fmt.Errorf("compression is %d, expected 0 to 4", compression)
	}
	d.compression = name
	if d.end, err = t.int64(1, -1); err != nil {
		return Sensor{}, err
	}
	info, err := t.vector(2, 1)
	if err != nil {
		return Sensor{}, err
	}
	return d.streams(info)
}

// dvNode is a node of DV's tree of settings.
type dvNode struct {
	Name  string   `xml:"name,attr"`
	Attrs []dvAttr `xml:"attr"`
	Nodes []dvNode `xml:"node"`
}

type dvAttr struct {
	Key   string `xml:"key,attr"`
	Value string `xml:",chardata"`
}

func (n dvNode) attr(key string) string {
	for _, a := range n.Attrs {
		if a.Key == key {
			return a.Value
		}
	}
	return ""
}

func (n dvNode) node(name string) dvNode {
	for _, c := range n.Nodes {
		if c.Name == name {
			return c
		}
	}
	return dvNode{}
}

// streams finds the stream of events and its sensor.
func (d *aedat4) streams(info []byte) (Sensor, error) {
	var root dvNode
	if err := xml.Unmarshal(info, &root); err != nil {
		return Sensor{}, fmt.Errorf("the description of streams: %w", err)
	}
	d.stream = -1
	var sensor Sensor
	for _, s := range root.node("outInfo").Nodes {
		id, err := strconv.ParseInt(s.Name, 10, 32)
		if err != nil || s.attr("typeIdentifier") != "EVTS" || d.stream >= 0 && int32(id) > d.stream {
			continue
		}
		d.stream = int32(id)
		w, _ := strconv.Atoi(s.node("info").attr("sizeX"))
		h, _ := strconv.Atoi(s.node("info").attr("sizeY"))
		sensor = Sensor{w, h}
	}
	if d.stream < 0 {
		return Sensor{}, fmt.Errorf("none of the file's streams holds events")
	}
	return sensor, nil
}

func (d *aedat4) decode(r *Reader, dst []Event) (n int, err error) {
	if len(d.events) == 0 {
		return 0, d.packet(r)
	}
	for n < len(dst) && len(d.events) > 0 {
		b := d.events[:aedat4Size]
		d.events = d.events[aedat4Size:]
		x, y := int16(binary.LittleEndian.Uint16(b[8:])), int16(binary.LittleEndian.Uint16(b[10:]))
		e := Event{
			T:  int64(binary.LittleEndian.Uint64(b)),
			X:  uint16(x), // negative ones become large: off any sensor
			Y:  uint16(y),
			On: b[12] != 0,
		}
		// Within a compressed packet there is no offset but the packet's.
		ok, err := r.admit(e, 0, d.at)
		if err != nil {
			return n, err
		}
		r.record++
		if ok {
			dst[n] = e
			n++
		}
	}
	return n, nil
}

// packet reads a packet, if it is one of events. Its header is needed to find
// the next packet and must make sense; content that cannot be unpacked may be
// skipped.
func (d *aedat4) packet(r *Reader) error {
	if d.end >= 0 && r.src.off >= d.end {
		return io.EOF
	}
	b, err := r.src.records(aedat4Packet, 1)
	if err != nil {
		return err
	}
	d.at = r.src.off
	stream, size := int32(binary.LittleEndian.Uint32(b)), int32(binary.LittleEndian.Uint32(b[4:]))
	if size < 0 || stream < 0 {
		return r.src.fail(r.record, d.at, "packet of stream %d with %d bytes, expected neither negative", stream, size)
	}
	r.src.advance(aedat4Packet)
	if stream != d.stream {
		return r.src.skip(int64(size))
	}
	body := &section{r.src, int64(size)}
	events, problem := d.unpack(body)
	if err := r.src.skip(body.left); err != nil {
		return err
	}
	if problem != nil {
		return r.bad(&r.skipped.Corrupt, 0, d.at, "packet of %d bytes: %v", size, problem)
	}
	d.events = events
	return nil
}

// unpack returns the events' bytes of a packet.
func (d *aedat4) unpack(body io.Reader) ([]byte, error) {
	plain, err := d.decompressor(body)
	if err != nil {
		return nil, err
	}
	d.unpacked.Reset()
	if _, err := d.unpacked.ReadFrom(io.LimitReader(plain, maxPacket+1)); err != nil {
		return nil, err
	}
	buf := d.unpacked.Bytes()
	switch {
	case len(buf) > maxPacket:
		return nil, fmt.Errorf("it unpacks to more than %d bytes", maxPacket)
	case len(buf) < 4 || int64(binary.LittleEndian.Uint32(buf)) != int64(len(buf)-4):
		return nil, fmt.Errorf("it unpacks to %d bytes that do not begin with their number", len(buf))
	}
	t, err := rootTable(buf[4:], "EVTS")
	if err != nil {
		return nil, err
	}
	return t.vector(0, aedat4Size)
}

// decompressor returns a reader of the packet's content.
func (d *aedat4) decompressor(body io.Reader) (io.Reader, error) {
	switch d.compression {
	case "lz4":
		if d.lz4 == nil {
			d.lz4 = lz4.NewReader(body)
		}
		d.lz4.Reset(body)
		return d.lz4, nil
	case "zstd":
		if d.zstd == nil {
			z, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true),
				zstd.WithDecoderMaxWindow(maxWindow), zstd.WithDecoderMaxMemory(maxPacket))
			if err != nil {
				return nil, err
			}
			d.zstd = z
		}
		return d.zstd, d.zstd.Reset(body)
	}
	return body, nil
}
