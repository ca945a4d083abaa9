#!/bin/sh
# Records visits of ipmitool, FreeIPMI, Net-SNMP, curl and python-redfish to the shipped BMC: ../bmc-2u-server.pcapng.
#
# usage: PY=/path/to/python bmc.sh [OUT.pcapng]
#
# Needs bin/ringer, root (ports below 1024, capturing on lo), Debian's ipmitool freeipmi-tools snmp curl tshark, and in PY
# a Python with redfish 3. The secrets of TLS are in the recording; the passwords are those of the profile, and are in
# ../bmc-2u-server.keys.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
PY=${PY:-python3}
at=127.0.10.7
out=${1:-$here/../bmc-2u-server.pcapng}
work=$(mktemp -d)
pids=
trap 'for p in $pids; do kill $p 2>/dev/null || true; done; wait; rm -rf "$work"' EXIT
"$here/../../bin/ringer" emulate "$here/../../profiles/bmc-2u-server" --bind $at --events none >/dev/null & pids="$pids $!"
sleep 3
dumpcap -q -i lo -f "host $at" -w "$work/out.pcapng" 2>/dev/null & cap=$!; pids="$pids $cap"
sleep 1

quiet() { "$@" >/dev/null 2>&1 || true; }
tool() { quiet ipmitool -H $at -U ADMIN -P ADMIN "$@"; }
tool -I lan -A MD5 mc info
tool -I lan -A MD5 chassis status
tool -I lan -A MD5 sel elist
for suite in 3 17; do
	tool -I lanplus -C $suite mc info
	tool -I lanplus -C $suite sensor list
done
for ask in "mc guid" "mc selftest" "chassis status" "chassis bootparam get 5" "chassis poh" "chassis restart_cause" "sdr elist all" "sel info" "sel elist" \
	"fru print" "fru read 0 $work/fru0" "fru read 1 $work/fru1" "fru read 2 $work/fru2" "user list 1" "user summary 1" "lan print 1" "channel info 1" "channel getaccess 1" "channel getciphers ipmi" \
	"session info active" "dcmi power reading" "dcmi discover" "dcmi asset_tag" "sol info 1" "mc watchdog get" "mc getsysinfo system_name"; do
	tool -I lanplus -C 17 $ask
done
for program in bmc-info ipmi-chassis "ipmi-sel" "ipmi-fru" "ipmi-sensors --sdr-cache-recreate"; do
	case $program in ipmi-chassis) more=--get-chassis-status ;; *) more= ;; esac
	quiet $program $more -D LAN_2_0 -h $at -u ADMIN -p ADMIN -I 3 --sdr-cache-directory="$work"
done
quiet rmcpping -c 1 $at
quiet ipmiping -c 1 $at

quiet snmpwalk -v2c -c public -On $at .1
quiet snmpbulkwalk -v3 -l authPriv -u ADMIN -a SHA-256 -A ADMINADMIN -x AES -X ADMINADMIN -On $at .1
quiet snmpget -v3 -l authPriv -u operator -a SHA -A rack12ops -x AES -X rack12ops -On $at .1.3.6.1.2.1.1.1.0 .1.3.6.1.2.1.1.5.0
quiet snmpget -v3 -l authNoPriv -u operator -a SHA -A wrongwrong -r0 -t1 -On $at .1.3.6.1.2.1.1.1.0
quiet snmpget -v2c -c private -r0 -t1 -On $at .1.3.6.1.2.1.1.1.0

export SSLKEYLOGFILE="$work/tls.keys"
for path in / /style.css /nothing.html /redfish /redfish/v1/ '/redfish/v1/$metadata' /redfish/v1/odata /redfish/v1/Systems; do
	quiet curl -sk "https://$at$path"
done
quiet curl -sk -u ADMIN:ADMIN "https://$at/redfish/v1/Systems/1"
quiet "$PY" "$here/bmc_visit.py" $at
# Who is not let in comes last: the controller writes it into its log.
quiet curl -sk -u ADMIN:wrong "https://$at/redfish/v1/Systems/1"
quiet ipmitool -I lanplus -H $at -U ADMIN -P wrong -R 1 mc info
quiet ipmitool -I lanplus -H $at -U nobody -P ADMIN -R 1 mc info
sleep 1
kill -INT $cap
sleep 1
editcap --inject-secrets "tls,$work/tls.keys" "$work/out.pcapng" "$out"
chmod 644 "$out"
