package pipeline

import "unsafe"

// arena is the memory of what one record makes: texts and members. It is used
// again for the next record, so nothing of it may be kept.
type arena struct {
	text    []byte
	members []Member
}

// maxKept bounds what a pooled arena holds on to: a freak record's memory goes
// back to the collector.
const maxKept = 1 << 20

func (a *arena) reset() {
	if cap(a.text) > maxKept {
		a.text = nil
	}
	if cap(a.members) > maxKept/int(unsafe.Sizeof(Member{})) {
		a.members = nil
	}
	a.text, a.members = a.text[:0], a.members[:0]
}

// forget drops what the members point to.
func (a *arena) forget() {
	clear(a.members[:cap(a.members)])
	a.reset()
}

// begin returns a buffer with room for some bytes; end makes a string of what
// was appended to it.
func (a *arena) begin(room int) []byte {
	if cap(a.text)-len(a.text) < room {
		a.text = make([]byte, 0, max(2*cap(a.text), room, 1024))
	}
	return a.text[len(a.text):]
}

// end makes a string of a buffer that came from begin, which may have grown
// out of the arena.
func (a *arena) end(b []byte) string {
	if len(b) == 0 {
		return ""
	}
	if have := len(a.text); len(b) <= cap(a.text)-have && unsafe.SliceData(b) == unsafe.SliceData(a.text[have:cap(a.text)]) {
		a.text = a.text[:have+len(b)]
	}
	return alias(b)
}

// copyOf keeps members that lie in scratch memory.
func (a *arena) copyOf(m []Member) []Member {
	if cap(a.members)-len(a.members) < len(m) {
		a.members = make([]Member, 0, max(2*cap(a.members), len(m), 32))
	}
	from := len(a.members)
	a.members = append(a.members, m...)
	return a.members[from:len(a.members):len(a.members)]
}

// alias makes a string of bytes without copying them.
func alias(b []byte) string { return unsafe.String(unsafe.SliceData(b), len(b)) }
