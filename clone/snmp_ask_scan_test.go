package clone

import (
	"bytes"
	"context"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"ringer/capture"
	"ringer/capture/snmp"
	"ringer/capture/wire"
	"ringer/profiles"
)

// snmpQuick has little patience.
var snmpQuick = Care{Name: "test", Connections: 1, Timeout: 150 * time.Millisecond, Again: 2, Silences: 4, Slower: 50, Bytes: 64 << 20, Time: time.Minute}

// An snmpScan is what a scan came to.
type snmpScan struct {
	v        *Visit
	err      error
	evidence *bytes.Buffer
	keys     *capture.Keys
}

func scanSNMP(t testing.TB, ctx context.Context, s *SNMPWalk, port profiles.Port, care Care, memory *Memory) *snmpScan {
	t.Helper()
	r := &snmpScan{evidence: &bytes.Buffer{}, keys: s.Keys()}
	r.v = NewVisit(netip.MustParseAddr("127.0.0.1"), "", care, capture.NewTap(r.evidence, time.Now))
	r.v.Memory = memory
	settle()
	r.err = s.Scan(ctx, r.v, port)
	settle()
	r.v.Tap.Close()
	return r
}

// exchanges are those of the evidence.
func (r *snmpScan) exchanges(t testing.TB) []capture.Exchange {
	t.Helper()
	return exchangesWith(t, r.evidence.Bytes(), r.keys)
}

// learn gives the section and the files, by kind.
func (r *snmpScan) learn(t testing.TB) (*profiles.SNMP, map[string]string) {
	t.Helper()
	section, files := learnedFrom[*profiles.SNMP](t, r.exchanges(t), Options{KeepSecrets: true, Salt: []byte("salt")})
	texts := map[string]string{}
	for name, b := range files {
		kind, _, _ := strings.Cut(name, "/")
		texts[kind] = b.String()
	}
	return section, texts
}

// readsOnly: nothing but reads went out.
func (r *snmpScan) readsOnly(t testing.TB) {
	t.Helper()
	for _, x := range r.exchanges(t) {
		if x.Request == nil {
			continue
		}
		class, effect := wire.Class(x.Request)
		if effect != wire.Read || !slices.Contains([]string{"get", "getnext", "getbulk", "discovery"}, class) {
			t.Errorf("a %s was sent, which is a %v", class, effect)
		}
	}
}

func (r *snmpScan) remarked(t testing.TB, kind Kind, text string) {
	t.Helper()
	all := r.v.Remarks()
	for _, m := range all {
		if m.Kind == kind && strings.Contains(m.Text, text) {
			return
		}
	}
	t.Errorf("no remark (%s) says %q; there are %d: %v", kind, text, len(all), all[:min(len(all), 10)])
}

func snmprec(vars []snmp.VarBind) string {
	var b []byte
	for _, v := range vars {
		if v.Value.Type != snmp.TypeTimeTicks {
			b = profiles.AppendSNMPRec(b, v.OID, v.Value.Type, v.Value.Content())
		}
	}
	return string(b)
}

// withoutTicks is a walk file without what moves, and without what is not there.
func withoutTicks(walk string) string {
	var b strings.Builder
	for line := range strings.Lines(walk) {
		if !strings.Contains(line, "|67|") && !strings.Contains(line, "|128|") && !strings.Contains(line, "|129|") {
			b.WriteString(line)
		}
	}
	return b.String()
}
