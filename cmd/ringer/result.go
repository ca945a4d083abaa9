package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/urfave/cli/v2"

	"ringer/replay"
)

// finishReplay prints the report, writes the files that were asked for, and gives the verdict.
func finishReplay(c *cli.Context, name string, r *replay.Report, accept *replay.Accept) error {
	if accept != nil {
		for _, line := range accept.Unused() {
			warn(c, "%s, %s: no longer differs; the line can go", c.String("accept"), line)
		}
	}
	for _, w := range r.Warnings {
		warn(c, "%s", w)
	}
	failures := r.Failures()
	if c.Bool("json") {
		if err := printJSON(c, struct {
			Recording string     `json:"recording"`
			Failures  []string   `json:"failures"`
			Total     replay.Row `json:"total"`
			*replay.Report
		}{name, append([]string{}, failures...), r.Total(), r}); err != nil {
			return err
		}
	} else if err := printReport(c, r); err != nil {
		return err
	}
	if file := c.String("junit"); file != "" {
		if err := writeTo(c, file, func(w io.Writer) error { return r.WriteJUnit(w, name) }); err != nil {
			return err
		}
	}
	if file := c.String("write-accept"); file != "" {
		if err := writeTo(c, file, func(w io.Writer) error { return replay.WriteAccept(w, r.Differences) }); err != nil {
			return err
		}
		if r.Omitted > 0 {
			warn(c, "%s: %s more differences were not kept, and are not in it", file, count(r.Omitted))
		}
	}
	if len(failures) > 0 {
		return differs("%s: %s", name, strings.Join(failures, "; "))
	}
	if c.Context.Err() != nil {
		return differs("%s: interrupted", name)
	}
	return nil
}

// writeTo writes a file, or standard output if its name is "-".
func writeTo(c *cli.Context, name string, write func(io.Writer) error) error {
	if name == "-" {
		return write(c.App.Writer)
	}
	f, err := os.Create(name)
	if err != nil {
		return err
	}
	return errors.Join(write(f), f.Close())
}

func printReport(c *cli.Context, r *replay.Report) error {
	w := c.App.Writer
	devices := map[string]bool{}
	for _, row := range r.Rows {
		devices[row.Device] = true
	}
	t := newTable("protocol", "request", ">asked", ">equal", ">masked", ">differ", ">no answer", ">accepted",
		">withheld", ">lost", ">unsaid")
	times := newTable("protocol", "answer times", ">p50 was", ">now", ">p99 was", ">now")
	total := r.Total()
	total.Class = "total"
	for _, row := range append(byClass(r), total) {
		class := cut(row.Class, 30)
		t.add(row.Protocol, class, count(row.Asked), count(row.Equal), count(row.Masked), count(row.Different), count(row.NoAnswer),
			count(row.Accepted), count(row.Withheld), count(row.Lost), count(row.Unsaid))
		if row.Measured.P50 > 0 {
			times.add(row.Protocol, class, short(row.Recorded.P50), short(row.Measured.P50), short(row.Recorded.P99), short(row.Measured.P99))
		}
	}
	if err := t.without("masked", "no answer", "accepted", "withheld", "lost", "unsaid").print(w); err != nil {
		return err
	}
	if len(times.rows) > 0 {
		fmt.Fprintln(w)
		if err := times.print(w); err != nil {
			return err
		}
	}
	if len(r.Masks) > 0 {
		fmt.Fprintf(w, "\nmasked (%.1f %% of the %s fields outside headers):\n", r.MaskedShare()*100, count(r.Fields))
		t := newTable("protocol", "field", "why", ">times")
		shown := r.Masks
		if len(shown) > masksShown {
			shown = shown[:masksShown]
		}
		for _, m := range shown {
			t.add(m.Protocol, cut(m.Path, 44), m.Why, count(m.Count))
		}
		if err := t.print(w); err != nil {
			return err
		}
		if n := len(r.Masks) - len(shown); n > 0 {
			fmt.Fprintf(w, "and %s; --json lists them\n", plural(n, "field more", "fields more"))
		}
	}
	printDifferences(c, w, r, len(devices) > 1)
	return nil
}

const masksShown = 12

// byClass adds the rows of several devices up.
func byClass(r *replay.Report) []replay.Row {
	var out []replay.Row
	index := map[[2]string]int{}
	for _, row := range r.Rows {
		k := [2]string{row.Protocol, row.Class}
		i, ok := index[k]
		if !ok {
			i = len(out)
			index[k] = i
			out = append(out, replay.Row{Protocol: row.Protocol, Class: row.Class})
		}
		out[i].Merge(row)
	}
	return out
}

func printDifferences(c *cli.Context, w io.Writer, r *replay.Report, several bool) {
	n := len(r.Differences)
	if n == 0 {
		return
	}
	shown := min(n, max(c.Int("show"), 0))
	if shown > 0 {
		fmt.Fprintln(w, "\ndifferences:")
	}
	for _, d := range r.Differences[:shown] {
		where := fmt.Sprintf("packet %d", d.Packet)
		if d.Packet == 0 {
			where = "not recorded"
		}
		if several {
			where += ", " + d.Device
		}
		fmt.Fprintf(w, "  %s, %s, %s: %s\n    want %s\n    got  %s\n", where, d.Protocol, d.Class, d.Path, d.Want, d.Got)
	}
	if rest := n - shown + r.Omitted; rest > 0 {
		fmt.Fprintf(w, "  and %s; --show N prints more, --json all that were kept\n", plural(rest, "difference more", "differences more"))
	}
}
