package pipeline

import "slices"

// Record is one log record: fields in order. The zero Record is empty.
type Record struct {
	fields []Member
	arena  arena
}

// Reset empties the record; values that came from it are gone.
func (r *Record) Reset() {
	r.fields = r.fields[:0]
	r.arena.reset()
}

// Forget empties the record and drops every reference to what it held.
func (r *Record) Forget() {
	clear(r.fields[:cap(r.fields)])
	r.fields = r.fields[:0]
	r.arena.forget()
}

// Fields are the record's fields. The slice is the record's own.
func (r *Record) Fields() []Member { return r.fields }

// Get finds a field, or nil.
func (r *Record) Get(name string) *Value {
	for i := range r.fields {
		if f := &r.fields[i]; f.Name == name {
			return &f.Value
		}
	}
	return nil
}

// Set gives a field a value.
func (r *Record) Set(name string, v Value) {
	if have := r.Get(name); have != nil {
		*have = v
		return
	}
	r.fields = append(r.fields, Member{name, v})
}

// Add appends a field that the record has not.
func (r *Record) Add(name string, v Value) { r.fields = append(r.fields, Member{name, v}) }

// Delete removes a field.
func (r *Record) Delete(name string) {
	if i := slices.IndexFunc(r.fields, func(m Member) bool { return m.Name == name }); i >= 0 {
		r.fields = slices.Delete(r.fields, i, i+1)
	}
}

// Members keeps members that lie in scratch memory as long as the record.
func (r *Record) Members(m []Member) []Member { return r.arena.copyOf(m) }

// Begin returns a buffer to append a text to; End makes a string of it that
// lives as long as the record.
func (r *Record) Begin(room int) []byte { return r.arena.begin(room) }

// End is Begin's.
func (r *Record) End(b []byte) string { return r.arena.end(b) }

// AppendJSON appends the record as a JSON object.
func (r *Record) AppendJSON(b []byte) []byte { return appendObject(b, r.fields) }
