package main

import (
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/olekukonko/tablewriter"
	"github.com/olekukonko/tablewriter/renderer"
	"github.com/olekukonko/tablewriter/tw"
	"github.com/urfave/cli/v2"
)

// A table is printed without borders, so that it fits 80 columns and can be cut by other tools. Columns
// whose heading begins with ">" are numbers: they stand to the right.
type table struct {
	head  []string
	right []bool
	rows  [][]string
}

func newTable(head ...string) *table {
	t := &table{}
	for _, h := range head {
		h, right := strings.CutPrefix(h, ">")
		t.head = append(t.head, h)
		t.right = append(t.right, right)
	}
	return t
}

func (t *table) add(cells ...string) { t.rows = append(t.rows, cells) }

// without leaves out the named columns where they have nothing to say: every cell is "", "0" or "-".
func (t *table) without(names ...string) *table {
	for _, name := range names {
		for i, h := range t.head {
			if h == name && t.empty(i) {
				t.head = append(t.head[:i:i], t.head[i+1:]...)
				t.right = append(t.right[:i:i], t.right[i+1:]...)
				for k, r := range t.rows {
					t.rows[k] = append(r[:i:i], r[i+1:]...)
				}
				break
			}
		}
	}
	return t
}

func (t *table) empty(i int) bool {
	for _, r := range t.rows {
		if r[i] != "" && r[i] != "0" && r[i] != "-" {
			return false
		}
	}
	return true
}

func (t *table) print(w io.Writer) error {
	align := make([]tw.Align, len(t.head))
	for i := range align {
		align[i] = tw.AlignLeft
		if t.right[i] {
			align[i] = tw.AlignRight
		}
	}
	out := tablewriter.NewTable(cutSpace{w},
		tablewriter.WithRenderer(renderer.NewBlueprint(tw.Rendition{
			Borders: tw.BorderNone,
			Symbols: tw.NewSymbols(tw.StyleNone),
			Settings: tw.Settings{
				Separators: tw.Separators{BetweenColumns: tw.Off, BetweenRows: tw.Off, ShowHeader: tw.Off},
				Lines:      tw.Lines{ShowHeaderLine: tw.Off},
			},
		})),
		tablewriter.WithHeaderAutoFormat(tw.Off), // else device_name becomes DEVICE NAME
		tablewriter.WithHeaderAutoWrap(tw.WrapNone),
		tablewriter.WithRowAutoWrap(tw.WrapNone),
		tablewriter.WithTrimSpace(tw.Off),
		tablewriter.WithPadding(tw.Padding{Right: "  ", Overwrite: true}),
		tablewriter.WithAlignment(align),
	)
	out.Header(t.head)
	if err := out.Bulk(t.rows); err != nil {
		return err
	}
	return out.Render()
}

// cutSpace takes away the spaces at the end of lines.
type cutSpace struct{ w io.Writer }

func (c cutSpace) Write(b []byte) (int, error) {
	lines := strings.Split(string(b), "\n")
	for i, l := range lines {
		if i < len(lines)-1 {
			lines[i] = strings.TrimRight(l, " ")
		}
	}
	_, err := io.WriteString(c.w, strings.Join(lines, "\n"))
	return len(b), err
}

// printJSON prints what --json prints.
func printJSON(c *cli.Context, v any) error {
	e := json.NewEncoder(c.App.Writer)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	return e.Encode(v)
}

// count is a number with its thousands apart.
func count(n int) string {
	s := strconv.Itoa(n)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

// plural is "1 device", "2 devices".
func plural(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return count(n) + " " + many
}

// short is a duration of three digits or so.
func short(d time.Duration) string {
	switch {
	case d == 0:
		return "-"
	case d < 10*time.Microsecond:
		return fmt.Sprintf("%.1fµs", float64(d)/1e3)
	case d < time.Millisecond:
		return fmt.Sprintf("%dµs", d.Microseconds())
	case d < 10*time.Millisecond:
		return fmt.Sprintf("%.1fms", float64(d)/1e6)
	case d < time.Second:
		return fmt.Sprintf("%dms", d.Milliseconds())
	case d < 10*time.Second:
		return fmt.Sprintf("%.1fs", d.Seconds())
	}
	return d.Round(time.Second).String()
}

func bytesText(n int64) string {
	switch {
	case n < 1<<10:
		return fmt.Sprintf("%d B", n)
	case n < 1<<20:
		return fmt.Sprintf("%.1f KB", float64(n)/(1<<10))
	case n < 1<<30:
		return fmt.Sprintf("%.1f MB", float64(n)/(1<<20))
	}
	return fmt.Sprintf("%.1f GB", float64(n)/(1<<30))
}
