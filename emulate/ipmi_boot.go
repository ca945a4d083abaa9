package emulate

import (
	"strings"

	"ringer/capture/ipmi"
)

// The boot flags (section 28.13, parameter 5) are the host's points, where the profile names them.

const (
	bootFlags  = 5
	bootValid  = 0x80
	bootStays  = 0x40
	bootUEFI   = 0x20
	bootDevice = 0x3c
)

// bootDevices are the devices of the flags, and the names that Redfish has for them: the first that the host has.
var bootDevices = [16][]string{
	0: {"None"}, 1: {"Pxe", "UefiHttp"}, 2: {"Hdd", "SDCard"}, 3: {"Hdd"}, 4: {"Diags", "Utilities"}, 5: {"Cd"}, 6: {"BiosSetup"},
	7: {"RemoteDrive", "Floppy", "Usb"}, 8: {"RemoteDrive", "Cd"}, 9: {"RemoteDrive", "Usb"}, 11: {"RemoteDrive", "Hdd"}, 15: {"Usb", "Floppy"},
}

// setBootFlags takes the flags; the other parameters, and those of hosts without points, are not its matter.
func (s *ipmiService) setBootFlags(b *ipmi.SetBootOptions) (code ipmi.Code, ok bool) {
	if s.host.target == nil || b.Parameter&0x7f != bootFlags {
		return 0, false
	}
	if len(b.Value) < 2 {
		return ipmi.DataLengthInvalid, true
	}
	order := hostBoot{mode: "Legacy"}
	if b.Value[0]&bootUEFI != 0 {
		order.mode = "UEFI"
	}
	if device := b.Value[1] & bootDevice >> 2; b.Value[0]&bootValid != 0 && device != 0 {
		for _, name := range bootDevices[device] {
			if _, has := s.host.target.named(name); has && order.from == "" {
				order.from = name
			}
		}
		if order.from == "" {
			return ipmi.InvalidField, true
		}
		order.stays = b.Value[0]&bootStays != 0
		order.once = !order.stays
	}
	s.host.setBoot(order)
	return ipmi.CodeOK, true
}

// bootFlags answers for the flags: the device and for how long it holds are the host's.
func (s *ipmiService) bootFlags(q *ipmi.Command, data []byte) (ipmi.Body, bool) {
	b, ok := q.Body.(*ipmi.GetBootOptions)
	if !ok || s.host.target == nil || b.Parameter&0x7f != bootFlags {
		return nil, false
	}
	d := []byte{1, bootFlags, 0, 0, 0, 0, 0}
	if code, was, _, ok := s.answered(q.Target, data); ok && code == ipmi.CodeOK && len(was) == len(d) {
		copy(d, was)
	}
	order := s.host.boot()
	d[2] &^= bootValid | bootStays | bootUEFI
	if d[3] &^= bootDevice; order.once || order.stays {
		d[2] |= bootValid
		for device, names := range bootDevices {
			if len(names) > 0 && hasName(names, order.from) {
				d[3] |= byte(device) << 2
				break
			}
		}
	}
	if order.stays {
		d[2] |= bootStays
	}
	if strings.EqualFold(order.mode, "UEFI") {
		d[2] |= bootUEFI
	}
	return ipmi.Data(d), true
}

func hasName(names []string, name string) bool {
	for _, n := range names {
		if strings.EqualFold(n, name) {
			return true
		}
	}
	return false
}
