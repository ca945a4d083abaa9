//go:build interop

package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// A clientAsk is a line for a client, what it is to print, and whether it is to be content.
type clientAsk struct {
	ask, want string
	fails     bool
}

// asked runs lines of a client one after the other; args come before them, or behind the first word.
func asked(t *testing.T, all []clientAsk, command func(ask string) []string) {
	t.Helper()
	for _, x := range all {
		words := command(x.ask)
		out, ok := says(t, words[0], words[1:]...)
		if ok == x.fails || !regexp.MustCompile(x.want).MatchString(out) {
			t.Errorf("%s: want %s, got (%v)\n%s", strings.Join(words, " "), x.want, ok, out)
		}
	}
}

// changedBMC is the shipped server with some lines of its files changed.
func changedBMC(t *testing.T, change map[string]string) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "bmc")
	if err := os.CopyFS(dir, os.DirFS(bmcProfile)); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"device.yaml", "ipmi/answers.tsv"} {
		name = filepath.Join(dir, name)
		b, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		text := string(b)
		for from, to := range change {
			text = strings.ReplaceAll(text, from, to)
		}
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// TestInteropIPMIChanges: what ipmitool and FreeIPMI set is what they get.
func TestInteropIPMIChanges(t *testing.T) {
	need(t, "ipmitool", "ipmi-chassis", "ipmi-dcmi")
	const at = "127.0.91.30"
	decoy(t, nil, bmcProfile, "--bind", at)
	t.Setenv("HOME", t.TempDir())
	dir := t.TempDir()
	old, changed, again := filepath.Join(dir, "old"), filepath.Join(dir, "changed"), filepath.Join(dir, "again")
	as := func(user, password, level string) func(string) []string {
		return func(ask string) []string {
			words := []string{"ipmitool", "-I", "lanplus", "-C", "17", "-H", at, "-U", user, "-P", password, "-L", level}
			for _, w := range strings.Fields(ask) {
				words = append(words, strings.ReplaceAll(w, "~", " "))
			}
			return words
		}
	}
	admin := as("ADMIN", "ADMIN", "ADMINISTRATOR")
	asked(t, []clientAsk{
		{ask: "sensor thresh Inlet~Temp unc 31", want: `threshold to 31\.000`},
		{ask: "sensor get Inlet~Temp", want: `Upper Non-Critical +: 31\.000`},
		{ask: "sensor thresh Inlet~Temp unr 50", want: `illegal for specified sensor`, fails: true},
		{ask: "sensor thresh FAN1 lower 600 750 975", want: `Lower Non-Critical threshold to 975\.000`},
		{ask: "sensor list", want: `FAN1 .*\| 600\.000 +\| 750\.000 +\| 975\.000`},
		{ask: "fru read 0 " + old, want: `512 bytes`},
	}, admin)
	b, err := os.ReadFile(old)
	if err != nil {
		t.Fatal(err)
	}
	b[len(b)-1] ^= 0x55
	os.WriteFile(changed, b, 0o600)
	asked(t, []clientAsk{{ask: "fru write 0 " + changed, want: `Size to Write +: 512 bytes`}, {ask: "fru read 0 " + again, want: `Done`}}, admin)
	if got, _ := os.ReadFile(again); string(got) != string(b) {
		t.Error("what was written to the FRU is not what is read")
	}
	asked(t, []clientAsk{
		{ask: "chassis policy list", want: `always-off always-on previous`},
		{ask: "chassis policy always-on", want: `policy to always-on`},
		{ask: "chassis status", want: `Power Restore Policy : always-on`},
		{ask: "channel getaccess 1 3", want: `User Name +: operator\n(?s:.*)Privilege Level +: OPERATOR\nEnable Status +: enabled`},
		{ask: "channel setaccess 1 3 privilege=2", want: `successful`},
		{ask: "channel getaccess 1 3", want: `Privilege Level +: USER`},
		{ask: "channel setaccess 1 3 privilege=3", want: `successful`},
		{ask: "mc watchdog reset", want: `uninitialized watchdog`, fails: true},
		{ask: "raw 6 0x24 4 0 0 0 0x58 2", want: `^\s*$`},
		{ask: "mc watchdog reset", want: `countdown restarted`},
		{ask: "mc watchdog get", want: `Running(?s:.*)Initial Countdown: +60\.0 sec\nPresent Countdown: +(60|59)\.\d sec`},
		{ask: "mc watchdog off", want: `stopped`},
		{ask: "mc watchdog get", want: `Stopped`},
		{ask: "dcmi power get_limit", want: `No Active Power Limit`},
		{ask: "dcmi power set_limit limit 400", want: `Power Limit: +400 Watts`},
		{ask: "dcmi power activate", want: `successfully activated`},
		{ask: "dcmi power get_limit", want: `Power Limit Active\n(?s:.*)Power Limit: +400 Watts`},
		{ask: "dcmi sensors", want: `CPU2 Temp +\| \d\d degrees C +\| ok`},
		{ask: "dcmi set_asset_tag R99", want: `R99`},
		{ask: "dcmi asset_tag", want: `Asset tag: R99\n`},
		{ask: "dcmi set_mc_id_string bmc-x", want: `bmc-x`},
		{ask: "dcmi get_mc_id_string", want: `String: bmc-x\W`},
		{ask: "user set name 6 guest", want: ``},
		{ask: "user set password 6 guest-guest 16", want: `successful`},
		{ask: "channel setaccess 1 6 ipmi=on privilege=3", want: `successful`},
		{ask: "user enable 6", want: ``},
		{ask: "user test 6 16 guest-guest", want: `Success`},
		{ask: "user list 1", want: `6 +guest +true +true +true +OPERATOR`},
	}, admin)
	guest := []clientAsk{
		{ask: "power status", want: `Power is on`},
		{ask: "user list 1", want: `guest`},
		{ask: "user set name 7 x", want: `Insufficient privilege`, fails: true},
		{ask: "sel clear", want: `Clearing SEL`},
	}
	asked(t, guest, as("guest", "guest-guest", "OPERATOR"))
	asked(t, []clientAsk{
		{ask: "power off", want: `Insufficient privilege`, fails: true}, {ask: "chassis bootparam get 5", want: `Insufficient privilege`, fails: true}, {ask: "sel elist", want: ``},
	}, as("guest", "guest-guest", "USER"))
	asked(t, []clientAsk{{ask: "user disable 6", want: ``}}, admin)
	asked(t, []clientAsk{{ask: "power status", want: `Unable to establish`, fails: true}}, as("guest", "guest-guest", "OPERATOR"))
	asked(t, []clientAsk{
		{ask: "ipmi-chassis --set-power-restore-policy=restore", want: `^$`},
		{ask: "ipmi-chassis --get-chassis-status", want: `restore policy +: Restore`},
		{ask: "ipmi-dcmi --get-power-limit", want: `Power Limit Requested +: 400 watts`},
		{ask: "ipmi-dcmi --get-asset-tag", want: `R99`},
	}, func(ask string) []string {
		return append(strings.Fields(ask), "-h", at, "-u", "ADMIN", "-p", "ADMIN", "-D", "LAN_2_0", "-I", "3")
	})
}

// TestInteropIPMIOpen: a server that lets in whoever names a user, by cipher suite 0 and by IPMI 1.5 without
// authentication, and tells so; the same that does not.
func TestInteropIPMIOpen(t *testing.T) {
	need(t, "ipmitool", "nmap")
	const at, closed = "127.0.91.31", "127.0.91.32"
	decoy(t, nil, changedBMC(t, map[string]string{
		"ciphers: [3, 8, 17]": "ciphers: [0, 3, 17]", "auth: [md5, password]": "auth: [none, md5]\n      anonymous: true",
		"users:\n": "users:\n        1: {name: \"\", privilege: user}\n", "00111414141400": "00111515040400",
	}), "--bind", at)
	decoy(t, nil, bmcProfile, "--bind", closed)
	scan := func(at string) string {
		out, _ := says(t, "nmap", "-sU", "-p623", "--script", "ipmi-version,ipmi-cipher-zero", at)
		return out
	}
	out := scan(at)
	for _, want := range []string{"State: VULNERABLE", "UserAuth: md5, null", "anonymous_user"} {
		if !strings.Contains(out, want) {
			t.Errorf("open: no %q in\n%s", want, out)
		}
	}
	if out := scan(closed); strings.Contains(out, "VULNERABLE") || strings.Contains(out, "anonymous") {
		t.Errorf("closed:\n%s", out)
	}
	ask := func(way string) func(string) []string {
		return func(ask string) []string {
			return append(append([]string{"ipmitool"}, strings.Fields(way)...), strings.Fields(ask)...)
		}
	}
	asked(t, []clientAsk{{ask: "power status", want: `Power is on`}, {ask: "user list 1", want: `ADMIN`}}, ask("-I lanplus -C 0 -U ADMIN -P x -H "+at))
	asked(t, []clientAsk{{ask: "power status", want: ``, fails: true}}, ask("-I lanplus -C 0 -U ADMIN -P x -H "+closed))
	asked(t, []clientAsk{{ask: "power status", want: `Power is on`}}, ask("-I lan -A NONE -L USER -U ADMIN -H "+at))
	asked(t, []clientAsk{{ask: "power status", want: `(?i)privilege`, fails: true}}, ask("-I lan -A NONE -L ADMINISTRATOR -U ADMIN -H "+at))
	asked(t, []clientAsk{{ask: "power status", want: `NONE not supported`, fails: true}}, ask("-I lan -A NONE -L USER -U ADMIN -H "+closed))
}

// TestInteropIPMIConsole: ipmitool shows the host's console.
func TestInteropIPMIConsole(t *testing.T) {
	need(t, "ipmitool", "python3")
	const at = "127.0.91.33"
	decoy(t, nil, bmcProfile, "--bind", at)
	for _, suite := range []string{"3", "17"} {
		cmd := exec.Command("python3", "-c", `
import os, pty, select, sys, time
pid, fd = pty.fork()
if pid == 0:
    os.execvp(sys.argv[1], sys.argv[1:])
def until(text):
    out, end = b"", time.time() + 15
    while text not in out and time.time() < end:
        if select.select([fd], [], [], 0.2)[0]:
            try:
                out += os.read(fd, 4096)
            except OSError:
                break
    sys.stdout.write(out.decode())
until(b"login: ")
os.write(fd, b"root\r")
until(b"Password: ")
os.write(fd, b"toor\r")
until(b"login: ")
os.write(fd, b"\r")
until(b"login: ")
os.write(fd, b"~.")
until(b"terminated")
sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
`, "ipmitool", "-I", "lanplus", "-C", suite, "-H", at, "-U", "ADMIN", "-P", "ADMIN", "sol", "activate")
		out, err := cmd.CombinedOutput()
		text := strings.ReplaceAll(string(out), "\r", "")
		for _, want := range []string{"SOL Session operational", "Norhaven Linux 12 node-r12-u07 ttyS1", "login: root\nPassword: ", "Login incorrect\nnode-r12-u07 login: ", "terminated ipmitool"} {
			if !strings.Contains(text, want) {
				t.Errorf("suite %s: no %q in\n%s (%v)", suite, want, text, err)
			}
		}
		if strings.Contains(text, "toor") {
			t.Errorf("suite %s: the password is shown", suite)
		}
	}
}
