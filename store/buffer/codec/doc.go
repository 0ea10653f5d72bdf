// Package codec packs short stretches of numbers, up to Size of them, into few
// bytes, each stretch decodable alone.
//
// Integers are stored as offsets from a base or from the previous value,
// whichever is smaller, bit-packed, with the few that do not fit kept beside
// as exceptions. Floats that are decimal numbers of few digits are stored as
// integers (the idea of ALP, Afroozeh and Boncz, SIGMOD 2023); others as their
// bits. A stretch of equal or evenly spaced values costs a few bytes.
package codec

import "errors"

// Size is the largest number of values in a stretch.
const Size = 128

// Word is an integer that the codec stores: 64 bits, signed or not.
type Word interface{ ~int64 | ~uint64 }

// ErrCorrupt means that bytes are not what an Append function of this package
// made for that number of values.
var ErrCorrupt = errors.New("corrupt number encoding")

func zigzag(v uint64) uint64 { return v<<1 ^ uint64(int64(v)>>63) }

func unzigzag(u uint64) uint64 { return u>>1 ^ -(u & 1) }
