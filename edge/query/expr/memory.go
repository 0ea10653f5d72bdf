package expr

import "tarn/store/column"

// Memory is the budget of a query, which a Context asks before its results
// grow (exec.Budget).
type Memory interface {
	// Reserve takes n bytes more, or fails; a negative n gives back.
	Reserve(n int64) error
}

const (
	// chargeStep is how much a Context holds before it asks the budget: usual
	// batches never do.
	chargeStep = 64 << 10
	// keptBytes is how large a batch's texts and lists may have been for their
	// memory to be used again; that of larger ones goes back.
	keptBytes = 1 << 20
	// writerChunk is how much text is gathered before it becomes a string.
	writerChunk = 64 << 10
)

// charge counts n bytes of text or of lists that results hold until Reset. It
// fails when the budget does not have them: kernels call it as they build, not
// when a whole batch is there.
func (c *Context) charge(n int) error {
	c.held += int64(n)
	if c.Memory == nil || c.held-c.reserved < chargeStep {
		return nil
	}
	if err := c.Memory.Reserve(c.held - c.reserved); err != nil {
		return err
	}
	c.reserved = c.held
	return nil
}

// fits fails when the budget does not have n bytes more: for the result of one
// row, before it is built.
func (c *Context) fits(n int) error {
	if c.Memory == nil || n < chargeStep {
		return nil
	}
	if err := c.Memory.Reserve(int64(n)); err != nil {
		return err
	}
	return c.Memory.Reserve(-int64(n))
}

// giveBack ends what charge began, and lets go of memory if it was much.
func (c *Context) giveBack() {
	if c.reserved > 0 {
		_ = c.Memory.Reserve(-c.reserved) // giving back cannot fail
	}
	if c.held > keptBytes {
		c.used, c.bytes = nil, nil
	}
	c.held, c.reserved = 0, 0
}

// Release gives back all that the context asked of the budget. Results are not
// valid any more.
func (c *Context) Release() {
	c.Reset()
	for _, m := range c.memos {
		m.reset(nil)
	}
}

// elements is how many values a vector has, those in lists and structs
// included.
func elements(v *column.Vector) int {
	n := v.Len
	for _, c := range v.Children {
		n += elements(c)
	}
	return n
}

// elementBytes is what an element of a list is counted as: that of a text, for
// whose characters whoever made them is charged.
const elementBytes = 16
