package clone

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"ringer/capture"
	"ringer/capture/ipmi"
	"ringer/capture/wire"
	"ringer/profiles"
)

var ipmiQuick = Care{Name: "test", Connections: 1, Timeout: 80 * time.Millisecond, Again: 2, Silences: 4, Slower: 500, Bytes: 64 << 20, Time: time.Minute}

// An ipmiScanned is what a scan came to.
type ipmiScanned struct {
	v        *Visit
	err      error
	evidence *bytes.Buffer
	keys     *capture.Keys
}

func asBMCUser() *IPMIScan {
	return &IPMIScan{User: &ipmi.User{Name: bmcUser, Password: bmcPassword}, Samples: 3, Every: time.Millisecond}
}

func (d *fakeBMC) scan(t testing.TB, ctx context.Context, s *IPMIScan, memory *Memory) *ipmiScanned {
	t.Helper()
	r := &ipmiScanned{evidence: &bytes.Buffer{}, keys: s.Keys()}
	r.v = NewVisit(netip.MustParseAddr("127.0.0.1"), "", ipmiQuick, capture.NewTap(r.evidence, time.Now))
	r.v.Memory = memory
	r.err = s.Scan(ctx, r.v, d.port)
	r.v.Tap.Close()
	return r
}

func (r *ipmiScanned) exchanges(t testing.TB) []capture.Exchange {
	t.Helper()
	return exchangesWith(t, r.evidence.Bytes(), r.keys)
}

// learn gives the section, and the files by their names without the capture's.
func (r *ipmiScanned) learn(t testing.TB) (*profiles.IPMI, map[string]string) {
	t.Helper()
	section, files := learnedFrom[*profiles.IPMI](t, r.exchanges(t), Options{Salt: []byte("salt")})
	texts := map[string]string{}
	for name, b := range files {
		texts[strings.ReplaceAll(name, "-c1", "")] = b.String()
	}
	return section, texts
}

func (r *ipmiScanned) remarked(t testing.TB, kind Kind, text string) {
	t.Helper()
	for _, m := range r.v.Remarks() {
		if m.Kind == kind && strings.Contains(m.Text, text) {
			return
		}
	}
	t.Errorf("no remark (%s) says %q: %v", kind, text, r.v.Remarks())
}

// readsOnly: nothing but reads and handshakes went out, all of which can be read with the user's password.
func (r *ipmiScanned) readsOnly(t testing.TB) {
	t.Helper()
	for _, x := range r.exchanges(t) {
		if x.Request == nil {
			continue
		}
		class, effect := wire.Class(x.Request)
		known := slices.Contains([]string{"ping", "open session", "RAKP 1", "RAKP 3", "activate session", "set session privilege level", "close session"}, class) ||
			strings.HasPrefix(class, "get ") || strings.HasPrefix(class, "read ") || strings.HasPrefix(class, "reserve ")
		if effect != wire.Read || !known {
			t.Errorf("a %s was sent, which is a %v", class, effect)
		}
	}
}

func ipmiRecordsOf(t testing.TB, files map[string]string) {
	t.Helper()
	for name, want := range map[string]string{
		"ipmi/sdr.bin": string(bytes.Join(bmcSDR, nil)), "ipmi/sel.bin": string(bytes.Join(bmcSEL, nil)), "ipmi/fru33.bin": string(bmcFRU),
	} {
		if files[name] != want {
			t.Errorf("%s: %q, want %q", name, files[name], want)
		}
	}
}

func TestIPMIScanLearnsAll(t *testing.T) {
	d := (&fakeBMC{most: 20, cancel: 2}).listen(t)
	r := d.scan(t, t.Context(), asBMCUser(), nil)
	if r.err != nil {
		t.Fatal(r.err)
	}
	r.readsOnly(t)
	sec, files := r.learn(t)
	ipmiRecordsOf(t, files)
	if diff := cmp.Diff([]uint8{3, 17}, sec.Ciphers); diff != "" {
		t.Errorf("suites (-want +got):\n%s", diff)
	}
	if u := sec.Users[2]; u.Name != bmcUser || u.Privilege != "administrator" {
		t.Errorf("users %+v", sec.Users)
	}
	if sec.ReadMost < 16 || sec.ReadMost > 20 {
		t.Errorf("parts of up to %d bytes, want nearly 20", sec.ReadMost)
	}
	samples := files[fmt.Sprintf("samples/ipmi-%d.tsv", d.port.Number)]
	for _, want := range []string{
		"0c02:01120200\t\t00110a000002\n", // the last set of a parameter
		"0c02:01120300\t\t80\n",           // and the one that is not there
		"0427:01\t\t003f010203040506\n",
	} {
		if !strings.Contains(samples, want) {
			t.Errorf("samples lack %q:\n%s", want, samples)
		}
	}
	for name, b := range files {
		if strings.Contains(b, bmcPassword) {
			t.Errorf("%s holds the password", name)
		}
	}
	if asked := d.questions(); !strings.HasPrefix(asked[len(asked)-1], "in 63c:") {
		t.Errorf("the last question is %s, want to close the session", asked[len(asked)-1])
	}
	r.remarked(t, Fact, "cipher suite 17, privilege administrator")
	r.remarked(t, Fact, "3 sensors read 3 times")
}

// Without a password, nobody tries one.
func TestIPMIScanOfStrangers(t *testing.T) {
	d := (&fakeBMC{}).listen(t)
	r := d.scan(t, t.Context(), &IPMIScan{}, nil)
	if r.err != nil {
		t.Fatal(r.err)
	}
	r.readsOnly(t)
	var handshakes []string
	for _, q := range d.questions() {
		if !strings.HasPrefix(q, "out ") {
			handshakes = append(handshakes, q)
		}
	}
	want := []string{
		"ping", "open 3 OK", `user "ringer-stranger" unauthorized name`, "open 17 OK", `user "ringer-stranger" unauthorized name`,
		"open 0 no cipher suite match", "open 17 OK", `user "" unauthorized name`,
	}
	if diff := cmp.Diff(want, handshakes); diff != "" {
		t.Errorf("handshakes (-want +got):\n%s", diff)
	}
	sec, _ := r.learn(t)
	if len(sec.Users) > 0 || sec.Anonymous || !slices.Equal(sec.Ciphers, []uint8{3, 17}) {
		t.Errorf("learned %+v", sec)
	}
	r.remarked(t, NotThere, "nobody logged in")
}

func TestIPMILogIn(t *testing.T) {
	for _, k := range []struct {
		name string
		bmc  *fakeBMC
		scan IPMIScan
		want string // of the error; "": it goes well
		fact string
	}{
		{"wrong password", &fakeBMC{}, IPMIScan{User: &ipmi.User{Name: bmcUser, Password: "guess"}}, "not the user's", ""},
		{"unknown user", &fakeBMC{}, IPMIScan{User: &ipmi.User{Name: "root", Password: "guess"}}, "user root: unauthorized name", ""},
		{"another suite", &fakeBMC{}, IPMIScan{User: asBMCUser().User, Suite: new(uint8)}, "cipher suite 0: no cipher suite match", ""},
		{"its own key", &fakeBMC{kg: "key"}, IPMIScan{User: asBMCUser().User}, "--kg is not it", ""},
		{"its own key, which is known", &fakeBMC{kg: "key"}, IPMIScan{User: asBMCUser().User, KG: "key", Samples: 1}, "", "privilege administrator"},
		{"no room", &fakeBMC{full: 1000}, IPMIScan{User: asBMCUser().User}, "insufficient resources", ""},
		{"room after a while", &fakeBMC{full: 5}, IPMIScan{User: asBMCUser().User, Samples: 1}, "", "privilege administrator"},
		{"an operator", &fakeBMC{limit: 3}, IPMIScan{User: asBMCUser().User, Samples: 1}, "", "privilege operator"},
		{"IPMI 1.5", &fakeBMC{old: true}, IPMIScan{User: asBMCUser().User, Samples: 1}, "", "IPMI 1.5, privilege administrator"},
	} {
		t.Run(k.name, func(t *testing.T) {
			d := k.bmc.listen(t)
			r := d.scan(t, t.Context(), &k.scan, nil)
			r.readsOnly(t)
			if k.want == "" {
				if r.err != nil {
					t.Fatal(r.err)
				}
				_, files := r.learn(t)
				ipmiRecordsOf(t, files)
				r.remarked(t, Fact, k.fact)
				return
			}
			if r.err == nil || !strings.Contains(r.err.Error(), k.want) {
				t.Errorf("%v, want %q", r.err, k.want)
			}
			for _, q := range d.questions() {
				if k.name == "wrong password" && q == "proof OK" {
					t.Error("a wrong password was sent on")
				}
			}
		})
	}
}

func TestIPMIScanOfOddControllers(t *testing.T) {
	for _, k := range []struct {
		name  string
		bmc   *fakeBMC
		whole bool
	}{
		{"drops every third answer", &fakeBMC{garble: func(n int, b []byte) ([]byte, bool) {
			if n%3 == 0 {
				return nil, false
			}
			return b, false
		}}, true},
		{"answers late now and then", &fakeBMC{garble: func(n int, b []byte) ([]byte, bool) { return b, n%20 == 0 }}, true},
		{"forgets its sessions", &fakeBMC{}, true},
		{"signs wrongly now and then", &fakeBMC{garble: func(n int, b []byte) ([]byte, bool) {
			if n%50 == 0 {
				b = slices.Clone(b)
				b[len(b)-1] ^= 1
			}
			return b, false
		}}, false},
		{"cuts its answers off", &fakeBMC{garble: func(n int, b []byte) ([]byte, bool) {
			if n%50 == 0 {
				return b[:len(b)-3], false
			}
			return b, false
		}}, false},
		{"says nothing in its answers", &fakeBMC{habit: func(n int, r *ipmi.Reply) *ipmi.Reply {
			r.Code, r.Body = ipmi.CodeOK, ipmi.Data(nil)
			return r
		}}, false},
		{"records without end", &fakeBMC{endless: true}, false},
	} {
		t.Run(k.name, func(t *testing.T) {
			t.Parallel()
			d := k.bmc
			if k.name == "forgets its sessions" {
				d.habit = func(n int, r *ipmi.Reply) *ipmi.Reply {
					if n%60 == 0 {
						clear(d.sessions)
						return nil
					}
					return r
				}
			}
			d.listen(t)
			s := asBMCUser()
			s.Samples = 1
			r := d.scan(t, t.Context(), s, nil)
			if r.err != nil {
				t.Fatal(r.err)
			}
			r.readsOnly(t)
			_, files := r.learn(t)
			if k.whole {
				ipmiRecordsOf(t, files)
			}
			if d.endless {
				r.remarked(t, Suspicious, "do not end")
			}
		})
	}
}

// What was answered before an interruption is not asked again, but for the log-in.
func TestIPMIScanGoesOn(t *testing.T) {
	whole := (&fakeBMC{}).listen(t)
	want := whole.scan(t, t.Context(), asBMCUser(), nil)
	if want.err != nil {
		t.Fatal(want.err)
	}
	section, files := want.learn(t)
	all := whole.questions()
	count := func(list []string) map[string]int {
		n := map[string]int{}
		for _, q := range list {
			n[q]++
		}
		return n
	}
	for _, cut := range []int{1, 17, 24, 30, 60, 150, len(all) - 3} {
		ctx, cancel := context.WithCancel(t.Context())
		d := &fakeBMC{}
		d.garble = func(n int, b []byte) ([]byte, bool) {
			if n == cut {
				cancel()
				return nil, false
			}
			return b, false
		}
		d.listen(t)
		first := d.scan(t, ctx, asBMCUser(), nil)
		if !errors.Is(first.err, context.Canceled) {
			t.Fatalf("cut at %d: %v", cut, first.err)
		}
		memory := remembering(t, first.exchanges(t))
		second := d.scan(t, t.Context(), asBMCUser(), memory)
		memory.Close()
		if second.err != nil {
			t.Fatalf("resumed at %d: %v", cut, second.err)
		}
		once := count(all)
		again := 0
		for q, n := range count(d.questions()) {
			if n > once[q] && !strings.HasPrefix(q, "open") && !strings.HasPrefix(q, "user") && !strings.HasPrefix(q, "proof") && q != "in 63b:04" {
				again += n - once[q]
			}
		}
		if again > 2 { // what was cut off, and a reservation
			t.Errorf("cut at %d: %d questions were asked again", cut, again)
		}
		both := &ipmiScanned{v: second.v, keys: second.keys, evidence: bytes.NewBuffer(append(bytes.Clone(first.evidence.Bytes()), second.evidence.Bytes()...))}
		s, f := both.learn(t)
		ipmiRecordsOf(t, f)
		if !slices.Equal(s.Ciphers, section.Ciphers) || fmt.Sprint(s.Users) != fmt.Sprint(section.Users) || s.ReadMost != section.ReadMost {
			t.Errorf("cut at %d: %+v, want %+v", cut, s, section)
		}
		if got, want := ipmiCellNames(f), ipmiCellNames(files); !slices.Equal(got, want) {
			t.Errorf("cut at %d: cells (-want +got):\n%s", cut, cmp.Diff(want, got))
		}
	}
}

// ipmiCellNames are the cells of a profile, but those of handshakes.
func ipmiCellNames(files map[string]string) (names []string) {
	for name, text := range files {
		if !strings.HasPrefix(name, "samples/") {
			continue
		}
		for line := range strings.Lines(text) {
			if cell, _, ok := strings.Cut(line, "\t"); ok && !strings.HasPrefix(cell, profiles.IPMIHandshake) {
				names = append(names, cell)
			}
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}
