package edge
import (
 _ "github.com/influxdata/line-protocol/v2/lineprotocol"
 _ "github.com/cockroachdb/datadriven"
)
