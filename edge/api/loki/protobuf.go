package loki

import (
	"errors"
	"math"
	"strconv"
	"strings"

	"google.golang.org/protobuf/encoding/protowire"

	"tarn/edge/api/gate"
	"tarn/edge/ingest/piped"
)

var errTime = errors.New("the timestamp is out of range: times are between the years 1677 and 2262")

// protobuf reads a logproto.PushRequest (spec section 10.1). It is decoded by
// hand: Loki's package would bring its whole server and make an object of each
// entry.
func (p *push) protobuf(body []byte) error {
	err := piped.Fields(body, func(n protowire.Number, f piped.Wire) error {
		if n != 1 || f.Type != protowire.BytesType {
			return nil
		}
		return p.protoStream(f.Bytes)
	})
	if err != nil {
		return gate.Bad("Failed to decode Loki protobuf request: %w", err)
	}
	return nil
}

func (p *push) protoStream(b []byte) error {
	p.labels = p.labels[:0]
	// The labels come first, as every encoder writes them, but need not.
	err := piped.Fields(b, func(n protowire.Number, f piped.Wire) error {
		if n == 1 && f.Type == protowire.BytesType {
			p.parseLabels(piped.Text(f.Bytes))
		}
		return nil
	})
	if err != nil {
		return err
	}
	p.stream()
	return piped.Fields(b, func(n protowire.Number, f piped.Wire) error {
		if n != 2 || f.Type != protowire.BytesType {
			return nil
		}
		return p.protoEntry(f.Bytes)
	})
}

// protoEntry reads {timestamp=1 {seconds=1, nanos=2}, line=2,
// structuredMetadata=3}.
func (p *push) protoEntry(b []byte) error {
	var sec, nanos int64
	var line []byte
	p.metadata = p.metadata[:0]
	err := piped.Fields(b, func(n protowire.Number, f piped.Wire) error {
		if f.Type != protowire.BytesType {
			return nil
		}
		switch n {
		case 1:
			return piped.Fields(f.Bytes, func(n protowire.Number, f piped.Wire) error {
				switch {
				case n == 1 && f.Type == protowire.VarintType:
					sec = int64(f.Number)
				case n == 2 && f.Type == protowire.VarintType:
					nanos = int64(int32(f.Number))
				}
				return nil
			})
		case 2:
			line = f.Bytes
		case 3:
			var name, value []byte
			err := piped.Fields(f.Bytes, func(n protowire.Number, f piped.Wire) error {
				switch {
				case n == 1 && f.Type == protowire.BytesType:
					name = f.Bytes
				case n == 2 && f.Type == protowire.BytesType:
					value = f.Bytes
				}
				return nil
			})
			if len(p.metadata) < maxLabels {
				p.meta(piped.Text(name), piped.Text(value))
			}
			return err
		}
		return nil
	})
	if err != nil {
		return err
	}
	const most = math.MaxInt64/1_000_000_000 - 1
	if sec > most || sec < -most {
		p.batch.Refuse(errTime)
		return nil
	}
	p.entry(sec*1e9+nanos, piped.Text(line))
	return nil
}

// parseLabels reads {a="b", c="d"}. Of what is no such list no label is kept.
func (p *push) parseLabels(s string) {
	p.labels = p.labels[:0]
	s = strings.TrimSpace(s)
	if len(s) < 2 || s[0] != '{' || s[len(s)-1] != '}' {
		return
	}
	s = strings.TrimSpace(s[1 : len(s)-1])
	for s != "" {
		name, rest, ok := strings.Cut(s, "=")
		rest = strings.TrimLeft(rest, " \t")
		name = strings.TrimSpace(name)
		quoted, err := strconv.QuotedPrefix(rest)
		if !ok || name == "" || err != nil || quoted[0] == '\'' || len(p.labels) == maxLabels {
			p.labels = p.labels[:0]
			return
		}
		value, err := strconv.Unquote(quoted)
		if err != nil {
			p.labels = p.labels[:0]
			return
		}
		p.label(name, strings.ToValidUTF8(value, "\ufffd"))
		rest = strings.TrimLeft(rest[len(quoted):], " \t")
		if rest, ok = strings.CutPrefix(rest, ","); !ok && rest != "" {
			p.labels = p.labels[:0]
			return
		}
		s = strings.TrimLeft(rest, " \t")
	}
}
