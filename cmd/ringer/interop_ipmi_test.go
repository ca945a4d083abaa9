//go:build interop

package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"
)

// bmcProfile is the server that ships with ringer.
const bmcProfile = "../../profiles/bmc-2u-server"

// says runs a client and gives what it printed, and whether it was content.
func says(t *testing.T, program string, args ...string) (string, bool) {
	t.Helper()
	out, err := exec.Command(program, args...).CombinedOutput()
	return strings.ReplaceAll(string(out), "\r", "\n"), err == nil
}

// TestInteropIPMITool asks the shipped server everything that ipmitool can show, over IPMI 1.5 and two suites of 2.0.
func TestInteropIPMITool(t *testing.T) {
	need(t, "ipmitool")
	for i, way := range [][]string{{"-I", "lan", "-A", "MD5"}, {"-I", "lanplus", "-C", "3"}, {"-I", "lanplus", "-C", "17"}} {
		t.Run(strings.Join(way, " "), func(t *testing.T) {
			t.Parallel() // each waits for power that goes on and off
			at := fmt.Sprintf("127.0.91.%d", 10+i)
			decoy(t, nil, bmcProfile, "--bind", at)
			for _, x := range []struct{ ask, want string }{
				{"mc info", `Firmware Revision +: 2\.47\n(?s:.*)Product ID +: 9344`},
				{"mc guid", `0200484e-1252-4210-8022-07ce1452a07c`},
				{"mc selftest", `Selftest: passed`},
				{"chassis status", `System Power +: on\n(?s:.*)Power Restore Policy : previous`},
				{"power status", `Chassis Power is on`},
				{"chassis bootdev pxe", `Set Boot Device to pxe`},
				{"chassis bootparam get 5", `Options apply to only next boot\n(?s:.*)Force PXE`},
				{"chassis identify 5", `interval: 5 seconds`},
				{"chassis poh", `306 days`},
				{"chassis restart_cause", `System restart cause`},
				{"sdr elist full", `Inlet Temp +\| 01h \| ok +\| 55\.1 \| 2\d degrees C\n(?s:.*)FAN6 .* RPM\n(?s:.*)System Power`},
				{"sdr type Temperature", `CPU2 Temp .* degrees C`},
				{"sensor list", `P12V +\| 1[12]\.\d+ +\| Volts +\| ok +\| na +\| 10\.899 `},
				{"sensor get FAN1", `Lower Critical +: 900\.000`},
				{"sel info", `Entries +: 9\n`},
				{"sel elist", `1 \| 03/01/26 \| 09:00:00 UTC \| Event Logging Disabled SEL Status \| Log area reset/cleared \| Asserted\n(?s:.*)Upper Non-critical going high`},
				{"fru print", `Board Serial +: NHB25211932\n(?s:.*)Product Serial +: NHS25212207\n(?s:.*)PSU2 FRU \(ID 2\)\n(?s:.*)EP8X25110072`},
				{"user list 1", `2 +ADMIN +true +true +true +ADMINISTRATOR\n3 +operator .* OPERATOR\n4 +monitor .* USER`},
				{"user summary 1", `Maximum IDs\s+: 10\nEnabled User Count +: 3`},
				{"lan print 1", `IP Address +: ` + regexp.QuoteMeta(at) + `\n(?s:.*)MAC Address +: 02:ce:14:52:a0:7c`},
				{"channel info 1", `802\.3 LAN`},
				{"channel getaccess 1 2", `User Name +: ADMIN\n(?s:.*)ADMINISTRATOR`},
				{"channel getciphers ipmi", `\n3 .*\n8 .*\n17 .*hmac_sha256`},
				{"session info active", `user id +: 2\n(?s:.*)console ip +: 127\.0\.0\.1`},
				{"dcmi power reading", `Instantaneous power reading: +\d{3} Watts`},
				{"dcmi discover", `Power management available`},
				{"dcmi asset_tag", `R12-U07A`},
				{"dcmi get_mc_id_string", `bmc-r12-u07a`},
				{"sol info 1", `Enabled +: true`},
				{"raw 6 1", `20 81 02 47 02 bf e8 fd 00 80 24`},
				{"mc watchdog get", `Stopped`},
				{"user priv 4 3 1", `successful`},
				{"user list 1", `4 +monitor .* OPERATOR`},
				{"power off", `Down/Off`}, {"", "3s"}, {"power status", `is off`},
				{"power on", `Up/On`}, {"", "3s"}, {"power status", `is on`},
				{"chassis bootparam get 5", `Boot Flag Invalid`},
				{"power cycle", `Cycle`}, {"power status", `is off`}, {"", "6s"}, {"power status", `is on`},
				{"power reset", `Reset`},
				{"sel clear", `Clearing SEL`}, {"sel elist", `SEL has no entries`},
			} {
				if x.ask == "" {
					d, _ := time.ParseDuration(x.want)
					time.Sleep(d)
					continue
				}
				args := append(append([]string{}, way...), "-H", at, "-U", "ADMIN", "-P", "ADMIN")
				out, ok := says(t, "ipmitool", append(args, strings.Fields(x.ask)...)...)
				if !ok || !regexp.MustCompile(x.want).MatchString(out) {
					t.Errorf("%s: want %s, got (%v)\n%s", x.ask, x.want, ok, out)
				}
			}
		})
	}
}

// TestInteropFreeIPMI: FreeIPMI is stricter than ipmitool.
func TestInteropFreeIPMI(t *testing.T) {
	need(t, "bmc-info", "ipmi-sensors", "ipmi-config", "ipmiping")
	const at = "127.0.91.14"
	decoy(t, nil, bmcProfile, "--bind", at)
	t.Setenv("HOME", t.TempDir()) // of its cache
	for _, way := range [][]string{{"-D", "LAN_2_0", "-I", "3"}, {"-D", "LAN_2_0", "-I", "17"}, {"-D", "LAN"}} {
		for _, x := range []struct{ ask, want string }{
			{"bmc-info", `Firmware Revision +: 2\.47\n(?s:.*)System GUID`},
			{"ipmi-chassis --get-chassis-status", `System Power +: on`},
			{"ipmi-sensors", `\| Inlet Temp +\| Temperature +\| 2\d\.00 +\| C +\| 'OK'\n(?s:.*)PSU2 Status .*'Presence detected'`},
			{"ipmi-sel", `PSU2 Status +\| Power Supply +\| .*`},
			{"ipmi-fru", `FRU Board Serial Number: NHB25211932`},
			{"ipmi-dcmi --get-asset-tag", `R12-U07A`},
			{"ipmi-dcmi --get-system-power-statistics", `Current Power +: \d{3} Watts`},
			{"ipmi-dcmi --get-dcmi-sensor-info", `CPU Temperature SDR Record IDs\n3\n4`},
		} {
			words := strings.Fields(x.ask)
			out, ok := says(t, words[0], append(append(words[1:], "-h", at, "-u", "ADMIN", "-p", "ADMIN"), way...)...)
			if !ok || !regexp.MustCompile(x.want).MatchString(out) {
				t.Errorf("%s %v: want %s, got (%v)\n%s", x.ask, way, x.want, ok, out)
			}
		}
	}
	// It ends with 1 where a controller lacks any of the many things that it asks for.
	if out, _ := says(t, "ipmi-config", "--checkout", "-h", at, "-u", "ADMIN", "-p", "ADMIN", "-D", "LAN_2_0", "-I", "3"); !regexp.MustCompile(`Username +operator\n`).MatchString(out) {
		t.Errorf("ipmi-config:\n%s", out)
	}
	for _, ping := range []string{"ipmiping", "rmcpping"} {
		if out, ok := says(t, ping, "-c", "2", at); !ok || !strings.Contains(out, "2 re") && !strings.Contains(out, "2 pongs") {
			t.Errorf("%s: %s", ping, out)
		}
	}
}

// TestInteropIPMIScans: what those find who look for controllers that are open.
func TestInteropIPMIScans(t *testing.T) {
	need(t, "nmap")
	const at = "127.0.91.15"
	decoy(t, nil, bmcProfile, "--bind", at)
	dir := t.TempDir()
	users, words := filepath.Join(dir, "users"), filepath.Join(dir, "words")
	os.WriteFile(users, []byte("ADMIN\n"), 0o600)
	os.WriteFile(words, []byte("calvin\nADMIN\n"), 0o600)
	out, _ := says(t, "nmap", "-sU", "-p623", "--script", "ipmi-version,ipmi-cipher-zero,ipmi-brute", "--script-args", "userdb="+users+",passdb="+words, at)
	for _, want := range []string{"IPMI-2.0", "UserAuth: password, md5", "Level: 1.5, 2.0", "ADMIN:ADMIN - Valid credentials"} {
		if !strings.Contains(out, want) {
			t.Errorf("no %q in\n%s", want, out)
		}
	}
	if strings.Contains(out, "VULNERABLE") {
		t.Errorf("cipher zero is open:\n%s", out)
	}
}

// TestInteropIPMIPyghmi: the client of OpenStack.
func TestInteropIPMIPyghmi(t *testing.T) {
	py := python(t)
	const at = "127.0.91.16"
	decoy(t, nil, bmcProfile, "--bind", at)
	out, ok := says(t, py, "-c", `
from pyghmi.ipmi import command
c = command.Command(bmc="`+at+`", userid="ADMIN", password="ADMIN")
c.set_bootdev("network")
print(c.get_power(), c.get_bootdev()["bootdev"], len(list(c.get_sensor_data())), len(list(c.get_event_log())))
print(dict(c.get_inventory())["System"]["Serial Number"], c.get_users()[3]["name"], c.get_net_configuration()["ipv4_address"])
print(c.set_power("off", wait=10), c.set_power("on", wait=10))
`)
	want := "{'powerstate': 'on'} network 30 9\nNHS25212207 operator " + at + "/24\n{'powerstate': 'off'} {'powerstate': 'on'}\n"
	if !ok || out != want {
		t.Errorf("want\n%sgot\n%s", want, out)
	}
}

// ipmiQuestions are asked of the simulator and of its decoy.
var ipmiQuestions = []string{
	"mc info", "mc guid", "mc selftest", "chassis status", "power status", "sdr elist all", "sdr type Temperature", "sensor list", "sensor get Watchdog",
	"sel info", "sel elist", "fru print 0", "user list 1", "user summary 1", "lan print 1", "channel info 1", "channel getaccess 1 2", "channel getciphers ipmi",
	"dcmi power reading", "dcmi discover", "sol info 1", "raw 6 1", "mc watchdog get", "chassis bootdev pxe", "chassis bootparam get 5", "chassis identify 5",
	"power off", "power status", "sel add EVENT", "sel elist", "sel clear", "sel elist",
}

// TestInteropIPMISimulator: what was recorded of ipmi_sim, read with its user's password, is served again alike.
func TestInteropIPMISimulator(t *testing.T) {
	need(t, "ipmitool", "ipmi_sim", "dumpcap")
	const original, copied = "127.0.91.18", "127.0.91.19"
	dir := t.TempDir()
	simulator(t, dir, original)
	event := filepath.Join(dir, "event")
	os.WriteFile(event, []byte("0x04 0x02 0x01 0x01 0x57 0x29 0x28 # too warm\n"), 0o600)
	ask := func(at string) (all []string) {
		for _, way := range [][]string{{"-I", "lan"}, {"-I", "lanplus", "-C", "3"}} {
			for _, q := range ipmiQuestions {
				q = strings.Replace(q, "EVENT", event, 1)
				out, _ := says(t, "ipmitool", append(append(way, "-H", at, "-U", "ipmiusr", "-P", "test"), strings.Fields(q)...)...)
				all = append(all, strings.Join(way, " ")+" "+q+"\n"+ipmiMoving.ReplaceAllString(strings.ReplaceAll(out, at, "HERE"), "TIME"))
			}
		}
		for _, way := range [][]string{{"-C", "17"}, {"-C", "0", "-P", "x"}, {"-C", "3", "-P", "wrong"}, {"-C", "3", "-U", "nobody"}} {
			args := append([]string{"-I", "lanplus", "-H", at, "-U", "ipmiusr", "-P", "test"}, way...)
			out, _ := says(t, "ipmitool", append(args, "mc", "info")...)
			all = append(all, strings.Join(way, " ")+"\n"+out)
		}
		return all
	}
	pcap := filepath.Join(dir, "sim.pcapng")
	listen := exec.Command("dumpcap", "-q", "-i", "lo", "-f", "udp port 623 and host "+original, "-w", pcap)
	if err := listen.Start(); err != nil {
		t.Fatal(err)
	}
	time.Sleep(2 * time.Second)
	want := ask(original)
	time.Sleep(time.Second)
	listen.Process.Signal(syscall.SIGINT)
	listen.Wait()
	keys := filepath.Join(dir, "keys")
	os.WriteFile(keys, []byte("ipmi ipmiusr test\n"), 0o600)

	learned := filepath.Join(dir, "learned")
	if out, ok := says(t, built(t), "capture", pcap, "--keys", keys, "--keep-secrets", "-o", learned); !ok {
		t.Fatal(out)
	}
	decoy(t, nil, filepath.Join(learned, original), "--bind", copied)
	for i, got := range ask(copied) {
		if got != want[i] {
			t.Errorf("want %s\ngot %s", want[i], got)
		}
	}

	// Without being told to keep it, the password is nowhere in the profile.
	scrubbed := filepath.Join(dir, "scrubbed")
	if out, ok := says(t, built(t), "capture", pcap, "--keys", keys, "-o", scrubbed); !ok {
		t.Fatal(out)
	}
	filepath.WalkDir(scrubbed, func(name string, d os.DirEntry, err error) error {
		if b, _ := os.ReadFile(name); strings.Contains(string(b), "bait") {
			t.Errorf("%s has a bait", name)
		}
		return err
	})
}

// ipmiMoving is what differs from one asking to the next: times.
var ipmiMoving = regexp.MustCompile(` *(?:\d\d/\d\d/\d\d[ |]+\d\d:\d\d:\d\d UTC|S\+ \d\d:\d\d:\d\d|Pre-Init +\|\d+) *`)

// simulator starts ipmi_sim with some of the shipped server's records.
func simulator(t *testing.T, dir, at string) {
	t.Helper()
	sdr, err := os.ReadFile(filepath.Join(bmcProfile, "ipmi/sdr.bin"))
	if err != nil {
		t.Fatal(err)
	}
	fru, err := os.ReadFile(filepath.Join(bmcProfile, "ipmi/fru0.bin"))
	if err != nil {
		t.Fatal(err)
	}
	bytes := func(b []byte) string {
		return strings.TrimSuffix(strings.ReplaceAll(fmt.Sprintf("% #x", b), "0x0x", "0x"), " ")
	}
	var emu strings.Builder
	emu.WriteString("mc_setbmc 0x20\nmc_add 0x20 0 no-device-sdrs 0x23 9 8 0x9f 0x1291 0xf02\nsel_enable 0x20 1000 0x0a\n")
	for n := 0; len(sdr) > 0; n++ {
		r := sdr[:5+int(sdr[4])]
		sdr = sdr[len(r):]
		if r[3] == 1 && n < 8 {
			fmt.Fprintf(&emu, "sensor_add 0x20 0 %#x %#x 1\nsensor_set_value 0x20 0 %#x %#x 0\n", r[7], r[12], r[7], r[31])
			const all = " 000111111111111"
			fmt.Fprintf(&emu, "sensor_set_event_support 0x20 0 %#x enable scanning per-state%s%s%s%s\n", r[7], all, all, all, all)
		}
		fmt.Fprintf(&emu, "main_sdr_add 0x20 %s\n", bytes(r))
	}
	fmt.Fprintf(&emu, "mc_add_fru_data 0x20 0 %#x data %s\nmc_enable 0x20\n", len(fru), bytes(fru))
	lan := `name "bmc"
set_working_mc 0x20
  startlan 1
    addr ` + at + ` 623
    priv_limit admin
    allowed_auths_callback none md2 md5 straight
    allowed_auths_user none md2 md5 straight
    allowed_auths_operator none md2 md5 straight
    allowed_auths_admin none md2 md5 straight
    guid a123456789abcdefa123456789abcdef
  endlan
  user 1 true  ""        "test" user     10       none md2 md5 straight
  user 2 true  "ipmiusr" "test" admin    10       none md2 md5 straight
`
	files := map[string]string{"lan.conf": lan, "bmc.emu": emu.String()}
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	os.Mkdir(filepath.Join(dir, "state"), 0o700)
	cmd := exec.Command("ipmi_sim", "-c", filepath.Join(dir, "lan.conf"), "-f", filepath.Join(dir, "bmc.emu"), "-s", filepath.Join(dir, "state"), "-n")
	in, err := cmd.StdinPipe() // it listens for as long as this is open
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { in.Close(); cmd.Process.Kill(); cmd.Wait() })
	time.Sleep(2 * time.Second)
}
