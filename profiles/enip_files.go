package profiles

// ENIPFile is a file that can be uploaded from the File object: the sheet that describes the device is 200.
type ENIPFile struct {
	// ID is the instance.
	ID uint16 `yaml:"id"`
	// Name is what the instance is called, and File the file in it.
	Name string `yaml:"name,omitempty"`
	File string `yaml:"file,omitempty"`
	// Content is the file with its bytes.
	Content string `yaml:"content"`
	// Transfer is how many bytes a packet has at most; 100 if absent.
	Transfer uint8 `yaml:"transfer,omitempty"`
}

// ENIPFileBytes bounds a file.
const ENIPFileBytes = 1 << 20

func (s *ENIP) checkFiles(v *Validation) {
	seen := map[uint16]bool{}
	for i, f := range s.Files {
		at := v.At("files", i)
		if seen[f.ID] || f.ID == 0 {
			at.At("id").Errorf("%d: want a number of its own, from 1 on", f.ID)
		}
		seen[f.ID] = true
		at.At("content").File(f.Content)
		if len(f.Name) > 255 || len(f.File) > 255 {
			at.Errorf("a name has more than 255 characters")
		}
	}
}
