// Package expected reads, for the tests, the tables that an independent dissector made of the real
// captures in ../shared/captures. They lie in its folder expected: a file for every capture and protocol,
// of lines of cells between tabs, the first one naming the columns; large ones are compressed. What is in
// the columns is the protocol's business.
package expected

import (
	"bufio"
	"compress/gzip"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// lineMax is more than the longest row has: a PDU of 64 KB in hexadecimal, twice.
const lineMax = 8 << 20

// Rows gives the rows of the table that protocol has of a capture, cells by column. The test is skipped
// where there is none. captures is the way to the captures' folder.
func Rows(t testing.TB, captures, capture, protocol string) []map[string]string {
	t.Helper()
	rows, err := Read(captures + "/expected/" + strings.ReplaceAll(capture, "/", "__") + "." + protocol + ".tsv")
	if errors.Is(err, fs.ErrNotExist) {
		t.Skipf("the expected table is not here: %v", err)
	}
	if err != nil {
		t.Fatal(err)
	}
	return rows
}

// Tables calls each for every table of a protocol, as a test of its own. The test is skipped where there is none.
func Tables(t *testing.T, captures, protocol string, each func(t *testing.T, rows []map[string]string)) {
	t.Helper()
	files, _ := filepath.Glob(captures + "/expected/*." + protocol + ".tsv*")
	if len(files) == 0 {
		t.Skipf("%s/expected is not here: no tables of %s to read", captures, protocol)
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			rows, err := Read(file)
			if err != nil {
				t.Fatal(err)
			}
			each(t, rows)
		})
	}
}

// Read reads a table, which may have .gz behind its name.
func Read(name string) ([]map[string]string, error) {
	f, err := os.Open(name)
	if errors.Is(err, fs.ErrNotExist) {
		f, err = os.Open(strings.TrimSuffix(name, ".gz") + ".gz")
	}
	if err != nil {
		return nil, err
	}
	defer f.Close()
	if !strings.HasSuffix(f.Name(), ".gz") {
		return read(f)
	}
	r, err := gzip.NewReader(f)
	if err != nil {
		return nil, err
	}
	return read(r)
}

func read(r io.Reader) (rows []map[string]string, err error) {
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, lineMax)
	var columns []string
	for lines.Scan() {
		cells := strings.Split(lines.Text(), "\t")
		if columns == nil {
			columns = cells
			continue
		}
		row := make(map[string]string, len(columns))
		for i, v := range cells {
			if i < len(columns) {
				row[columns[i]] = v
			}
		}
		rows = append(rows, row)
	}
	return rows, lines.Err()
}
