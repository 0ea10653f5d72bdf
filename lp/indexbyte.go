//go:build !arm

package lp

import "bytes"

func indexByte(b []byte, c byte) int { return bytes.IndexByte(b, c) }
