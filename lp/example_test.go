package lp_test

import (
	"fmt"
	"math"
	"strings"

	"tarn/lp"
)

func ExampleDecoder() {
	body := `# two rooms
home,room=Living\ room temp=71.5,on=t 1767225600
home,room=Kitchen temp=warm
home,room=Kitchen temp=72.0`

	d := lp.NewDecoder(strings.NewReader(body))
	for d.Next() {
		if bad := d.LineErr(); bad != nil {
			fmt.Println(bad)
			continue
		}
		line := d.Line()
		measurement, tags, bad := line.ParseKey() // or look line.Key up
		if bad != nil {
			fmt.Println(bad)
			continue
		}
		fmt.Printf("line %d: %s", line.Number, measurement)
		for _, t := range tags {
			fmt.Printf(" %s=%q", t.Key, t.Value)
		}
		for _, f := range line.Fields {
			switch f.Kind {
			case lp.Float:
				fmt.Printf(" %s=%g", f.Key, math.Float64frombits(f.Bits))
			case lp.Boolean:
				fmt.Printf(" %s=%t", f.Key, f.Bits == 1)
			}
		}
		if line.HasTime {
			ns, _ := lp.Second.ToNanos(line.Time)
			fmt.Printf(" at %d", ns)
		}
		fmt.Println()
	}
	if err := d.Err(); err != nil {
		fmt.Println(err)
	}
	// Output:
	// line 2: home room="Living room" temp=71.5 on=true at 1767225600000000000
	// line 3, column 24: No fields were provided
	// line 4: home room="Kitchen" temp=72
}
