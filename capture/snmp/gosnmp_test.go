package snmp_test

import (
	"bytes"
	"testing"

	"github.com/gosnmp/gosnmp"

	"ringer/capture/snmp"
	"ringer/capture/wire"
)

// TestGosnmpEqual: an independent implementation writes the same bytes, and reads ours.
func TestGosnmpEqual(t *testing.T) {
	oid := func(s string) snmp.OID {
		o, err := snmp.ParseOID(s)
		if err != nil {
			t.Fatal(err)
		}
		return o
	}
	for _, x := range []struct {
		typ     gosnmp.PDUType
		version gosnmp.SnmpVersion
		theirs  []gosnmp.SnmpPDU
		ours    []snmp.VarBind
		n, m    int64
	}{
		{typ: gosnmp.GetRequest, version: gosnmp.Version1, theirs: []gosnmp.SnmpPDU{{Name: ".1.3.6.1.2.1.1.5.0", Type: gosnmp.Null}},
			ours: []snmp.VarBind{{OID: oid("1.3.6.1.2.1.1.5.0"), Value: snmp.Value{Type: snmp.TypeNull}}}},
		{typ: gosnmp.GetBulkRequest, version: gosnmp.Version2c, theirs: []gosnmp.SnmpPDU{{Name: ".1.3.6.1.2.1.2.2.1.4294967295", Type: gosnmp.Null}},
			ours: []snmp.VarBind{{OID: oid("1.3.6.1.2.1.2.2.1.4294967295"), Value: snmp.Value{Type: snmp.TypeNull}}}, n: 1, m: 50},
		{typ: gosnmp.SetRequest, version: gosnmp.Version2c, theirs: []gosnmp.SnmpPDU{
			{Name: ".1.3.6.1.1.1", Type: gosnmp.Integer, Value: -129}, {Name: ".1.3.6.1.1.2", Type: gosnmp.OctetString, Value: bytes.Repeat([]byte("x"), 200)},
			{Name: ".1.3.6.1.1.3", Type: gosnmp.ObjectIdentifier, Value: ".1.3.6.1.4.1.8072"}, {Name: ".1.3.6.1.1.4", Type: gosnmp.Gauge32, Value: uint32(128)},
			{Name: ".1.3.6.1.1.5", Type: gosnmp.TimeTicks, Value: uint32(70000)}, {Name: ".1.3.6.1.1.6", Type: gosnmp.IPAddress, Value: "192.0.2.1"},
			{Name: ".1.3.6.1.1.7", Type: gosnmp.Counter64, Value: uint64(1) << 40},
		}, ours: []snmp.VarBind{
			{OID: oid("1.3.6.1.1.1"), Value: snmp.NewValue(snmp.TypeInteger, snmp.AppendInt(nil, -129))},
			{OID: oid("1.3.6.1.1.2"), Value: snmp.NewValue(snmp.TypeOctetString, bytes.Repeat([]byte("x"), 200))},
			{OID: oid("1.3.6.1.1.3"), Value: snmp.NewValue(snmp.TypeOID, oid("1.3.6.1.4.1.8072"))},
			{OID: oid("1.3.6.1.1.4"), Value: snmp.NewValue(snmp.TypeGauge32, snmp.AppendUint(nil, 128))},
			{OID: oid("1.3.6.1.1.5"), Value: snmp.NewValue(snmp.TypeTimeTicks, snmp.AppendUint(nil, 70000))},
			{OID: oid("1.3.6.1.1.6"), Value: snmp.NewValue(snmp.TypeIPAddress, []byte{192, 0, 2, 1})},
			{OID: oid("1.3.6.1.1.7"), Value: snmp.NewValue(snmp.TypeCounter64, snmp.AppendUint(nil, 1<<40))},
		}},
	} {
		theirs := &gosnmp.SnmpPacket{
			Version: x.version, Community: "public", PDUType: x.typ, RequestID: 1234567, Variables: x.theirs,
			NonRepeaters: uint8(x.n), MaxRepetitions: uint32(x.m),
		}
		want, err := theirs.MarshalMsg()
		if err != nil {
			t.Fatal(err)
		}
		ours := &snmp.CommunityMessage{
			Version: snmp.Version(x.version), Community: snmp.Community("public"),
			PDU: snmp.PDU{Type: snmp.PDUType(x.typ), RequestID: 1234567, NonRepeaters: x.n, MaxRepetitions: x.m, VarBinds: x.ours},
		}
		got, err := ours.Append(nil)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(got, want) {
			t.Errorf("%s: wrote\n%x\ngosnmp wrote\n%x", ours.PDU.Type, got, want)
		}
		_, m, err := snmp.Protocol{}.New().Next(wire.Client, want, true)
		if err != nil {
			t.Fatal(err)
		}
		if c := wire.Diff(ours, m); len(c.Differences)+len(c.Masked) > 0 {
			t.Errorf("%s: read differently: %v %v", ours.PDU.Type, c.Differences, c.Masked)
		}
	}
}
