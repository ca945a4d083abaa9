#!/usr/bin/env python3
"""Writes the records of profiles/bmc-2u-server: sensors (SDR), events (SEL), inventories (FRU), answers, and what its
SNMP agent shows.

    python3 testdata/record/bmc.py profiles/bmc-2u-server/ipmi

The server is invented: maker, board, serial numbers and addresses belong to nobody.
"""
import struct
import sys
from pathlib import Path

OUT = Path(sys.argv[1])


def checksum(b):
    return bytes([-sum(b) & 0xFF])


# Sensor data records (IPMI v2.0, section 43).
records = []


def record(kind, body):
    records.append(struct.pack("<HBBB", len(records) + 1, 0x51, kind, len(body)) + body)


def name(text):
    return bytes([0xC0 | len(text)]) + text.encode()


def threshold(number, text, entity, instance, kind, unit, m, b, rexp, bexp, nominal, low, high, limits, signed=False, hysteresis=2):
    """limits: lower non-critical, critical, non-recoverable, then upper; None: there is none."""
    raw = lambda v: 0 if v is None else round((v / 10**rexp - b * 10**bexp) / m) & 0xFF
    mask = sum(1 << i for i, v in enumerate(limits) if v is not None)
    lower = sum(1 << i for i in range(3) if limits[i] is not None)
    upper = sum(1 << i for i in range(3) if limits[3 + i] is not None)
    asserts = sum(1 << (2 * i) for i in range(3) if lower >> i & 1) | sum(1 << (7 + 2 * i) for i in range(3) if upper >> i & 1)
    body = bytes([0x20, 0, number, entity, instance, 0x7F, 0x68, kind, 0x01])
    body += struct.pack("<HHH", asserts | lower << 12, asserts | upper << 12, mask << 8 | mask)
    body += bytes([0x80 if signed else 0, unit, 0, 0])
    body += bytes([m & 0xFF, (m >> 8 & 3) << 6, b & 0xFF, (b >> 8 & 3) << 6, 0, (rexp & 0xF) << 4 | bexp & 0xF])
    body += bytes([0x07, raw(nominal), raw(high), raw(low), 0x7F if signed else 0xFF, 0x80 if signed else 0])
    body += bytes(raw(limits[i]) for i in (5, 4, 3, 2, 1, 0))
    body += bytes([hysteresis, hysteresis, 0, 0, 0]) + name(text)
    record(1, body)


def discrete(number, text, entity, instance, kind, events):
    body = bytes([0x20, 0, number, entity, instance, 0x67, 0x40, kind, 0x6F])
    body += struct.pack("<HHH", events, events, events) + bytes([0xC0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0]) + name(text)
    record(2, body)


CELSIUS, VOLT, WATT, RPM = 1, 4, 6, 18
TEMPERATURE, VOLTAGE, FAN, OTHER = 1, 2, 4, 0x0B
none = None
temps = [
    (0x01, "Inlet Temp", 0x37, 1, 23, (5, 0, none, 40, 45, none)),
    (0x02, "Exhaust Temp", 0x07, 1, 36, (none, none, none, 65, 75, none)),
    (0x03, "CPU1 Temp", 0x03, 1, 48, (none, none, none, 85, 95, 100)),
    (0x04, "CPU2 Temp", 0x03, 2, 46, (none, none, none, 85, 95, 100)),
    (0x05, "DIMM A-D Temp", 0x20, 1, 38, (none, none, none, 80, 85, 90)),
    (0x06, "DIMM E-H Temp", 0x20, 2, 37, (none, none, none, 80, 85, 90)),
    (0x07, "PCH Temp", 0x07, 2, 52, (none, none, none, 90, 95, 100)),
]
for number, text, entity, instance, nominal, limits in temps:
    threshold(number, text, entity, instance, TEMPERATURE, CELSIUS, 1, 0, 0, 0, nominal, 10, 70, limits, signed=True)
for i in range(6):
    threshold(0x30 + i, f"FAN{i + 1}", 0x1D, i + 1, FAN, RPM, 75, 0, 0, 0, 5250, 1500, 17000, (1500, 900, 600, none, none, none))
volts = [
    (0x20, "P12V", 0x07, 63, -3, 12.1), (0x21, "P5V", 0x07, 26, -3, 5.05), (0x22, "P3V3", 0x07, 17, -3, 3.31),
    (0x23, "P1V05 PCH", 0x07, 7, -3, 1.05), (0x24, "VBAT", 0x28, 16, -3, 3.07), (0x25, "CPU1 VCORE", 0x03, 10, -3, 1.78),
]
for number, text, entity, m, rexp, nominal in volts:
    threshold(number, text, entity, 1, VOLTAGE, VOLT, m, 0, rexp, 0, nominal, nominal * 0.95, nominal * 1.05,
              tuple(nominal * f for f in (0.92, 0.9)) + (none,) + tuple(nominal * f for f in (1.08, 1.1)) + (none,), hysteresis=1)
for i in range(2):
    threshold(0x40 + i, f"PSU{i + 1} Power", 0x0A, i + 1, OTHER, WATT, 4, 0, 0, 0, 120, 40, 800, (none, none, none, 840, 920, none))
threshold(0x42, "System Power", 0x13, 1, OTHER, WATT, 8, 0, 0, 0, 240, 80, 1600, (none, none, none, none, none, none))
for i in range(2):
    discrete(0x50 + i, f"PSU{i + 1} Status", 0x0A, i + 1, 0x08, 0x0B)
discrete(0x58, "Chassis Intru", 0x17, 1, 0x05, 0x01)
discrete(0x60, "Watchdog", 0x2E, 1, 0x23, 0x10F)
discrete(0x61, "SEL Status", 0x2E, 1, 0x10, 0x34)
discrete(0x62, "ACPI State", 0x07, 1, 0x22, 0x21)
discrete(0x63, "System Boot", 0x07, 1, 0x1D, 0x03)
discrete(0x64, "BMC Login", 0x2E, 1, 0x06, 0x20)
record(0x12, bytes([0x20, 0, 0, 0xBF, 0, 0, 0, 0x2E, 1, 0]) + name("BMC"))
for i in range(2):
    record(0x11, bytes([0x20, i + 1, 0x80, 0, 0, 0x10, 0, 0x0A, i + 1, 0]) + name(f"PSU{i + 1} FRU"))
(OUT / "sdr.bin").write_bytes(b"".join(records))


# Inventories (Platform Management FRU Information Storage Definition, v1.3).
def area(head, fields, tail=b""):
    b = head + b"".join(name(f) if f else b"\xc0" for f in fields) + tail + b"\xc1"
    b += bytes(-(len(b) + 1) % 8)
    b = b[:1] + bytes([(len(b) + 1) // 8]) + b[2:]
    return b + checksum(b)


def inventory(size, chassis=b"", board=b"", product=b""):
    at, head = 1, [1, 0]
    for a in (chassis, board, product):
        head.append(at if a else 0)
        at += len(a) // 8
    b = bytes(head + [0, 0])
    b = b + checksum(b) + chassis + board + product
    return b + bytes(size - len(b))


MADE = struct.pack("<I", (2025 - 1996) * 525960 + 131000)[:3]  # minutes since 1996
(OUT / "fru0.bin").write_bytes(inventory(
    512,
    area(bytes([1, 0, 0x17]), ["NH2-CH-R2", "NHC25210478"]),
    area(bytes([1, 0, 0]) + MADE, ["Norhaven Systems", "NH-M2480 Mainboard", "NHB25211932", "NH2-MB-2480-C", "fru-1.4"]),
    area(bytes([1, 0, 0]), ["Norhaven Systems", "NH-R2480 G2", "NH2-R2480-04", "G2", "NHS25212207", "", "fru-1.4"]),
))
for i in range(2):
    (OUT / f"fru{i + 1}.bin").write_bytes(inventory(
        256, board=area(bytes([1, 0, 0]) + MADE, ["Elvanor Power", "EP-800T AC Supply", f"EP8X251100{71 + i}", "EP-800T-2", "fru-1.0"])))

# Events (section 32.1), oldest first.
START = 1772355600  # 2026-03-01 09:00:00 UTC
events = [
    (0, 0x10, 0x61, 0x6F, (0x02, 0xFF, 0xFF)),       # the log was cleared
    (41, 0x08, 0x50, 0x6F, (0x00, 0xFF, 0xFF)),      # PSU1 present
    (41, 0x08, 0x51, 0x6F, (0x00, 0xFF, 0xFF)),      # PSU2 present
    (86400 * 9 + 3100, 0x05, 0x58, 0x6F, (0x00, 0xFF, 0xFF)),   # chassis opened
    (86400 * 9 + 3720, 0x05, 0x58, 0xEF, (0x00, 0xFF, 0xFF)),   # and closed
    (86400 * 23 + 40211, 0x08, 0x51, 0x6F, (0x03, 0xFF, 0xFF)), # PSU2 lost its input
    (86400 * 23 + 40977, 0x08, 0x51, 0xEF, (0x03, 0xFF, 0xFF)), # and has it again
    (86400 * 61 + 52310, 0x01, 0x01, 0x01, (0x57, 0x29, 0x28)), # inlet too warm
    (86400 * 61 + 56012, 0x01, 0x01, 0x81, (0x57, 0x27, 0x28)), # and no longer
]
(OUT / "sel.bin").write_bytes(b"".join(
    struct.pack("<HBIHBBBB", i + 1, 2, START + at, 0x0020, 4, kind, number, how) + bytes(data)
    for i, (at, kind, number, how, data) in enumerate(events)))

# Answers to the other commands: cells of profiles.IPMICell. The completion code comes first.
lines = ["# What the controller answers, by command: see profiles/SCHEMA.md."]


def says(command, data, answer, dynamics=""):
    lines.append(f"{command}:{data.replace(' ', '')}\t{dynamics}\t{answer.replace(' ', '')}")


def text(s):
    return s.encode().hex()


says("0601", "", "00 20 81 02 47 02 bf e8fd00 8024 00000000")
says("0604", "", "00 5500")
says("0607", "", "00 0000")
says("062f", "", "00 08")
says("0631", "", "00 00")
for channel in ("01", "0e"):
    says("0642", channel, "00 01 04 01 80 f21b00 0000")
    for which in ("40", "80"):
        says("0641", channel + which, "00 02 04")
says("0642", "00", "00 00 01 01 00 f21b00 0000")
says("0642", "0f", "00 0f 0c 05 00 f21b00 ffff")
says("064a", "01", "00 01 0000")
for channel in ("01", "0e"):
    says("064e", channel, "00 03000000 00000000")
    says("064f", channel + "01", "00 01")
    for slot in range(1, 11):
        says("064d", f"{channel}{slot:02x}", "00 02 00 00 00")
says("0625", "", "00 04 00 00 00 0000 0000")
for n, value in {1: "2.47", 2: "node-r12-u07", 3: "Norhaven Linux", 4: "Norhaven Linux"}.items():
    says("0659", f"00{n:02x}0000", f"00 11 00 00 {len(value):02x}" + text(value).ljust(28, "0"))
says("0000", "", "00 00 20 20 20 20")
says("0001", "", "00 21 00 40 00")
says("0007", "", "00 01 00")
says("000f", "", "00 3c b21c0000", "{counter: {rate: 0.000277778}}")
for n, v in {0: "00", 1: "00", 2: "00", 3: "1f", 4: "0000", 5: "0000000000", 6: "000000000000000000"}.items():
    says("0009", f"{n:02x}0000", f"00 01 {n:02x} {v}")
says("0a40", "", f"00 51 {len(events):02x}00 {struct.pack('<H', (512 - len(events)) * 16).hex()} {struct.pack('<II', START + events[-1][0], START).hex()} 0a")
for n, v in {
    0: "00", 1: "14", 2: "1414141400", 3: "00000000", 4: "01", 5: "02ce1452a07c", 6: "ffffff00", 7: "400000", 8: "6f02", 9: "9802",
    10: "03", 11: "0a", 12: "0a3c0001", 13: "02ce14520001", 14: "00000000", 15: "000000000000", 16: text("public").ljust(36, "0"), 17: "00",
    20: "0000", 21: "00", 22: "03", 23: "00 03 08 11", 24: "0040444400000000 00", 26: "00 00 00 00 00 00",
}.items():
    for channel in ("01", "0e"):
        says("0c02", f"{channel}{n:02x}0000", "00 11 " + v)
for n, v in {0: "00", 1: "01", 2: "04", 3: "0c60", 4: "0732", 5: "0a", 6: "0a", 7: "01", 8: "6f02"}.items():
    for channel in ("01", "0e"):
        says("0c22", f"{channel}{n:02x}0000", "00 11 " + v)
for number in range(0x50, 0x65):
    state = {0x50: "01", 0x51: "01", 0x58: "00", 0x60: "00", 0x61: "00", 0x62: "01", 0x63: "00", 0x64: "00"}.get(number)
    if state:
        says("042d", f"{number:02x}", f"00 00 c0 {state} 80")
        says("042b", f"{number:02x}", "00 c0 0000 0000")
says("2c01", "dc01", "00 dc 01 05 02 00 01 07")
says("2c01", "dc02", "00 dc 01 05 02 ff07 00 00 3c")
says("2c01", "dc03", "00 dc 01 05 02 20 00")
says("2c01", "dc04", "00 dc 01 05 02 01 ff ff")
says("2c01", "dc05", "00 dc 01 05 02 03 0a 1e 41")
says("2c02", "dc010000", "00 dc f000 7800 5802 f500 00000000 e8030000 40")
says("2c03", "dc0000", "80 dc 0000 00 0000 00000000 0000 0000")
says("2c06", "dc0010", "00 dc 08" + text("R12-U07A"))
says("2c09", "dc0010", "00 dc 0d" + text("bmc-r12-u07a\0"))
for entity, ids in {"40": ["0100"], "41": ["0300", "0400"], "42": ["0200", "0700"], "37": ["0100"], "03": ["0300", "0400"], "07": ["0200", "0700"]}.items():
    for start in ("00", "01"):
        says("2c07", f"dc01{entity}00{start}", f"00 dc {len(ids):02x} {len(ids):02x} {''.join(ids)}")
says("2c13", "dc0100", "00 dc 01 05 01 00")
says("2c13", "dc0200", "00 dc 01 05 01 00")
says("2c13", "dc0300", "00 dc 01 05 01 04")
says("2c13", "dc0400", "00 dc 01 05 01 78 00")
says("2c13", "dc0500", "00 dc 01 05 01 40 00")
(OUT / "answers.tsv").write_text("\n".join(lines) + "\n")

# What the agent shows: the system, its interface, what it is made of (ENTITY-MIB, RFC 6933), its sensors
# (ENTITY-SENSOR-MIB, RFC 3433) and the maker's own tree. Where the profile has a point, that is what is seen.
OWN = "1.3.6.1.4.1.99999.24"
rows = {}


def variable(oid, tag, value):
    rows[tuple(int(n) for n in oid.split("."))] = f"{oid}|{tag}|{value}"


INTEGER, TEXT, OID, GAUGE, TICKS, COUNTER = "2", "4", "6", "66", "67", "65"
for n, tag, value in [
    (1, TEXT, "Norhaven Remote Controller 2, firmware 2.47, NH-R2480 G2"), (2, OID, OWN + ".1.2"), (3, TICKS, "0"),
    (4, TEXT, "operations@example.net"), (5, TEXT, "bmc-r12-u07a"), (6, TEXT, "Hall 2, rack 12"), (7, INTEGER, "72"),
]:
    variable(f"1.3.6.1.2.1.1.{n}.0", tag, value)
MAC = "02ce1452a07c"
interfaces = [("lo", 24, 65536, 0, "", 41877), ("eth0", 6, 1500, 1000000000, MAC, 90211)]
variable("1.3.6.1.2.1.2.1.0", INTEGER, len(interfaces))
for i, (descr, kind, mtu, speed, mac, octets) in enumerate(interfaces, 1):
    for n, tag, value in [
        (1, INTEGER, i), (2, TEXT, descr), (3, INTEGER, kind), (4, INTEGER, mtu), (5, GAUGE, speed), (6, TEXT + "x", mac), (7, INTEGER, 1),
        (8, INTEGER, 1), (9, TICKS, 0), (10, COUNTER, octets), (11, COUNTER, octets // 190), (13, COUNTER, 0), (14, COUNTER, 0),
        (16, COUNTER, octets), (17, COUNTER, octets // 210), (19, COUNTER, 0), (20, COUNTER, 0),
    ]:
        variable(f"1.3.6.1.2.1.2.2.1.{n}.{i}", tag, value)
for n, tag, value in [(1, "64", "192.0.2.84"), (2, INTEGER, 2), (3, "64", "255.255.255.0"), (4, INTEGER, 1), (5, INTEGER, 65535)]:
    variable(f"1.3.6.1.2.1.4.20.1.{n}.192.0.2.84", tag, value)

CHASSIS, SUPPLY, FAN_CLASS, SENSOR, BOARD, CPU = 3, 6, 7, 8, 9, 12
entities = {
    1: ("2U server", "2", 0, CHASSIS, 1, "Chassis", "G2", "2.47", "NHS25212207", "Norhaven Systems", "NH-R2480 G2", 1),
    2: ("Mainboard", "3", 1, BOARD, 1, "Board", "NH2-MB-2480-C", "R2480.14.03", "NHB25211932", "Norhaven Systems", "NH-M2480", 1),
    3: ("Processor 1", "4", 2, CPU, 1, "CPU1", "", "", "", "", "Xeon Silver 4310", 2),
    4: ("Processor 2", "4", 2, CPU, 2, "CPU2", "", "", "", "", "Xeon Silver 4310", 2),
    5: ("Power supply 1", "5", 1, SUPPLY, 1, "PSU1", "", "", "EP8X25110071", "Elvanor Power", "EP-800T", 1),
    6: ("Power supply 2", "5", 1, SUPPLY, 2, "PSU2", "", "", "EP8X25110072", "Elvanor Power", "EP-800T", 1),
}
for i in range(6):
    entities[11 + i] = (f"Fan {i + 1}", "6", 1, FAN_CLASS, i + 1, f"FAN{i + 1}", "", "", "", "", "", 1)
VOLTS_DC, WATTS, CELSIUS_TYPE, RPM_TYPE, UNITS, MILLI = 4, 6, 8, 10, 9, 8
sensors = [(100 + n, text, 3 if "CPU1" in text else 4 if "CPU2" in text else 2, CELSIUS_TYPE, UNITS, nominal, "C") for n, text, _, _, nominal, _ in temps]
sensors += [(100 + n, text, 2, VOLTS_DC, MILLI, round(nominal * 1000), "mV") for n, text, _, _, _, nominal in volts]
sensors += [(148 + i, f"FAN{i + 1}", 11 + i, RPM_TYPE, UNITS, 5250, "rpm") for i in range(6)]
sensors += [(164, "PSU1 Power", 5, WATTS, UNITS, 120, "W"), (165, "PSU2 Power", 6, WATTS, UNITS, 116, "W"), (166, "System Power", 1, WATTS, UNITS, 236, "W")]
for place, (i, text, within, kind, scale, value, unit) in enumerate(sensors, 1):
    entities[i] = (text, "7", within, SENSOR, place, text, "", "", "", "", "", 2)
    for n, tag, v in [(1, INTEGER, kind), (2, INTEGER, scale), (3, INTEGER, 0), (4, INTEGER, value), (5, INTEGER, 1), (6, TEXT, unit), (7, TICKS, 0), (8, GAUGE, 2000)]:
        variable(f"1.3.6.1.2.1.99.1.1.1.{n}.{i}", tag, v)
    variable(f"{OWN}.2.2.1.1.{place}", INTEGER, place)
    variable(f"{OWN}.2.2.1.2.{place}", TEXT, text)
    variable(f"{OWN}.2.2.1.3.{place}", INTEGER, value)
    variable(f"{OWN}.2.2.1.4.{place}", TEXT, unit)
for i, (descr, kind, within, cls, place, text, hw, fw, serial, maker, model, replaceable) in entities.items():
    for n, tag, v in [
        (2, TEXT, descr), (3, OID, f"{OWN}.3.{kind}"), (4, INTEGER, within), (5, INTEGER, cls), (6, INTEGER, place), (7, TEXT, text), (8, TEXT, hw),
        (9, TEXT, fw), (10, TEXT, ""), (11, TEXT, serial), (12, TEXT, maker), (13, TEXT, model), (16, INTEGER, replaceable),
    ]:
        variable(f"1.3.6.1.2.1.47.1.1.1.1.{n}.{i}", tag, v)
for n, tag, value in [
    (1, TEXT, "NH-R2480 G2"), (2, TEXT, "NHS25212207"), (3, TEXT, "2.47"), (4, INTEGER, 1), (5, INTEGER, 0), (6, TEXT, "None"), (7, GAUGE, 236),
]:
    variable(f"{OWN}.2.1.{n}.0", tag, value)
(OUT.parent / "snmp").mkdir(exist_ok=True)
(OUT.parent / "snmp" / "bmc.snmprec").write_text("".join(rows[oid] + "\n" for oid in sorted(rows)))
