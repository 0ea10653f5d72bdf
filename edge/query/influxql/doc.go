// Package influxql is the front-end of InfluxQL (spec/influxql.md): statements
// parsed by github.com/influxdata/influxql become the plan nodes that SQL uses,
// and the few that InfluxQL alone needs.
//
// A SELECT is bound once for each measurement that it reads, to a branch whose
// columns are the group tags, the time and the selected values, sorted by tags
// and time. The branches together are the statement; a subquery's branches are
// the tables of the query around it.
package influxql
