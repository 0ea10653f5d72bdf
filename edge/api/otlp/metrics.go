package otlp

import (
	"errors"
	"fmt"
	"math"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"google.golang.org/protobuf/encoding/protowire"

	"tarn/edge/api/gate"
	"tarn/edge/ingest"
	"tarn/edge/ingest/piped"
	"tarn/edge/pipeline"
	"tarn/store"
	rows "tarn/store/points"
)

// promoted are the resource attributes that become tags unless a header says
// otherwise.
var promoted = []string{
	"service.instance.id", "service.name", "service.namespace", "service.version", "cloud.availability_zone", "cloud.region", "container.name",
	"deployment.environment", "deployment.environment.name", "k8s.cluster.name", "k8s.container.name", "k8s.cronjob.name", "k8s.daemonset.name",
	"k8s.deployment.name", "k8s.job.name", "k8s.namespace.name", "k8s.pod.name", "k8s.replicaset.name", "k8s.statefulset.name",
}

// metricOptions are the headers of section 5.2.
type metricOptions struct {
	strategy        strategy
	all, scope      bool
	promote, ignore []string
}

func metricOptionsOf(r *http.Request) (o metricOptions, err error) {
	const prefix = "x-greptime-otlp-metric-"
	o.strategy, err = strategyOf(r)
	names := func(header string) (out []string) {
		for s := range strings.SplitSeq(r.Header.Get(prefix+header), ";") {
			if s = strings.TrimSpace(s); s != "" {
				out = append(out, s)
			}
		}
		return out
	}
	o.all, o.scope = truthy(r, prefix+"promote-all-resource-attrs"), truthy(r, prefix+"promote-scope-attrs")
	o.promote, o.ignore = names("promote-resource-attrs"), names("ignore-resource-attrs")
	return o, err
}

func (o *metricOptions) wants(resource string) bool {
	if o.all {
		return !slices.Contains(o.ignore, resource)
	}
	return slices.Contains(promoted, resource) || slices.Contains(o.promote, resource)
}

// metricLook is how a table looks that a metric makes.
var metricLook = ingest.Look{TimeName: pipeline.TimestampColumn, Unit: time.Millisecond}

// valueField is the field of metrics.
var valueField = []byte("greptime_value")

// metricWriter writes the points of a request.
type metricWriter struct {
	*scratch
	o      metricOptions
	rows   *ingest.Rows
	report report
	common int // tags of resource and scope
	used   int // of labels, by them
	look   ingest.Look
	attrs  []attribute
	table  string // of the current metric
}

func (a *API) metrics(r *http.Request, body []byte) (report, error) {
	o, err := metricOptionsOf(r)
	if err != nil {
		return report{}, err
	}
	db, err := a.WriteDatabase(r, "db")
	if err != nil {
		return report{}, err
	}
	hints, err := gate.Hints(r)
	if err != nil {
		return report{}, err
	}
	s := a.scratch()
	defer a.release(s)
	m := metricWriter{scratch: s, o: o, report: report{noun: "data points", signal: "metrics", database: db}, look: metricLook}
	m.look.Hint(hints)
	if m.rows, err = a.Writer.Rows(db, ingest.RowOptions{NoCreate: hints["auto_create_table"] == "false"}); err != nil {
		return report{}, err
	}
	defer m.rows.Close()
	err = s.scoped(body, func(c *around, items []byte) error {
		m.surroundings(c)
		return piped.Fields(items, func(n protowire.Number, f piped.Wire) error {
			if n != 2 || f.Type != protowire.BytesType {
				return nil
			}
			return m.metric(f.Bytes)
		})
	})
	if err != nil {
		return report{}, err
	}
	return m.report, m.rows.CommitLooks(r.Context(), store.WriteOptions{}, s.looks)
}

// surroundings begins the tags with those of resource and scope.
func (m *metricWriter) surroundings(c *around) {
	m.tags, m.labels = m.tags[:0], m.labels[:0]
	for i := range m.resource {
		if a := &m.resource[i]; m.o.wants(a.key) {
			m.tag("", a.key, a.value)
		}
	}
	for _, p := range [...][2]string{{"job", "service.name"}, {"instance", "service.instance.id"}} {
		if a := find(m.resource, p[1]); a != nil {
			m.tag("", p[0], a.value)
		}
	}
	if m.o.scope {
		m.textTag("otel_scope_name", c.scopeName)
		m.textTag("otel_scope_version", c.scopeVersion)
		m.textTag("otel_scope_schema_url", c.scopeSchema)
		for i := range m.scope {
			m.tag("otel_scope_", m.scope[i].key, m.scope[i].value)
		}
	}
	m.common, m.used = len(m.tags), len(m.labels)
}

// keep returns what was appended to labels since from. When labels grow, what
// older slices refer to stays.
func (m *metricWriter) keep(from int) []byte { return m.labels[from:len(m.labels):len(m.labels)] }

// tag adds a tag for an attribute that is a string or number; a name that there
// is already keeps its value.
func (m *metricWriter) tag(prefix, key string, value []byte) {
	at := len(m.labels)
	m.labels = append(m.labels, prefix...)
	m.labels = m.o.strategy.appendLabel(m.labels, key)
	m.addTag(at, func() bool {
		ok := false
		_ = piped.Fields(value, func(n protowire.Number, f piped.Wire) error {
			switch {
			case n == 1 && f.Type == protowire.BytesType:
				m.labels, ok = append(m.labels, piped.Text(f.Bytes)...), true
			case n == 3 && f.Type == protowire.VarintType:
				m.labels, ok = strconv.AppendInt(m.labels, int64(f.Number), 10), true
			case n == 4 && f.Type == protowire.Fixed64Type:
				m.labels, ok = strconv.AppendFloat(m.labels, math.Float64frombits(f.Number), 'g', -1, 64), true
			}
			return nil
		})
		return ok
	})
}

func (m *metricWriter) textTag(key, value string) {
	at := len(m.labels)
	m.labels = append(m.labels, key...)
	m.addTag(at, func() bool {
		m.labels = append(m.labels, value...)
		return true
	})
}

// addTag adds the tag whose name lies in labels from at on; value appends its
// value.
func (m *metricWriter) addTag(at int, value func() bool) {
	if string(m.labels[at:]) == "time" {
		m.labels = append(m.labels, '_')
	}
	name := m.keep(at)
	if len(name) == 0 || slices.ContainsFunc(m.tags, func(t rows.Tag) bool { return string(t.Key) == string(name) }) {
		m.labels = m.labels[:at]
		return
	}
	from := len(m.labels)
	if !value() {
		m.labels = m.labels[:at]
		return
	}
	m.tags = append(m.tags, rows.Tag{Key: name, Value: m.keep(from)})
}

// pointTags puts the tags of a point's attributes behind the common ones.
func (m *metricWriter) pointTags(b []byte, number protowire.Number) error {
	m.tags, m.labels = m.tags[:m.common], m.labels[:m.used]
	var err error
	if m.attrs, err = readAttributes(m.attrs[:0], b, number); err != nil {
		return err
	}
	for i := range m.attrs {
		m.tag("", m.attrs[i].key, m.attrs[i].value)
	}
	return nil
}

// begin begins a row with the current tags.
func (m *metricWriter) begin(suffix string, ns uint64, v float64) (*ingest.RowTable, error) {
	if ns > math.MaxInt64 {
		return nil, errTime
	}
	m.name = append(append(m.name[:0], m.table...), suffix...)
	t, err := m.rows.Table(m.name)
	if err != nil {
		return nil, err
	}
	if err := t.Series(nil, m.tags); err != nil {
		return nil, err
	}
	t.Row(int64(ns) / 1e6 * 1e6)
	t.Float(valueField, v)
	return t, nil
}

// put adds a row with the current tags.
func (m *metricWriter) put(suffix string, ns uint64, v float64) error {
	t, err := m.begin(suffix, ns, v)
	if err != nil {
		return err
	}
	if err := t.End(); err != nil {
		return err
	}
	if t.Schema() == nil {
		if _, ok := m.looks[t.Name()]; !ok {
			m.looks[t.Name()] = m.look
		}
	}
	return nil
}

var errTime = errors.New("the timestamp is out of range")

// Field numbers of Metric's kinds.
const (
	fieldGauge       = 5
	fieldSum         = 7
	fieldHistogram   = 9
	fieldExponential = 10
	fieldSummary     = 11
)

// metric writes the points of one Metric.
func (m *metricWriter) metric(b []byte) error {
	var name, unit string
	var data []byte
	var which protowire.Number
	err := piped.Fields(b, func(n protowire.Number, f piped.Wire) error {
		if f.Type != protowire.BytesType {
			return nil
		}
		switch n {
		case 1:
			name = piped.Text(f.Bytes)
		case 3:
			unit = piped.Text(f.Bytes)
		case fieldGauge, fieldSum, fieldHistogram, fieldExponential, fieldSummary:
			which, data = n, f.Bytes
		}
		return nil
	})
	if err != nil || which == 0 {
		return err
	}
	k := plain
	if which == fieldGauge {
		k = gauge
	}
	if which == fieldSum {
		err := piped.Fields(data, func(n protowire.Number, f piped.Wire) error {
			if n == 3 && f.Type == protowire.VarintType && f.Number != 0 {
				k = monotonic
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	m.table = m.o.strategy.metricName(name, unit, k)
	return piped.Fields(data, func(n protowire.Number, f piped.Wire) error {
		if n != 1 || f.Type != protowire.BytesType {
			return nil
		}
		return m.point(which, f.Bytes)
	})
}

// noValue is the flag of a point that says that there is no value.
const noValue = 1

// point writes one point, or counts it as rejected. The error is a message
// that is no protobuf.
func (m *metricWriter) point(which protowire.Number, b []byte) error {
	attributes := protowire.Number(7)
	switch which {
	case fieldHistogram:
		attributes = 9
	case fieldExponential:
		attributes = 1
	}
	if err := m.pointTags(b, attributes); err != nil {
		return err
	}
	var err error
	switch which {
	case fieldGauge, fieldSum:
		err = m.number(b)
	case fieldHistogram:
		err = m.histogram(b)
	case fieldExponential:
		err = m.exponential(b)
	case fieldSummary:
		err = m.summary(b)
	}
	switch {
	case errors.Is(err, piped.ErrWire):
		return err
	case err != nil:
		m.report.reject(1, err)
	default:
		m.report.accepted++
	}
	return nil
}

func (m *metricWriter) number(b []byte) error {
	var ns, flags uint64
	var v float64
	err := piped.Fields(b, func(n protowire.Number, f piped.Wire) error {
		switch {
		case n == 3 && f.Type == protowire.Fixed64Type:
			ns = f.Number
		case n == 4 && f.Type == protowire.Fixed64Type:
			v = math.Float64frombits(f.Number)
		case n == 6 && f.Type == protowire.Fixed64Type:
			v = float64(int64(f.Number))
		case n == 8 && f.Type == protowire.VarintType:
			flags = f.Number
		}
		return nil
	})
	if err != nil || flags&noValue != 0 {
		return err
	}
	return m.put("", ns, v)
}

// withTag runs fn with one tag more.
func (m *metricWriter) withTag(name string, value float64, fn func() error) error {
	tags, labels := len(m.tags), len(m.labels)
	at := len(m.labels)
	m.labels = append(m.labels, name...)
	key := m.keep(at)
	from := len(m.labels)
	if math.IsInf(value, 1) {
		m.labels = append(m.labels, "inf"...) // as upstream writes it; queries take +Inf, too
	} else {
		m.labels = strconv.AppendFloat(m.labels, value, 'f', -1, 64)
	}
	m.tags = append(m.tags, rows.Tag{Key: key, Value: m.keep(from)})
	err := fn()
	m.tags, m.labels = m.tags[:tags], m.labels[:labels]
	return err
}

// distribution is what all histograms and summaries have.
type distribution struct {
	ns, count, flags uint64
	sum              float64
	hasSum           bool
}

// read reads a field of the distribution.
func (d *distribution) read(n protowire.Number, f piped.Wire, flags protowire.Number) {
	switch {
	case n == 3 && f.Type == protowire.Fixed64Type:
		d.ns = f.Number
	case n == 4 && f.Type == protowire.Fixed64Type:
		d.count = f.Number
	case n == 5 && f.Type == protowire.Fixed64Type:
		d.sum, d.hasSum = math.Float64frombits(f.Number), true
	case n == flags && f.Type == protowire.VarintType:
		d.flags = f.Number
	}
}

// fits says whether all rows of a distribution can be written, before any of them
// is: those of parts have a tag more and go to the table with a suffix.
func (m *metricWriter) fits(d *distribution, parts bool, suffix, tag string) error {
	m.tables = m.tables[:0]
	begin := func(suffix string) error {
		t, err := m.begin(suffix, d.ns, 0)
		m.tables = append(m.tables, t)
		return err
	}
	if parts {
		if err := m.withTag(tag, 0, func() error { return begin(suffix) }); err != nil {
			return err
		}
	}
	if d.hasSum {
		if err := begin("_sum"); err != nil {
			return err
		}
	}
	if err := begin("_count"); err != nil {
		return err
	}
	return m.rows.Check(m.tables)
}

// putTotals writes _sum and _count.
func (m *metricWriter) putTotals(d *distribution) error {
	if d.hasSum {
		if err := m.put("_sum", d.ns, d.sum); err != nil {
			return err
		}
	}
	return m.put("_count", d.ns, float64(d.count))
}

// maxBuckets bounds the buckets of a histogram: each is a series.
const maxBuckets = 1000

func (m *metricWriter) histogram(b []byte) error {
	var d distribution
	m.counts, m.bounds = m.counts[:0], m.bounds[:0]
	err := piped.Fields(b, func(n protowire.Number, f piped.Wire) error {
		switch n {
		case 6:
			return eachFixed(f, func(v uint64) { m.counts = append(m.counts, v) })
		case 7:
			return eachFixed(f, func(v uint64) { m.bounds = append(m.bounds, math.Float64frombits(v)) })
		}
		d.read(n, f, 10)
		return nil
	})
	switch {
	case err != nil || d.flags&noValue != 0:
		return err
	case len(m.counts) > maxBuckets:
		return fmt.Errorf("a histogram of more than %d buckets", maxBuckets)
	case len(m.counts) > 0 && len(m.counts) != len(m.bounds)+1:
		return fmt.Errorf("a histogram of %d buckets with %d bounds", len(m.counts), len(m.bounds))
	}
	if err := m.fits(&d, len(m.counts) > 0, "_bucket", "le"); err != nil {
		return err
	}
	total := uint64(0)
	for i, n := range m.counts {
		total += n
		bound := math.Inf(1)
		if i < len(m.bounds) {
			bound = m.bounds[i]
		}
		if err := m.withTag("le", bound, func() error { return m.put("_bucket", d.ns, float64(total)) }); err != nil {
			return err
		}
	}
	return m.putTotals(&d)
}

// eachFixed calls fn for the values of a repeated fixed64, packed or not.
func eachFixed(f piped.Wire, fn func(uint64)) error {
	switch f.Type {
	case protowire.Fixed64Type:
		fn(f.Number)
	case protowire.BytesType:
		if len(f.Bytes)%8 != 0 {
			return piped.ErrWire
		}
		for b := f.Bytes; len(b) > 0; b = b[8:] {
			v, _ := protowire.ConsumeFixed64(b)
			fn(v)
		}
	}
	return nil
}

func (m *metricWriter) summary(b []byte) error {
	var d distribution
	quantiles := 0
	err := piped.Fields(b, func(n protowire.Number, f piped.Wire) error {
		if n == 6 {
			quantiles++
		}
		d.read(n, f, 8)
		return nil
	})
	switch {
	case err != nil || d.flags&noValue != 0:
		return err
	case quantiles > maxBuckets:
		return fmt.Errorf("a summary of more than %d quantiles", maxBuckets)
	}
	d.hasSum = true // a summary always has one
	if err := m.fits(&d, quantiles > 0, "", "quantile"); err != nil {
		return err
	}
	err = piped.Fields(b, func(n protowire.Number, f piped.Wire) error {
		if n != 6 || f.Type != protowire.BytesType {
			return nil
		}
		var quantile, value float64
		err := piped.Fields(f.Bytes, func(n protowire.Number, f piped.Wire) error {
			switch {
			case n == 1 && f.Type == protowire.Fixed64Type:
				quantile = math.Float64frombits(f.Number)
			case n == 2 && f.Type == protowire.Fixed64Type:
				value = math.Float64frombits(f.Number)
			}
			return nil
		})
		if err != nil {
			return err
		}
		return m.withTag("quantile", quantile, func() error { return m.put("", d.ns, value) })
	})
	if err != nil {
		return err
	}
	return m.putTotals(&d)
}
