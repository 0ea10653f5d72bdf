// Package piped takes log records through pipelines into rows of the store: what
// the log endpoints of all protocols share.
package piped
