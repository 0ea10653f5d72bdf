package gate

import (
	"fmt"
	"net/http"
)

// Code is a GreptimeDB status code (spec/greptimedb-http-api.md section 0.7).
type Code int

// The codes that Tarn answers with.
const (
	Success                   Code = 0
	Unknown                   Code = 1000
	Unsupported               Code = 1001
	Unexpected                Code = 1002
	Internal                  Code = 1003
	InvalidArguments          Code = 1004
	Cancelled                 Code = 1005
	IllegalState              Code = 1006
	External                  Code = 1007
	DeadlineExceeded          Code = 1008
	Suspended                 Code = 1009
	InvalidSyntax             Code = 2000
	PlanQuery                 Code = 3000
	EngineExecuteQuery        Code = 3001
	TableAlreadyExists        Code = 4000
	TableNotFound             Code = 4001
	TableColumnNotFound       Code = 4002
	TableColumnExists         Code = 4003
	DatabaseNotFound          Code = 4004
	RegionNotFound            Code = 4005
	RegionBusy                Code = 4009
	TableUnavailable          Code = 4010
	DatabaseAlreadyExists     Code = 4011
	StorageUnavailable        Code = 5000
	RequestOutdated           Code = 5001
	RuntimeResourcesExhausted Code = 6000
	RateLimited               Code = 6001
	UserNotFound              Code = 7000
	UnsupportedPasswordType   Code = 7001
	UserPasswordMismatch      Code = 7002
	AuthHeaderNotFound        Code = 7003
	InvalidAuthHeader         Code = 7004
	AccessDenied              Code = 7005
	PermissionDenied          Code = 7006
	FlowAlreadyExists         Code = 8000
	FlowNotFound              Code = 8001
)

var codes = map[Code]struct {
	name   string
	status int
}{
	Success: {"Success", http.StatusOK}, Unknown: {"Unknown", http.StatusInternalServerError}, Unsupported: {"Unsupported", http.StatusBadRequest},
	Unexpected: {"Unexpected", http.StatusInternalServerError}, Internal: {"Internal", http.StatusInternalServerError},
	InvalidArguments: {"InvalidArguments", http.StatusBadRequest}, Cancelled: {"Cancelled", http.StatusGatewayTimeout},
	IllegalState: {"IllegalState", http.StatusInternalServerError}, External: {"External", http.StatusServiceUnavailable},
	DeadlineExceeded: {"DeadlineExceeded", http.StatusGatewayTimeout}, Suspended: {"Suspended", http.StatusServiceUnavailable},
	InvalidSyntax: {"InvalidSyntax", http.StatusBadRequest}, PlanQuery: {"PlanQuery", http.StatusBadRequest},
	EngineExecuteQuery: {"EngineExecuteQuery", http.StatusInternalServerError}, TableAlreadyExists: {"TableAlreadyExists", http.StatusBadRequest},
	TableNotFound: {"TableNotFound", http.StatusBadRequest}, TableColumnNotFound: {"TableColumnNotFound", http.StatusBadRequest},
	TableColumnExists: {"TableColumnExists", http.StatusBadRequest}, DatabaseNotFound: {"DatabaseNotFound", http.StatusBadRequest},
	RegionNotFound: {"RegionNotFound", http.StatusBadRequest}, RegionBusy: {"RegionBusy", http.StatusServiceUnavailable}, TableUnavailable: {"TableUnavailable", http.StatusServiceUnavailable},
	DatabaseAlreadyExists: {"DatabaseAlreadyExists", http.StatusBadRequest}, StorageUnavailable: {"StorageUnavailable", http.StatusServiceUnavailable},
	RequestOutdated: {"RequestOutdated", http.StatusBadRequest}, RuntimeResourcesExhausted: {"RuntimeResourcesExhausted", http.StatusInternalServerError},
	RateLimited: {"RateLimited", http.StatusTooManyRequests}, UserNotFound: {"UserNotFound", http.StatusUnauthorized},
	UnsupportedPasswordType: {"UnsupportedPasswordType", http.StatusUnauthorized}, UserPasswordMismatch: {"UserPasswordMismatch", http.StatusUnauthorized},
	AuthHeaderNotFound: {"AuthHeaderNotFound", http.StatusUnauthorized}, InvalidAuthHeader: {"InvalidAuthHeader", http.StatusUnauthorized},
	AccessDenied: {"AccessDenied", http.StatusForbidden}, PermissionDenied: {"PermissionDenied", http.StatusForbidden},
	FlowAlreadyExists: {"FlowAlreadyExists", http.StatusBadRequest}, FlowNotFound: {"FlowNotFound", http.StatusBadRequest},
}

// Status is the HTTP status that goes with a code.
func (c Code) Status() int {
	if e, ok := codes[c]; ok {
		return e.status
	}
	return http.StatusInternalServerError
}

// String is the code's name: errorType of shape C.
func (c Code) String() string {
	if e, ok := codes[c]; ok {
		return e.name
	}
	return fmt.Sprintf("Code(%d)", int(c))
}
