package main

import (
	"math"
	"strconv"
	"strings"
	"time"
)

// lineBuffer builds lines of line protocol, one after the other. Within a line the
// calls come in the order table, tag..., field..., end.
type lineBuffer struct {
	text     []byte
	fields   int
	unsigned bool
}

// Escapes as the line protocol wants them: blanks and commas in table names, also
// equals signs in tags and field names, quotes and backslashes in strings.
var (
	tableEscaper  = strings.NewReplacer(`,`, `\,`, ` `, `\ `)
	keyEscaper    = strings.NewReplacer(`,`, `\,`, ` `, `\ `, `=`, `\=`)
	stringEscaper = strings.NewReplacer(`"`, `\"`, `\`, `\\`)
)

func (b *lineBuffer) table(name string) {
	b.text = append(b.text, tableEscaper.Replace(name)...)
	b.fields = 0
}

func (b *lineBuffer) tag(name, value string) {
	b.text = append(b.text, ',')
	b.text = append(b.text, keyEscaper.Replace(name)...)
	b.text = append(b.text, '=')
	b.text = append(b.text, keyEscaper.Replace(value)...)
}

func (b *lineBuffer) field(name string) {
	separator := byte(',')
	if b.fields == 0 {
		separator = ' '
	}
	b.fields++
	b.text = append(b.text, separator)
	b.text = append(b.text, keyEscaper.Replace(name)...)
	b.text = append(b.text, '=')
}

func (b *lineBuffer) float(name string, value float64) {
	b.field(name)
	b.text = strconv.AppendFloat(b.text, value, 'f', -1, 64)
}

// fixed writes a float as a sensor with so many decimals reports it.
func (b *lineBuffer) fixed(name string, value float64, decimals int) {
	scale := math.Pow10(decimals)
	b.float(name, math.Round(value*scale)/scale)
}

func (b *lineBuffer) integer(name string, value int64) {
	b.field(name)
	b.text = append(strconv.AppendInt(b.text, value, 10), 'i')
}

// counter writes a number that only grows; unsigned where that was asked for.
func (b *lineBuffer) counter(name string, value int64) {
	b.integer(name, value)
	if b.unsigned {
		b.text[len(b.text)-1] = 'u'
	}
}

func (b *lineBuffer) boolean(name string, value bool) {
	b.field(name)
	b.text = strconv.AppendBool(b.text, value)
}

func (b *lineBuffer) str(name, value string) {
	b.field(name)
	b.text = append(b.text, '"')
	b.text = append(b.text, stringEscaper.Replace(value)...)
	b.text = append(b.text, '"')
}

func (b *lineBuffer) end(at time.Time) {
	b.text = append(b.text, ' ')
	b.text = strconv.AppendInt(b.text, at.UnixNano(), 10)
	b.text = append(b.text, '\n')
}
