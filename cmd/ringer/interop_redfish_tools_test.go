//go:build interop

package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

// redfishTool runs a command-line tool of the Redfish clients; its warnings about certificates go elsewhere.
func redfishTool(t *testing.T, name string, args ...string) (said string, err error) {
	t.Helper()
	b, err := exec.Command(redfishPython(t, name), args...).CombinedOutput()
	return string(b), err
}

// TestInteropRedfishtool: the DMTF's redfishtool logs in both ways, lists, changes and resets the BMC that is
// shipped, and makes and takes away a user.
func TestInteropRedfishtool(t *testing.T) {
	start(t, built(t), "emulate", "../../profiles/bmc-2u-server", "--bind", "127.77.1.6", "--port-offset", "12000", "--events", "none", "--timing", "none")
	awaitTCP(t, "127.77.1.6:12443")
	tool := func(args ...string) string {
		t.Helper()
		said, err := redfishTool(t, "redfishtool", append([]string{"-r", "127.77.1.6:12443", "-S", "Always", "-u", "ADMIN", "-p", "ADMIN"}, args...)...)
		if err != nil {
			t.Errorf("redfishtool %s: %v\n%s", strings.Join(args, " "), err, said)
		}
		return said
	}
	power := func(want string) {
		t.Helper()
		for until := time.Now().Add(10 * time.Second); !strings.Contains(tool("raw", "GET", "/redfish/v1/Systems/1"), `"PowerState": "`+want+`"`); {
			if time.Now().After(until) {
				t.Fatalf("the power does not go %s", want)
			}
		}
	}
	for _, c := range []struct {
		args string
		want string // a regular expression
	}{
		{"-A Session Systems list", `"Id": "1"`},
		{"-A Basic Chassis list", `"@odata.id": "/redfish/v1/Chassis/1"`},
		{"Managers list", `"UUID": "b7c60d1f-`},
		{"odata", `"url": "/redfish/v1/Systems"`},
		{"metadata", `edmx:Edmx`},
		{"Systems -I 1 get", `"Model": "NH-R2480 G2"`},
		{"Systems -I 1 Processors", `"Members@odata.count": 2`},
		{"Chassis -I 1 Thermal", `"ReadingCelsius": \d+`},
		{"Chassis -I 1 Power", `"PowerConsumedWatts": \d+`},
		{"Managers -I 1 NetworkProtocol", `"Port": 623`},
		{"Systems -I 1 setAssetTag rack9", `"AssetTag": "rack9"`},
		{`Systems -I 1 patch {"IndicatorLED":"Blinking"}`, `"IndicatorLED": "Blinking"`},
		{"Systems -I 1 setBootOverride Once Pxe", `"BootSourceOverrideEnabled": "Once"`},
		{"AccountService Accounts list", `"UserName": "operator"`},
		{"AccountService adduser guest secret-12 ReadOnly", `"UserName": "guest"`},
		{"AccountService setpassword guest other-345", ``},
		{"AccountService useradmin guest disable", ``},
		{"AccountService deleteuser guest", ``},
		{"SessionService Sessions list", `"Members@odata.count": \d+`},
	} {
		if said := tool(strings.Fields(c.args)...); !regexp.MustCompile(c.want).MatchString(said) {
			t.Errorf("redfishtool %s: no %s in\n%s", c.args, c.want, said)
		}
	}
	tool("Systems", "-I", "1", "reset", "ForceOff")
	power("Off")
	tool("Systems", "-I", "1", "reset", "On")
	power("On")
	said, err := redfishTool(t, "redfishtool", "-r", "127.77.1.6:12443", "-S", "Always", "-u", "ADMIN", "-p", "wrong", "Systems", "list")
	if err == nil || strings.Contains(said, "Members") {
		t.Errorf("redfishtool got in with a wrong password:\n%s", said)
	}
}

// TestInteropRedfishUtilities: the scripts of the DMTF's Redfish utilities read and change the BMC that is
// shipped.
func TestInteropRedfishUtilities(t *testing.T) {
	start(t, built(t), "emulate", "../../profiles/bmc-2u-server", "--bind", "127.77.1.7", "--port-offset", "12000", "--events", "none", "--timing", "none")
	awaitTCP(t, "127.77.1.7:12443")
	for _, c := range []struct {
		script, args string
		want         string // a regular expression
	}{
		{"rf_power_reset.py", "-i", `Current power state: On`},
		{"rf_power_reset.py", "-t ForceRestart", `Resetting the system`},
		{"rf_sensor_list.py", "", `CPU1 Temp +\| \d+ Cel +\| OK`},
		{"rf_sys_inventory.py", "", `Processor: CPU2 `},
		{"rf_firmware_inventory.py", "", `BMC Firmware +\| 2\.47`},
		{"rf_accounts.py", "", `ADMIN +\| Administrator`},
		{"rf_accounts.py", "-a guest secret-12 Operator", `Adding new user 'guest'\n$`},
		{"rf_accounts.py", "-setpassword guest other-345", ``},
		{"rf_accounts.py", "-disable guest", ``},
		{"rf_accounts.py", "-delete guest", ``},
		{"rf_logs.py", "-s", `\n +1 +\| \d{4}-`},
		{"rf_logs.py", "-s --clear", `Clearing the log`},
		{"rf_boot_override.py", "-i", `Mode: UEFI; Allowable Values: Legacy, UEFI`},
		{"rf_boot_override.py", "-t Pxe", `Setting a one time boot for Pxe`},
		{"rf_boot_override.py", "-i", `Target: Pxe.*\n.*Enabled: Once`},
		{"rf_manager_config.py", "info", `FirmwareVersion: 2\.47`},
		{"rf_manager_config.py", "getnet", `192\.0\.2\.84: 255\.255\.255\.0`},
		{"rf_manager_config.py", "getprotocol", `IPMI +\| True +\| 623`},
		{"rf_manager_config.py", "setprotocol -prot SNMP -dis", `Configuring SNMP`},
		{"rf_manager_config.py", "getprotocol", `SNMP +\| False`},
		{"rf_event_service.py", "subscribe -dest https://198.51.100.7/events", `Created subscription '/redfish/v1/EventService/Subscriptions/1'`},
		{"rf_event_service.py", "info", `Destination: https://198\.51\.100\.7/events`},
		{"rf_event_service.py", "unsubscribe --id 1", ``},
		{"rf_virtual_media.py", "insert -image https://198.51.100.7/boot.iso", `Inserting`},
		{"rf_virtual_media.py", "info", `Image: https://198\.51\.100\.7/boot\.iso`},
		{"rf_virtual_media.py", "eject --id CD", `Ejecting`},
		{"rf_raw_request.py", "-req /redfish/v1/Systems", `"Members@odata.count": 1`},
	} {
		args := append([]string{"-u", "ADMIN", "-p", "ADMIN", "-r", "https://127.77.1.7:12443"}, strings.Fields(c.args)...)
		said, err := redfishTool(t, c.script, args...)
		if err != nil || strings.Contains(said, "Operation failed") || !regexp.MustCompile(c.want).MatchString(said) {
			t.Errorf("%s %s: %v, no %s in\n%s", c.script, c.args, err, c.want, said)
		}
	}
}

// TestInteropRedfishProtocolValidator: the DMTF's judge of DSP0266 finds nothing that the BMC which is shipped does wrong.
func TestInteropRedfishProtocolValidator(t *testing.T) {
	start(t, built(t), "emulate", "../../profiles/bmc-2u-server", "--bind", "127.77.1.8", "--port-offset", "12000", "--events", "none", "--timing", "none")
	awaitTCP(t, "127.77.1.8:12443")
	reports := t.TempDir()
	said, _ := redfishTool(t, "rf_protocol_validator", "-r", "https://127.77.1.8:12443", "-u", "ADMIN", "-p", "ADMIN", "--no-cert-check",
		"--avoid-http-redirect", "--report-type", "tsv", "--report-dir", reports)
	counts := regexp.MustCompile(`PASS: (\d+), WARN: \d+, FAIL: (\d+)`).FindStringSubmatch(said)
	if counts == nil || len(counts[1]) < 3 || counts[2] != "0" {
		t.Errorf("%s", said)
	}
	t.Log(said)
	files, _ := filepath.Glob(filepath.Join(reports, "*.tsv"))
	for _, name := range files {
		b, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		for line := range strings.SplitSeq(string(b), "\n") {
			if strings.Contains(line, "\tFAIL\t") {
				t.Error(line)
			}
		}
	}
}
