package capture

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	stdtls "crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/binary"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"ringer/capture/tls"
	"ringer/capture/wire"
)

// A turn is what one side of an encrypted connection sent at once.
type turn struct {
	side wire.Side
	data []byte
}

// A secureTalk is a recorded HTTPS connection: what went over the line, and its secrets.
type secureTalk struct {
	turns []turn
	keys  string
	der   []byte
}

type eavesdropper struct {
	net.Conn
	mu    *sync.Mutex
	turns *[]turn
}

func (e eavesdropper) Read(b []byte) (int, error) {
	n, err := e.Conn.Read(b)
	if n > 0 {
		e.note(wire.Client, b[:n])
	}
	return n, err
}

func (e eavesdropper) Write(b []byte) (int, error) {
	e.note(wire.Server, b)
	return e.Conn.Write(b)
}

func (e eavesdropper) note(side wire.Side, b []byte) {
	e.mu.Lock()
	defer e.mu.Unlock()
	*e.turns = append(*e.turns, turn{side, bytes.Clone(b)})
}

type oneConn struct {
	net.Listener
	wrap func(net.Conn) net.Conn
}

func (l oneConn) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return l.wrap(c), nil
}

// https asks a web server for pages over one connection.
func https(t *testing.T, version uint16, pages ...string) secureTalk {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(9), Subject: pkix.Name{CommonName: "plc-3", Organization: []string{"Pumps"}}, NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	talk := secureTalk{der: der}
	var mu sync.Mutex
	server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header()["Date"] = nil
		io.WriteString(w, strings.Repeat("page "+r.URL.Path+"\n", 1+len(r.URL.Path)*100))
	})}
	config := &stdtls.Config{Certificates: []stdtls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}}
	wrapped := oneConn{l, func(c net.Conn) net.Conn {
		return stdtls.Server(eavesdropper{c, &mu, &talk.turns}, config)
	}}
	done := make(chan struct{})
	go func() { server.Serve(wrapped); close(done) }()
	var keys bytes.Buffer
	transport := &http.Transport{TLSClientConfig: &stdtls.Config{InsecureSkipVerify: true, KeyLogWriter: &keys, MaxVersion: version, ServerName: "plc-3.example"}}
	client := &http.Client{Transport: transport, Timeout: 20 * time.Second}
	for _, p := range pages {
		r, err := client.Get("https://" + l.Addr().String() + p)
		if err != nil {
			t.Fatal(err)
		}
		io.Copy(io.Discard, r.Body)
		r.Body.Close()
	}
	transport.CloseIdleConnections()
	server.Close()
	<-done
	mu.Lock()
	defer mu.Unlock()
	talk.keys = keys.String()
	return talk
}

var tapClock = time.Unix(1700000000, 0)

// recorded writes a talk as packets, the secrets behind the n-th of its turns; n < 0: not at all.
func (s secureTalk) recorded(t *testing.T, port uint16, n int) []byte {
	t.Helper()
	at := tapClock
	var out bytes.Buffer
	tap := NewTap(&out, func() time.Time { at = at.Add(time.Millisecond); return at })
	line := tap.Open("tcp", netip.MustParseAddrPort("10.0.0.1:40000"), netip.AddrPortFrom(netip.MustParseAddr("10.0.0.2"), port))
	for i, w := range s.turns {
		if i == n {
			tap.Secrets([]byte(s.keys))
		}
		if err := line.Said(w.side, w.data, ""); err != nil {
			t.Fatal(err)
		}
	}
	line.End(wire.Client)
	line.End(wire.Server)
	if n >= len(s.turns) {
		tap.Secrets([]byte(s.keys))
	}
	if err := tap.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// pagesIn are the exchanges of a recording as "GET /a > 200 (bytes)".
func pagesIn(t *testing.T, data []byte, opt Options) (list []string, last *tls.Handshake) {
	t.Helper()
	for _, x := range all(t, data, opt) {
		s := x.Protocol.Name() + " "
		if x.Request != nil {
			b, _ := x.Request.Append(nil)
			line, _, _ := bytes.Cut(b, []byte("\r\n"))
			s += string(line)
		}
		for _, m := range x.Replies {
			b, _ := m.Append(nil)
			head, body, _ := bytes.Cut(b, []byte("\r\n\r\n"))
			s += fmt.Sprintf(" > %s, %d", bytes.Fields(head)[1], len(body))
		}
		if x.Lost {
			s += " lost"
		}
		list = append(list, s)
		last = x.TLS
	}
	return list, last
}

func TestSecretsInRecording(t *testing.T) {
	for _, version := range []uint16{stdtls.VersionTLS12, stdtls.VersionTLS13} {
		talk := https(t, version, "/a", "/index.html", "/c")
		want := ""
		for _, port := range []uint16{443, 8080, 4711} {
			for _, at := range []int{0, 1, 2, 3, 5, len(talk.turns)} {
				survey := &Survey{}
				got, seen := pagesIn(t, talk.recorded(t, port, at), Options{Survey: survey})
				if want == "" {
					want = strings.Join(got, "\n")
					if len(got) != 3 || !strings.HasPrefix(got[1], "http GET /index.html HTTP/1.1 > 200, ") {
						t.Fatalf("%q", got)
					}
				}
				if s := strings.Join(got, "\n"); s != want {
					t.Errorf("port %d, secrets behind turn %d: %s, want %s", port, at, s, want)
				}
				if seen == nil || seen.Version != version || seen.ServerName != "plc-3.example" || len(seen.Certificates) != 1 || !bytes.Equal(seen.Certificates[0], talk.der) {
					t.Errorf("seen: %+v", seen)
				}
				if len(survey.Services) != 1 || len(survey.Unknown) != 0 || survey.Services[0].TLS == nil || survey.Services[0].TLS.Subject != "CN=plc-3,O=Pumps" {
					t.Errorf("survey: %+v", survey.Services)
				}
			}
		}
	}
}

// TestKeysBeside: the secrets come in a file beside the recording.
func TestKeysBeside(t *testing.T) {
	talk := https(t, stdtls.VersionTLS13, "/a")
	keys, err := ReadKeys(strings.NewReader("# of a browser\n" + talk.keys + "snmp op SHA authpassword\n"))
	if err != nil || len(keys.SNMP) != 1 {
		t.Fatal(keys, err)
	}
	data := talk.recorded(t, 443, -1)
	if got, _ := pagesIn(t, data, Options{Keys: keys}); len(got) != 1 || !strings.HasPrefix(got[0], "http GET /a") {
		t.Errorf("%q", got)
	}
	if _, err := ReadKeys(strings.NewReader("\nCLIENT_RANDOM 12 34\n")); err == nil || !strings.HasPrefix(err.Error(), "line 2: ") {
		t.Errorf("a broken line: %v", err)
	}
}

// TestManySecrets: a key log that is longer than any packet.
func TestManySecrets(t *testing.T) {
	talk := https(t, stdtls.VersionTLS13, "/a")
	var others strings.Builder
	for i := range 5000 {
		fmt.Fprintf(&others, "CLIENT_RANDOM %064x %096x\n", i+1, i)
	}
	talk.keys = others.String() + talk.keys
	if got, _ := pagesIn(t, talk.recorded(t, 443, 0), Options{}); len(got) != 1 {
		t.Errorf("%q", got)
	}
}

// TestNoSecrets: the survey says what can be seen from outside.
func TestNoSecrets(t *testing.T) {
	for _, x := range []struct {
		version uint16
		want    Secured
	}{
		{stdtls.VersionTLS12, Secured{1, 1, "1.2", "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256", "plc-3.example", "CN=plc-3,O=Pumps", "CN=plc-3,O=Pumps"}},
		{stdtls.VersionTLS13, Secured{1, 1, "1.3", "TLS_AES_128_GCM_SHA256", "plc-3.example", "", ""}},
	} {
		survey := &Survey{}
		talk := https(t, x.version, "/a")
		if got, _ := pagesIn(t, talk.recorded(t, 443, -1), Options{Survey: survey}); len(got) > 0 {
			t.Errorf("exchanges: %q", got)
		}
		if len(survey.Services) != 0 || len(survey.Unknown) != 1 || survey.Unknown[0].Protocol != "tls" || *survey.Unknown[0].TLS != x.want {
			t.Errorf("survey: %+v", survey.Unknown[0])
		}
		if left, _ := pagesIn(t, talk.recorded(t, 443, 0), Options{LeaveTLS: true}); len(left) > 0 {
			t.Errorf("left as it is: %q", left)
		}
	}
}

// TestSecureGaps leaves out one packet after the other: nothing panics, no page is made up, and what came
// before the gap is there.
func TestSecureGaps(t *testing.T) {
	talk := https(t, stdtls.VersionTLS13, "/a", "/bb", "/ccc")
	whole, _ := pagesIn(t, talk.recorded(t, 443, 0), Options{})
	warned := 0
	data := talk.recorded(t, 443, 0)
	for gap := 0; ; gap++ {
		damaged := withoutPacket(data, gap)
		if damaged == nil {
			break
		}
		got, _ := pagesIn(t, damaged, Options{Warn: func(error) { warned++ }})
		for _, page := range got {
			if !strings.Contains(page, "lost") && !slices.Contains(whole, page) {
				t.Errorf("without packet %d: %q, of %q", gap, page, whole)
			}
		}
	}
	if warned < len(talk.turns)/2 {
		t.Errorf("%d warnings", warned)
	}
	for turn := range talk.turns { // what is there is not what was sent
		odd := talk
		odd.turns = slices.Clone(talk.turns)
		odd.turns[turn].data = bytes.Clone(odd.turns[turn].data)
		odd.turns[turn].data[len(odd.turns[turn].data)/2] ^= 0x40
		got, _ := pagesIn(t, odd.recorded(t, 443, 0), Options{Warn: func(error) {}})
		if len(got) > len(whole) {
			t.Errorf("turn %d changed: %q, of %q", turn, got, whole)
		}
	}
}

// withoutPacket leaves the n-th packet out of a file that the Writer wrote; nil: there are fewer.
func withoutPacket(data []byte, n int) []byte {
	for at := 0; at < len(data); {
		kind, length := binary.LittleEndian.Uint32(data[at:]), int(binary.LittleEndian.Uint32(data[at+4:]))
		if kind == blockEnhanced {
			if n == 0 {
				return slices.Concat(data[:at], data[at+length:])
			}
			n--
		}
		at += length
	}
	return nil
}

// TestNotTLSAfterAll: a hello that is answered in the clear.
func TestNotTLSAfterAll(t *testing.T) {
	talk := https(t, stdtls.VersionTLS12, "/a")
	talk.turns = []turn{talk.turns[0], {wire.Server, []byte("HTTP/1.0 400 Bad Request\r\nContent-Length: 0\r\n\r\n")}}
	got, seen := pagesIn(t, talk.recorded(t, 80, -1), Options{})
	if len(got) != 1 || !strings.HasSuffix(got[0], "> 400, 0") && !strings.Contains(got[0], "> 400, 0") || seen != nil {
		t.Errorf("%q", got)
	}
}

// TestDissectorReadsSecrets: tshark finds the pages in what a Tap wrote.
func TestDissectorReadsSecrets(t *testing.T) {
	tshark, err := exec.LookPath("tshark")
	if err != nil {
		t.Skip("tshark is not installed")
	}
	name := filepath.Join(t.TempDir(), "evidence.pcapng")
	for _, version := range []uint16{stdtls.VersionTLS12, stdtls.VersionTLS13} {
		if err := os.WriteFile(name, https(t, version, "/a", "/index.html").recorded(t, 443, 0), 0o600); err != nil {
			t.Fatal(err)
		}
		out, err := exec.Command(tshark, "-r", name, "-Y", "http.request", "-T", "fields", "-e", "http.request.uri").Output()
		if err != nil || string(out) != "/a\n/index.html\n" {
			t.Errorf("%s: %q, %v", tls.VersionName(version), out, err)
		}
	}
}
