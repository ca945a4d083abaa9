package s7comm

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"ringer/capture/wire"
)

const expected = "../../../shared/captures/expected"

// recorded calls each for every PDU of the tables that an independent dissector made of the captures.
func recorded(t *testing.T, each func(file, column string, row int, pdu []byte)) {
	files, _ := filepath.Glob(filepath.Join(expected, "*.s7comm.tsv*"))
	if len(files) == 0 {
		t.Skipf("no recordings in %s", expected)
	}
	for _, name := range files {
		f, err := os.Open(name)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		var r io.Reader = f
		if strings.HasSuffix(name, ".gz") {
			if r, err = gzip.NewReader(f); err != nil {
				t.Fatal(err)
			}
		}
		lines := bufio.NewScanner(r)
		lines.Buffer(nil, 1<<20)
		lines.Scan()
		columns := strings.Split(lines.Text(), "\t")
		for row := 1; lines.Scan(); row++ {
			for i, cell := range strings.Split(lines.Text(), "\t") {
				if c := columns[i]; cell != "" && (c == "req_s7" || c == "rsp_s7") {
					pdu, err := hex.DecodeString(cell)
					if err != nil {
						t.Fatal(err)
					}
					each(filepath.Base(name), c, row, pdu)
				}
			}
		}
	}
}

func TestRecordingsRoundTrip(t *testing.T) {
	kinds, total := map[string]int{}, 0
	c := &Conn{}
	recorded(t, func(file, column string, row int, pdu []byte) {
		b := append(append([]byte(nil), dataHead[:]...), pdu...)
		b[2], b[3] = byte(len(b)>>8), byte(len(b))
		from := wire.Client
		if column == "rsp_s7" {
			from = wire.Server
		}
		n, m, err := c.Next(from, b, false)
		if err != nil || n != len(b) {
			t.Fatalf("%s row %d: took %d of %d bytes: %v", file, row, n, len(b), err)
		}
		if again, err := m.Append(nil); err != nil || !bytes.Equal(again, b) {
			t.Fatalf("%s row %d: written again as %x (%v), read from %x", file, row, again, err, b)
		}
		kinds[fmt.Sprintf("%T", m)]++
		total++
		if _, ok := m.(*Unknown); ok {
			t.Errorf("%s row %d: unknown PDU %x", file, row, pdu)
		}
		if j, ok := m.(*Job); ok {
			t.Errorf("%s row %d: raw job %x", file, row, j.Parameter)
		}
	})
	t.Logf("%d PDUs: %v", total, kinds)
}
