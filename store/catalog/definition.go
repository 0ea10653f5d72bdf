package catalog

import (
	"encoding/json"
	"fmt"
	"hash/crc32"
	"strings"

	"tarn/store/schema"
)

// A schema.Definition is kept as JSON behind its checksum, eight hex digits and a
// blank, so that damage is seen.

func encodeDefinition(d *schema.Definition) (string, error) {
	if d == nil {
		return "", nil
	}
	text, err := json.Marshal(d)
	if err != nil {
		return "", fmt.Errorf("encode the definition: %w", err)
	}
	return fmt.Sprintf("%08x %s", crc32.Checksum(text, castagnoli), text), nil
}

func decodeDefinition(s string) (*schema.Definition, error) {
	if s == "" {
		return nil, nil
	}
	sum, text, _ := strings.Cut(s, " ")
	if fmt.Sprintf("%08x", crc32.Checksum([]byte(text), castagnoli)) != sum {
		return nil, fmt.Errorf("%w: the checksum of its definition does not match", ErrCorrupt)
	}
	d := &schema.Definition{}
	if err := json.Unmarshal([]byte(text), d); err != nil {
		return nil, fmt.Errorf("%w: its definition: %w", ErrCorrupt, err)
	}
	return d, nil
}
