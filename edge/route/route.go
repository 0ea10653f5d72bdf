// Package route defines the table that drives the router, authentication,
// metrics labels and the test that every documented route exists.
package route

import (
	"net/http"

	"tarn/edge/auth"
)

// Route is one endpoint.
type Route struct {
	Method string
	// Path is a pattern of httprouter: ":name" for a segment, "*name" for the
	// rest.
	Path string
	// Family is the protocol family, whose error shape applies.
	Family string
	Auth   auth.Need
	Handle http.HandlerFunc
	// When says which requests the route is for, nil for all: others get what
	// they would get without it.
	When func(*http.Request) bool
	// Open says which requests need no token whatever Auth says, nil for none.
	Open func(*http.Request) bool
}
