package profiles

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"ringer/capture/enip"
)

// ENIPDataFile is a data file of a controller that has these rather than tags: SLC 500, MicroLogix.
type ENIPDataFile struct {
	// Name has the letters of its type (O I S B T C R N F ST A L) and its number: N7, ST9.
	Name string `yaml:"name"`
	// Elements is how many it has.
	Elements int `yaml:"elements"`
	// Values are what the elements hold at first: numbers of B, N, L, F, S, I and O files, texts of ST files.
	// Zeros if absent.
	Values []any `yaml:"values,omitempty,flow"`
	// Image is a file of what it holds at first, as bytes.
	Image string `yaml:"image,omitempty"`
	// Points maps elements, and bits of them, to points: "3", "3/5".
	Points map[string]string `yaml:"points,omitempty"`
	// ReadOnly files refuse writing.
	ReadOnly bool `yaml:"readonly,omitempty"`
}

// Parse takes the name apart.
func (f *ENIPDataFile) Parse() (t enip.DataFileType, number uint16, err error) {
	i := strings.IndexAny(f.Name, "0123456789")
	if i > 0 {
		n, err := strconv.ParseUint(f.Name[i:], 10, 10)
		if t, ok := enip.ParseDataFileType(f.Name[:i]); ok && err == nil {
			return t, uint16(n), nil
		}
	}
	return 0, 0, fmt.Errorf("%q: want the letters of a type and a number, as N7 or ST9", f.Name)
}

var errENIPDataPlace = errors.New("want an element, as 3, or a bit of one, as 3/5")

// ParseENIPDataPlace reads a place in a data file; bit is -1 for whole elements.
func ParseENIPDataPlace(s string) (element, bit int, err error) {
	text, bits, found := strings.Cut(s, "/")
	if element, err = strconv.Atoi(text); err != nil || element < 0 {
		return 0, 0, errENIPDataPlace
	}
	if !found {
		return element, -1, nil
	}
	if bit, err = strconv.Atoi(bits); err != nil || bit < 0 || bit > 15 {
		return 0, 0, errENIPDataPlace
	}
	return element, bit, nil
}

// ENIPDataElements bounds a data file.
const ENIPDataElements = 1 << 13

func (s *ENIP) checkDataFiles(v *Validation) {
	seen := map[uint16]bool{}
	for i := range s.DataFiles {
		f, at := &s.DataFiles[i], v.At("data_files", i)
		t, number, err := f.Parse()
		if err != nil {
			at.At("name").Errorf("%s", err)
			continue
		}
		if seen[number] {
			at.At("name").Errorf("there is another data file %d", number)
		}
		seen[number] = true
		at.At("elements").within(f.Elements, 1, ENIPDataElements)
		if len(f.Values) > f.Elements {
			at.At("values").Errorf("%d values for %d elements", len(f.Values), f.Elements)
		}
		if f.Image != "" {
			at.At("image").File(f.Image)
		}
		for place, p := range f.Points {
			element, bit, err := ParseENIPDataPlace(place)
			switch {
			case err != nil:
				at.At("points", place).Errorf("%s", err)
			case element >= f.Elements || bit >= 0 && t.Size() != 2:
				at.At("points", place).Errorf("%s has no such element or bit", f.Name)
			case bit < 0 && (t.Size() == 6 || t == enip.FileASCII):
				at.At("points", place).Errorf("an element of %s holds more than one value", f.Name)
			}
			at.At("points", place).Point(p)
		}
	}
}
