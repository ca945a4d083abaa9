package profiles

import (
	"fmt"
	"strings"
	"testing"
)

func bigDevice() []byte {
	var b strings.Builder
	b.WriteString("apiVersion: ringer/v1\nkind: Device\nid: x\nservices:\n  - modbus:\n      port: 502\n      registers:\n")
	for i := range 20000 {
		fmt.Fprintf(&b, "        - {holding: %d-%d, values: [%d, 7]}\n", 3*i, 3*i+1, i)
	}
	return []byte(b.String())
}

func BenchmarkParse(b *testing.B) {
	text := bigDevice()
	b.SetBytes(int64(len(text)))
	for b.Loop() {
		if _, err := Parse(text, "x.yaml", nil); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkYAML(b *testing.B) {
	d, err := Parse(bigDevice(), "x.yaml", nil)
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if _, err := d.YAML(); err != nil {
			b.Fatal(err)
		}
	}
}
