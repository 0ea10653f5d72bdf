package upstream

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"
	"time"

	"tarn/store"
)

// objectKey is where a segment goes, below the prefix.
func objectKey(node string, f *store.SyncFile, sourceHash string) string {
	at := time.Unix(0, f.MinTime).UTC()
	return fmt.Sprintf("%s/%s/edge=%s/date=%s/%s-%d-%s.parquet", escape(f.Database), escape(f.Table), escape(node),
		dateOf(f.MinTime), stamp(at), f.MaxSeq, sourceHash[:16])
}

// dateOf is the UTC day of a time, which a segment does not leave.
func dateOf(t int64) string { return time.Unix(0, t).UTC().Format("2006-01-02") }

// stamp is a time to the nanosecond without signs that names do not like.
func stamp(t time.Time) string {
	return fmt.Sprintf("%s%09dZ", t.Format("20060102T150405"), t.Nanosecond())
}

// manifestKey is where a manifest lies, below the prefix.
func manifestKey(node string, number uint64) string {
	return fmt.Sprintf("%s%010d.json", manifestDir(node), number)
}

func manifestDir(node string) string { return "_manifest/" + escape(node) + "/" }

// maxName bounds a part of a key: file systems take 255 bytes, a key 1024.
const maxName = 180

// escape makes a name a part of a key as Hive does it: what is not a letter, a
// digit or one of ".-_" becomes %XX, and so does a leading dot or underscore,
// which readers of lakes pass over. A name that gets too long is cut, and ends
// in a hash of the whole.
func escape(name string) string {
	var b strings.Builder
	for i := range len(name) {
		switch c := name[i]; {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9', c == '-', i > 0 && (c == '.' || c == '_'):
			b.WriteByte(c)
		default:
			fmt.Fprintf(&b, "%%%02X", c)
		}
	}
	out := b.String()
	if len(out) > maxName {
		sum := sha256.Sum256([]byte(name))
		cut := out[:maxName-17]
		if i := strings.LastIndexByte(cut, '%'); i > len(cut)-3 {
			cut = cut[:i]
		}
		out = cut + "~" + hex.EncodeToString(sum[:8])
	}
	return out
}
