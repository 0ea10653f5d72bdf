package engine

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"strconv"
)

// A frame of the channel to the worker, both ways:
//
//	u32 BE  length of what follows
//	u8      codec of the message: 0 is JSON
//	u32 BE  length of the message
//	        message, then a blob: the body of a request or of its answer
//
// Numbers keep their types: a float always has a point or an exponent, and NaN
// and the infinities are written as Python's json module has them.
const (
	headerSize = 9
	codecJSON  = 0
	// maxFrame bounds what the worker may send at once.
	maxFrame = 16 << 20
)

// appendFrame appends a frame.
func appendFrame(dst, message, blob []byte) []byte {
	dst = binary.BigEndian.AppendUint32(dst, uint32(headerSize-4+len(message)+len(blob)))
	dst = append(dst, codecJSON)
	dst = binary.BigEndian.AppendUint32(dst, uint32(len(message)))
	dst = append(dst, message...)
	return append(dst, blob...)
}

// readFrame reads a frame. io.EOF is the end between two frames.
func readFrame(r io.Reader) (message, blob []byte, err error) {
	var head [headerSize]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return nil, nil, err
	}
	size, text := binary.BigEndian.Uint32(head[:]), binary.BigEndian.Uint32(head[5:])
	switch {
	case size < headerSize-4 || size > maxFrame:
		return nil, nil, fmt.Errorf("a frame of %d bytes", size)
	case head[4] != codecJSON:
		return nil, nil, fmt.Errorf("a frame of codec %d", head[4])
	case text > size-(headerSize-4):
		return nil, nil, fmt.Errorf("a message of %d bytes in a frame of %d", text, size)
	}
	body := make([]byte, size-(headerSize-4))
	if _, err := io.ReadFull(r, body); err != nil {
		return nil, nil, fmt.Errorf("a frame ends early: %w", err)
	}
	return body[:text:text], body[text:], nil
}

// message is what the worker sends; Op says which members count.
type message struct {
	Op  string `json:"op"`
	Inv uint64 `json:"inv"`
	ID  uint64 `json:"id"`

	// hello
	Proto      int    `json:"proto"`
	Python     []int  `json:"python"`
	Executable string `json:"executable"`
	Cookie     string `json:"cookie"`

	// log and out
	Level  string `json:"level"`
	Text   string `json:"text"`
	Stream string `json:"stream"`

	// query and write; without a database it is the trigger's
	SQL      string               `json:"sql"`
	Params   map[string][2]string `json:"params"`
	Database *string              `json:"db"`
	Lines    string               `json:"lp"`
	NoSync   bool                 `json:"no_sync"`

	// done
	Err       *string           `json:"err"`
	Traceback string            `json:"tb"`
	Raised    bool              `json:"raised"`
	Writes    [][2]*string      `json:"writes"`
	Status    int               `json:"status"`
	Headers   map[string]string `json:"headers"`
	Script    json.RawMessage   `json:"script"`
}

// appendFloat appends a float as the channel has it.
func appendFloat(dst []byte, f float64) []byte {
	switch {
	case math.IsNaN(f):
		return append(dst, "NaN"...)
	case math.IsInf(f, 1):
		return append(dst, "Infinity"...)
	case math.IsInf(f, -1):
		return append(dst, "-Infinity"...)
	}
	from := len(dst)
	dst = strconv.AppendFloat(dst, f, 'g', -1, 64)
	for _, c := range dst[from:] {
		if c == '.' || c == 'e' {
			return dst
		}
	}
	return append(dst, ".0"...)
}

// appendText appends a JSON string.
func appendText(dst []byte, s string) []byte {
	for i := range len(s) {
		if c := s[i]; c < 0x20 || c > 0x7e || c == '"' || c == '\\' {
			quoted, err := json.Marshal(s)
			if err != nil {
				panic("BUG: a string that is no JSON: " + err.Error())
			}
			return append(dst, quoted...)
		}
	}
	dst = append(dst, '"')
	dst = append(dst, s...)
	return append(dst, '"')
}

// appendBool appends a JSON boolean.
func appendBool(dst []byte, b bool) []byte { return strconv.AppendBool(dst, b) }

// parameter reads a query parameter, which the worker sends as type and text.
func parameter(p [2]string) (any, error) {
	switch p[0] {
	case "n":
		return nil, nil
	case "b":
		return p[1] == "1", nil
	case "i":
		if i, err := strconv.ParseInt(p[1], 10, 64); err == nil {
			return i, nil
		}
		return strconv.ParseUint(p[1], 10, 64)
	case "f":
		return strconv.ParseFloat(p[1], 64)
	case "s":
		return p[1], nil
	}
	return nil, fmt.Errorf("a parameter of type %q", p[0])
}
