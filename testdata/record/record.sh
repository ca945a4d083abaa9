#!/bin/sh
# Makes the recordings of this project: real servers, or a profile that ringer serves, asked by real clients.
#
# usage: PY=/path/to/python record.sh station [OUT.pcapng]    pymodbus, python-snap7, snmpd and nginx as one
#                                                             device on 127.0.10.1: ../pump-station.pcapng
#        PY=/path/to/python record.sh boiler [OUT.pcapng]     bacpypes3 and pymodbus as one device on 127.0.10.3:
#                                                             ../boiler.pcapng
#        PY=/path/to/python record.sh profile DIR [OUT.pcapng] a profile, served by bin/ringer on 127.0.10.2
#
# Needs root (ports below 1024, capturing on lo), Debian's snmpd snmp nginx-light nmap curl tshark mbpoll openssl,
# and in PY a Python with pymodbus 3.8, python-snap7 3 and bacpypes3.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
PY=${PY:-python3}
what=${1:?station, boiler or profile}
work=$(mktemp -d)
chmod 755 "$work" # nginx drops to another user
pids=
trap 'for p in $pids; do kill $p 2>/dev/null || true; done; wait; rm -rf "$work"' EXIT

case $what in
station)
	at=127.0.10.1
	out=${2:-$here/../pump-station.pcapng}
	mkdir "$work/tmp"
	sed "s|SITE|$here/site|" "$here/nginx.conf" > "$work/nginx.conf"
	printf 'service:%s\n' "$(printf 'wartung' | openssl passwd -apr1 -stdin)" > "$work/htpasswd"
	"$PY" "$here/station.py" $at & pids="$pids $!"
	SNMP_PERSISTENT_DIR="$work" snmpd -f -C -c "$here/snmpd.conf" -Ln -I system_mib,sysORTable,interfaces,ifTable,ip,snmp_mib & pids="$pids $!"
	nginx -p "$work" -c "$work/nginx.conf" -e stderr 2>/dev/null & pids="$pids $!"
	;;
boiler)
	at=127.0.10.3
	out=${2:-$here/../boiler.pcapng}
	"$PY" "$here/boiler.py" $at & pids="$pids $!"
	sleep 3
	dumpcap -q -i lo -f "host $at" -w "$work/out.pcapng" 2>/dev/null & cap=$!; pids="$pids $cap"
	sleep 1
	"$PY" "$here/boiler_visit.py" $at 127.0.10.4
	sleep 1
	kill $cap
	wait $cap || true
	cp "$work/out.pcapng" "$out"
	chmod 644 "$out"
	exit
	;;
profile)
	at=127.0.10.2
	profile=${2:?the folder of a profile}
	out=${3:-$here/../$(basename "$profile").pcapng}
	"$here/../../bin/ringer" emulate "$profile" --bind $at --events none & pids="$pids $!"
	;;
*)
	echo "record.sh: want station, boiler or profile, not $what" >&2
	exit 2
	;;
esac
sleep 3
dumpcap -q -i lo -f "host $at" -w "$work/out.pcapng" 2>/dev/null & cap=$!; pids="$pids $cap"
sleep 1

"$PY" "$here/visit.py" $at 2>/dev/null
mbpoll -0 -m tcp -a 1 -t 4 -r 0 -c 5 -1 $at >/dev/null
snmpwalk -v2c -c public -On $at .1 >/dev/null
snmpwalk -v1 -c public -On $at .1.3.6.1.2.1.1 >/dev/null
snmpbulkwalk -v2c -c public -On $at .1 >/dev/null
snmpget -v2c -c public $at .1.3.6.1.2.1.1.1.0 .1.3.6.1.2.1.1.5.0 .1.3.6.1.2.1.1.3.0 >/dev/null
snmpget -v2c -c public $at .1.3.6.1.2.1.1.99.0 .1.3.6.1.2.1.1.1 >/dev/null || true
snmpget -v1 -c public $at .1.3.6.1.2.1.1.99.0 >/dev/null 2>&1 || true
snmpset -v2c -c operator $at .1.3.6.1.2.1.1.5.0 s ps-210-04b >/dev/null 2>&1 || true
snmpget -v2c -c wrong -r0 -t1 $at .1.3.6.1.2.1.1.1.0 >/dev/null 2>&1 || true
for p in / /status.html /network.html /style.css /img/logo.svg /old /service/ /nothing.html /api/values /api/values; do
	curl -s -o /dev/null "http://$at$p"
done
curl -s --compressed -o /dev/null "http://$at/status.html"
curl -s -I -o /dev/null "http://$at/"
curl -s -u service:wartung -o /dev/null "http://$at/service/"
curl -s -u service:falsch -o /dev/null "http://$at/service/"
curl -s -X DELETE -o /dev/null "http://$at/status.html"
nmap -Pn -n -sT -p 80,102,502 --script modbus-discover,s7-info,http-headers,http-title $at >/dev/null 2>&1
nmap -Pn -n -sU -p 161 --script snmp-info,snmp-sysdescr $at >/dev/null 2>&1
sleep 1
kill -INT $cap
sleep 1
cp "$work/out.pcapng" "$out"
chmod 644 "$out"
