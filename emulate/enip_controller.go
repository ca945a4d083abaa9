package emulate

import (
	"encoding/binary"

	"ringer/capture/enip"
)

// The objects of a controller of the Logix family that clients ask for before they read tags: the name of what
// it runs, and its clock. Devices with tags have them, unless they were seen to refuse the class.

func (x *enipSession) controller(dst []byte, class, attribute uint32) ([]byte, bool) {
	le, d := binary.LittleEndian, x.d
	switch {
	case class == enip.ClassProgramName && attribute == 1:
		name := d.dev.Identity.Name
		if name == "" {
			name = d.dev.ID
		}
		name = name[:min(len(name), enipNameMax)]
		return append(le.AppendUint16(dst, uint16(len(name))), name...), true
	case class == enip.ClassWallClock && (attribute == enip.WallClockTime || attribute == enip.WallClockLocal):
		return le.AppendUint64(dst, uint64(x.st.Now().UnixMicro())), true
	}
	return dst, false
}

// enipNameMax is how long the name of a controller may be.
const enipNameMax = 40

// stands says whether the device has a class beside those of its attributes: one that every device has, or
// every controller.
func (d *enipDevice) stands(way int, class uint32) bool {
	switch class {
	case enip.ClassIdentity, enip.ClassTCPIP, enip.ClassEthernetLink:
		return true
	case enip.ClassFile:
		return len(d.uploads) > 0
	case enip.ClassPCCC:
		return d.pccc
	case enip.ClassProgramName, enip.ClassWallClock:
		return len(d.tags) > 0 && !d.absent[enipClass{way, class}]
	}
	return false
}
