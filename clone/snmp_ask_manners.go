package clone

import (
	"context"

	"ringer/capture/snmp"
)

// snmpMannersMost is how many questions manners asks at most in one version.
const snmpMannersMost = 11

// manners asks for what is not there, in each way in which that is told differently: one variable and
// several, another instance of an object that has some, an object that has none, what lies behind the end.
func (w *snmpTour) manners(ctx context.Context, most *snmpTour) error {
	known, last := w.known, w.last
	if w.skip && most != nil {
		known, last = most.known, most.last
	}
	if len(known) == 0 {
		return nil
	}
	first := known[0]
	object := snmpUp(first, 1)
	several := func(absent snmp.OID) []snmp.OID {
		list := []snmp.OID{first, absent}
		if len(known) > 1 {
			list = append(list, known[1])
		}
		return list
	}
	stranger := snmpUp(object, 1).Child(snmpBeyond).Child(0) // beside the object
	questions := []func() error{
		w.get(first.Child(1)),           // below a variable
		w.get(object.Child(snmpBeyond)), // another instance
		w.get(object),                   // an object without an instance
		w.get(stranger),                 // an object that is not there
		w.get(snmpNowhere),              // nothing near is there
		w.get(several(stranger)...),     // among others that are there
		w.getNext(last),                 // the end
		w.getNext(several(last)...),     // the end of one of several
		w.getNext(append([]snmp.OID{snmpNowhere}, several(stranger)...)...),
	}
	if w.version != snmp.V1 {
		questions = append(questions,
			w.getBulk(1, 3, several(last)...), // one that does not repeat
			w.getBulk(0, 4, last, first),      // one of two columns ends
		)
	}
	w.v.Expect("snmp", len(questions))
	for _, q := range questions {
		if _, err := w.ask(ctx, 1, q); err != nil && !goOn(err) {
			return err
		}
	}
	return nil
}

// snmpNowhere lies behind all that is registered.
var snmpNowhere = snmp.OID{0x88, 0x37, 9} // 2.999.9
