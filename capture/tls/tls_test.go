package tls

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"fmt"
	"io"
	"math/big"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"ringer/capture/wire"
)

// A chunk is what one side sent at once.
type chunk struct {
	from wire.Side
	data []byte
}

// A tap is a server's connection that notes what goes over it.
type tap struct {
	net.Conn
	mu   sync.Mutex
	said []chunk
}

func (t *tap) note(from wire.Side, b []byte) {
	t.mu.Lock()
	t.said = append(t.said, chunk{from, bytes.Clone(b)})
	t.mu.Unlock()
}

func (t *tap) Read(b []byte) (int, error) {
	n, err := t.Conn.Read(b)
	t.note(wire.Client, b[:n])
	return n, err
}

func (t *tap) Write(b []byte) (int, error) {
	t.note(wire.Server, b)
	return t.Conn.Write(b)
}

// converse connects a client to a server over loopback and gives what was said.
func converse(t *testing.T, client, server func(net.Conn) error) []chunk {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	failed := make(chan error, 1)
	go func() {
		c, err := net.Dial("tcp", l.Addr().String())
		if err == nil {
			c.SetDeadline(time.Now().Add(20 * time.Second))
			err = client(c)
			c.Close()
		}
		failed <- err
	}()
	c, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	c.SetDeadline(time.Now().Add(20 * time.Second))
	w := &tap{Conn: c}
	if err := server(w); err != nil {
		t.Errorf("server: %v", err)
	}
	c.Close()
	if err := <-failed; err != nil {
		t.Errorf("client: %v", err)
	}
	return w.said
}

// decrypt reads a conversation in segments of a size, and gives what was inside.
func decrypt(secrets *Secrets, said []chunk, size int) (c *Conn, plain [2][]byte, err error) {
	c = New(secrets)
	var buf [2][]byte
	for _, s := range said {
		for part := range slices.Chunk(s.data, size) {
			i := index(s.from)
			buf[i] = append(buf[i], part...)
			for {
				n, data, err := c.Next(s.from, buf[i])
				if err != nil {
					return c, plain, fmt.Errorf("%v: %w", s.from, err)
				}
				if n == 0 {
					break
				}
				plain[i] = append(plain[i], data...)
				buf[i] = buf[i][n:]
			}
		}
	}
	return c, plain, nil
}

func secretsOf(t *testing.T, log string) *Secrets {
	t.Helper()
	s := &Secrets{}
	for line := range strings.Lines(log) {
		if ok, err := s.Line(line); !ok || err != nil {
			t.Fatalf("%q: %v, %v", line, ok, err)
		}
	}
	return s
}

var (
	keyRSA = sync.OnceValue(func() any { k, _ := rsa.GenerateKey(rand.Reader, 2048); return k })
	keyEC  = sync.OnceValue(func() any { k, _ := ecdsa.GenerateKey(elliptic.P256(), rand.Reader); return k })
)

func certificateFor(t *testing.T, key any) tls.Certificate {
	t.Helper()
	template := &x509.Certificate{SerialNumber: big.NewInt(77), Subject: pkix.Name{CommonName: "pump"}, NotAfter: time.Now().Add(time.Hour), DNSNames: []string{"pump.example"}}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.(interface{ Public() crypto.PublicKey }).Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

// large is more than a record holds.
var large = bytes.Repeat([]byte("0123456789abcdef"), 3000)

// ask and answer are one conversation, of small and large parts.
func ask(c net.Conn) error {
	for range 3 {
		if _, err := io.WriteString(c, "question\n"); err != nil {
			return err
		}
		if _, err := io.ReadFull(c, make([]byte, len(large))); err != nil {
			return err
		}
	}
	return nil
}

func answer(c net.Conn) error {
	for range 3 {
		if _, err := io.ReadFull(c, make([]byte, len("question\n"))); err != nil {
			return err
		}
		if _, err := c.Write(large); err != nil {
			return err
		}
	}
	return nil
}

func TestSuites(t *testing.T) {
	type kase struct {
		name    string
		version uint16
		suite   uint16
		key     func() any
	}
	cases := []kase{{"1.3", tls.VersionTLS13, 0, keyEC}, {"1.3 RSA", tls.VersionTLS13, 0, keyRSA}}
	for _, s := range slices.Concat(tls.CipherSuites(), tls.InsecureCipherSuites()) {
		key := keyRSA
		if strings.Contains(s.Name, "_ECDSA_") {
			key = keyEC
		}
		for _, v := range s.SupportedVersions {
			if v < tls.VersionTLS13 {
				cases = append(cases, kase{s.Name + " " + VersionName(v), v, s.ID, key})
			}
		}
	}
	for _, x := range cases {
		t.Run(x.name, func(t *testing.T) {
			var log bytes.Buffer
			server := &tls.Config{Certificates: []tls.Certificate{certificateFor(t, x.key())}, MinVersion: tls.VersionTLS10, NextProtos: []string{"http/1.1"}}
			client := &tls.Config{InsecureSkipVerify: true, KeyLogWriter: &log, MinVersion: x.version, MaxVersion: x.version, ServerName: "pump.example", NextProtos: []string{"h2", "http/1.1"}}
			if x.suite != 0 {
				server.CipherSuites, client.CipherSuites = []uint16{x.suite}, []uint16{x.suite}
			}
			said := converse(t,
				func(c net.Conn) error { return ask(tls.Client(c, client)) },
				func(c net.Conn) error { return answer(tls.Server(c, server)) })
			secrets := secretsOf(t, log.String())
			for _, size := range []int{1 << 20, 1460, 7} {
				c, plain, err := decrypt(secrets, said, size)
				if err != nil {
					t.Fatalf("in segments of %d: %v", size, err)
				}
				if !bytes.Equal(plain[0], bytes.Repeat([]byte("question\n"), 3)) || !bytes.Equal(plain[1], bytes.Repeat(large, 3)) {
					t.Fatalf("in segments of %d: %d and %d bytes", size, len(plain[0]), len(plain[1]))
				}
				h := c.Seen()
				if h.Version != x.version || x.suite != 0 && h.Suite != x.suite || h.Protocol != "http/1.1" || h.ServerName != "pump.example" ||
					len(h.Certificates) != 1 || !bytes.Equal(h.Certificates[0], server.Certificates[0].Certificate[0]) {
					t.Errorf("seen: %+v", h)
				}
				if ecdhe := x.version == Version13 || strings.Contains(x.name, "ECDHE"); ecdhe != (h.Group != 0) {
					t.Errorf("group %d", h.Group)
				}
			}
		})
	}
}

// TestResumed: a session that goes on has no certificate in it, and other secrets.
func TestResumed(t *testing.T) {
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		var log bytes.Buffer
		server := &tls.Config{Certificates: []tls.Certificate{certificateFor(t, keyEC())}}
		client := &tls.Config{InsecureSkipVerify: true, KeyLogWriter: &log, MaxVersion: version, ServerName: "pump.example", ClientSessionCache: tls.NewLRUClientSessionCache(4)}
		for i := range 2 {
			var state tls.ConnectionState
			said := converse(t, func(c net.Conn) error {
				tc := tls.Client(c, client)
				err := ask(tc)
				state = tc.ConnectionState()
				return err
			}, func(c net.Conn) error { return answer(tls.Server(c, server)) })
			if state.DidResume != (i == 1) {
				t.Fatalf("%s: connection %d resumed: %v", VersionName(version), i, state.DidResume)
			}
			secrets := secretsOf(t, log.String())
			if i == 1 && version == tls.VersionTLS12 { // Go's library logs it once only, others for each connection
				f := strings.Fields(log.String())
				secrets = secretsOf(t, fmt.Sprintf("%s %x %s\n", f[0], said[0].data[11:43], f[2]))
			}
			c, plain, err := decrypt(secrets, said, 1460)
			if err != nil || len(plain[0]) != 27 || len(plain[1]) != 3*len(large) {
				t.Fatalf("%s: connection %d: %d and %d bytes, %v", VersionName(version), i, len(plain[0]), len(plain[1]), err)
			}
			if resumed := len(c.Seen().Certificates) == 0; resumed != (i == 1) {
				t.Errorf("%s: connection %d: %+v", VersionName(version), i, c.Seen())
			}
		}
	}
}

// TestSecretsLate: without secrets the greetings are read and nothing is taken; with them, reading goes on.
func TestSecretsLate(t *testing.T) {
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		var log bytes.Buffer
		server := &tls.Config{Certificates: []tls.Certificate{certificateFor(t, keyEC())}}
		client := &tls.Config{InsecureSkipVerify: true, KeyLogWriter: &log, MaxVersion: version, ServerName: "pump.example"}
		said := converse(t,
			func(c net.Conn) error { return ask(tls.Client(c, client)) },
			func(c net.Conn) error { return answer(tls.Server(c, server)) })
		secrets := &Secrets{}
		c := New(secrets)
		var plain, buf [2][]byte
		late := false
		for k := 0; k < len(said); k++ {
			i := index(said[k].from)
			buf[i] = append(buf[i], said[k].data...)
			for {
				n, data, err := c.Next(said[k].from, buf[i])
				if err == ErrSecrets && !late {
					late = true
					if h := c.Seen(); h.Version != version || h.ServerName != "pump.example" || (version == tls.VersionTLS12) != (len(h.Certificates) == 1) {
						t.Errorf("without secrets: %+v", h)
					}
					secrets.Add(secretsOf(t, log.String()))
					continue
				}
				if err != nil {
					t.Fatal(err)
				}
				if n == 0 {
					break
				}
				plain[i] = append(plain[i], data...)
				buf[i] = buf[i][n:]
			}
		}
		if !late || len(plain[0]) != 27 || len(plain[1]) != 3*len(large) {
			t.Errorf("%s: late %v, %d and %d bytes", VersionName(version), late, len(plain[0]), len(plain[1]))
		}
	}
}

// TestWrongSecret: what does not open is an error, and not noise.
func TestWrongSecret(t *testing.T) {
	for _, suite := range []uint16{tls.TLS_RSA_WITH_AES_128_CBC_SHA256, tls.TLS_RSA_WITH_AES_128_CBC_SHA, tls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256, tls.TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256, tls.TLS_RSA_WITH_RC4_128_SHA} {
		var log bytes.Buffer
		server := &tls.Config{Certificates: []tls.Certificate{certificateFor(t, keyRSA())}, CipherSuites: []uint16{suite}, MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS12}
		client := &tls.Config{InsecureSkipVerify: true, KeyLogWriter: &log, CipherSuites: []uint16{suite}}
		said := converse(t,
			func(c net.Conn) error { return ask(tls.Client(c, client)) },
			func(c net.Conn) error { return answer(tls.Server(c, server)) })
		line := strings.TrimSpace(log.String())
		secrets := secretsOf(t, line[:len(line)-2]+"55\n")
		if _, plain, err := decrypt(secrets, said, 1460); err == nil || len(plain[0])+len(plain[1]) > 0 {
			t.Errorf("%s: %d and %d bytes, %v", SuiteName(suite), len(plain[0]), len(plain[1]), err)
		}
	}
}

// TestOpenSSL reads what Go's library does not speak: every suite of TLS 1.3, codes behind the encrypted
// content, new keys on the way, another handshake on the way, DHE.
func TestOpenSSL(t *testing.T) {
	openssl, err := exec.LookPath("openssl")
	if err != nil {
		t.Skip("openssl is not installed")
	}
	dir := t.TempDir()
	for _, x := range []struct {
		name, options, input string
		suite                uint16
	}{
		{"1.3 AES-128", "-tls1_3 -ciphersuites TLS_AES_128_GCM_SHA256", "question\n", 0x1301},
		{"1.3 AES-256", "-tls1_3 -ciphersuites TLS_AES_256_GCM_SHA384", "question\n", 0x1302},
		{"1.3 ChaCha", "-tls1_3 -ciphersuites TLS_CHACHA20_POLY1305_SHA256", "question\n", 0x1303},
		{"another ClientHello", "-tls1_3 -ciphersuites TLS_AES_128_GCM_SHA256 -groups P-256:P-384", "question\n", 0x1301},
		{"new keys", "-tls1_3 -ciphersuites TLS_AES_256_GCM_SHA384", "K\nquestion\n", 0x1302},
		{"encrypt then MAC", "-tls1_2 -cipher ECDHE-RSA-AES256-SHA384", "question\n", 0xc028},
		{"DHE", "-tls1_2 -cipher DHE-RSA-AES128-GCM-SHA256", "question\n", 0x009e},
		{"renegotiated", "-tls1_2 -cipher ECDHE-RSA-AES256-SHA384", "R\nquestion\n", 0xc028},
		{"padded", "-tls1_3 -record_padding 512", "question\n", 0},
	} {
		t.Run(x.name, func(t *testing.T) {
			cert, key := filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
			if _, err := os.Stat(cert); err != nil {
				if out, err := exec.Command(openssl, "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=pump", "-days", "3", "-keyout", key, "-out", cert).CombinedOutput(); err != nil {
					t.Fatalf("%v: %s", err, out)
				}
			}
			log := filepath.Join(t.TempDir(), "keys")
			port := freePort(t)
			options := strings.Fields(x.options)
			serverOptions := []string{"s_server", "-accept", port, "-cert", cert, "-key", key, "-rev", "-naccept", "1", "-client_renegotiation"}
			clientOptions := []string{"-keylogfile", log}
			if strings.Contains(x.options, "-groups") { // the server wants the client's second
				serverOptions = append(serverOptions, "-groups", "P-384", "-tls1_3")
				clientOptions = append(clientOptions, options...)
			} else {
				serverOptions = append(serverOptions, options...)
				clientOptions = append(clientOptions, options[0])
			}
			server := exec.Command(openssl, serverOptions...)
			stdout, err := server.StdoutPipe()
			if err != nil {
				t.Fatal(err)
			}
			if err := server.Start(); err != nil {
				t.Fatal(err)
			}
			defer server.Wait()
			defer server.Process.Kill()
			if _, err := stdout.Read(make([]byte, 1)); err != nil {
				t.Fatalf("openssl s_server %v: %v", serverOptions, err)
			}
			go io.Copy(io.Discard, stdout)
			said := throughTap(t, port, openssl, clientOptions, x.input)
			b, err := os.ReadFile(log)
			if err != nil {
				t.Fatal(err)
			}
			c, plain, err := decrypt(secretsOf(t, string(b)), said, 1460)
			if err != nil || string(plain[0]) != "question\n" || string(plain[1]) != "noitseuq\n" {
				t.Fatalf("%q, %q, %v", plain[0], plain[1], err)
			}
			if h := c.Seen(); x.suite != 0 && h.Suite != x.suite || len(h.Certificates) != 1 {
				t.Errorf("seen: %+v", h)
			}
		})
	}
}

func freePort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	_, port, _ := net.SplitHostPort(l.Addr().String())
	return port
}

// throughTap lets openssl's client talk to a port, and listens.
func throughTap(t *testing.T, port, openssl string, options []string, input string) []chunk {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	client := exec.Command(openssl, append([]string{"s_client", "-connect", l.Addr().String()}, options...)...)
	stdin, err := client.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := client.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := client.Start(); err != nil {
		t.Fatal(err)
	}
	defer client.Wait()
	defer client.Process.Kill()
	near, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	far, err := net.Dial("tcp", "127.0.0.1:"+port)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []net.Conn{near, far} {
		c.SetDeadline(time.Now().Add(20 * time.Second))
	}
	w := &tap{Conn: far}
	var wg sync.WaitGroup
	pass := func(from wire.Side, to, of net.Conn) {
		b := make([]byte, 32<<10)
		for {
			n, err := of.Read(b)
			if n > 0 {
				w.note(from, b[:n])
				to.Write(b[:n])
			}
			if err != nil {
				to.(*net.TCPConn).CloseWrite()
				return
			}
		}
	}
	wg.Go(func() { pass(wire.Client, far, near) })
	wg.Go(func() { pass(wire.Server, near, far) })
	var heard strings.Builder
	b := make([]byte, 4096)
	wait := func(text string) {
		for !strings.Contains(heard.String(), text) {
			n, err := stdout.Read(b)
			heard.Write(b[:n])
			if err != nil {
				t.Fatalf("openssl s_client %v ended: %s", options, heard.String())
			}
		}
	}
	wait("---\n")
	for line := range strings.Lines(input) {
		time.Sleep(200 * time.Millisecond) // commands are lines that come alone
		io.WriteString(stdin, line)
	}
	wait("noitseuq")
	stdin.Close()
	go io.Copy(io.Discard, stdout)
	client.Process.Kill()
	near.Close()
	far.Close()
	wg.Wait()
	return w.said
}

func TestKeyLogLines(t *testing.T) {
	random := strings.Repeat("ab", 32)
	for _, x := range []struct {
		line string
		ok   bool
		bad  bool
	}{
		{"# made by a browser", true, false},
		{"", true, false},
		{"CLIENT_RANDOM " + random + " " + strings.Repeat("cd", 48), true, false},
		{"SERVER_TRAFFIC_SECRET_0 " + random + " " + strings.Repeat("cd", 32) + "\r\n", true, false},
		{"EXPORTER_SECRET " + random + " cd", true, false},
		{"CLIENT_EARLY_TRAFFIC_SECRET " + random + " cd", true, false},
		{"CLIENT_RANDOM " + random, true, true},
		{"CLIENT_RANDOM " + random + " c", true, true},
		{"CLIENT_RANDOM " + random + "cd cd", true, true},
		{"CLIENT_RANDOM xy cd", true, true},
		{"CLIENT_RANDOM " + random + " " + strings.Repeat("cd", 65), true, true},
		{"community public", false, false},
	} {
		s := Secrets{}
		if ok, err := s.Line(x.line); ok != x.ok || (err != nil) != x.bad {
			t.Errorf("%q: %v, %v", x.line, ok, err)
		}
	}
}

func TestSuiteNames(t *testing.T) {
	for _, s := range slices.Concat(tls.CipherSuites(), tls.InsecureCipherSuites()) {
		if SuiteName(s.ID) != s.Name {
			t.Errorf("%#04x is %s, here %s", s.ID, s.Name, SuiteName(s.ID))
		}
		if id, ok := Suite(s.Name); !ok || id != s.ID {
			t.Errorf("%s is %#04x, here %#04x, %v", s.Name, s.ID, id, ok)
		}
	}
	if id, ok := Suite(SuiteName(0x4711)); !ok || id != 0x4711 {
		t.Errorf("an unknown suite reads back as %#04x, %v", id, ok)
	}
}

// FuzzConn: no bytes, in whatever order and with whatever secrets, make it panic or keep much.
func FuzzConn(f *testing.F) {
	secrets := &Secrets{}
	seed := func(version, suite uint16) {
		var log bytes.Buffer
		t := &testing.T{}
		key := keyRSA()
		server := &tls.Config{Certificates: []tls.Certificate{certificateFor(t, key)}, MinVersion: tls.VersionTLS10, CipherSuites: []uint16{suite}}
		client := &tls.Config{InsecureSkipVerify: true, KeyLogWriter: &log, MinVersion: version, MaxVersion: version, CipherSuites: []uint16{suite}, ServerName: "pump.example", NextProtos: []string{"h2"}}
		said := converse(t,
			func(c net.Conn) error { _, err := tls.Client(c, client).Write([]byte("q")); return err },
			func(c net.Conn) error {
				_, err := tls.Server(c, server).Read(make([]byte, 1))
				return err
			})
		secrets.Add(secretsOf(t, log.String()))
		var b []byte
		for _, s := range said {
			b = append(b, byte(index(s.from)), byte(len(s.data)>>8), byte(len(s.data)))
			b = append(b, s.data...)
		}
		f.Add(b)
	}
	seed(tls.VersionTLS13, 0)
	seed(tls.VersionTLS12, tls.TLS_RSA_WITH_AES_128_CBC_SHA)
	seed(tls.VersionTLS12, tls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256)
	seed(tls.VersionTLS10, tls.TLS_RSA_WITH_3DES_EDE_CBC_SHA)
	f.Fuzz(func(t *testing.T, b []byte) {
		c := New(secrets)
		var buf [2][]byte
		for len(b) >= 3 {
			from, n := wire.Side(b[0]&1 == 1), min(len(b)-3, int(b[1])<<8|int(b[2]))
			i := index(from)
			buf[i] = append(buf[i], b[3:3+n]...)
			b = b[3+n:]
			for {
				n, _, err := c.Next(from, buf[i])
				if n < 0 || n > len(buf[i]) {
					t.Fatalf("took %d of %d bytes", n, len(buf[i]))
				}
				if n == 0 {
					if err != nil {
						buf[i] = nil
					}
					break
				}
				buf[i] = buf[i][n:]
			}
			if len(buf[i]) > headerLen+fragmentMax+1<<16 || c.Held() > 4*handshakeMax+4*fragmentMax {
				t.Fatalf("%d bytes wait, %d are held", len(buf[i]), c.Held())
			}
		}
	})
}
