"""Writes and reads the shipped PLC with pymodbus and python-snap7, and prints what each saw as one JSON object.

usage: clients.py ADDRESS
"""
import json, struct, sys

from pymodbus.client import ModbusTcpClient
import snap7
from snap7.type import Area

address = sys.argv[1]
m = ModbusTcpClient(address)
assert m.connect()
s = snap7.Client()
s.connect(address, 0, 1, 102)
got = {}


def floats(x):
    return list(struct.unpack(">HH", struct.pack(">f", x)))


def answer(r):
    return f"exception {r.exception_code}" if r.isError() else r.registers


m.write_registers(10, floats(3.25))
got["modbus wrote, snap7 reads"] = struct.unpack(">f", bytes(s.db_read(1, 10, 4)))[0]
s.db_write(1, 10, bytearray(struct.pack(">f", 1.75)))
got["snap7 wrote, modbus reads"] = struct.unpack(">f", struct.pack(">HH", *m.read_holding_registers(10, count=2).registers))[0]
s.write_area(Area.PA, 0, 0, bytearray(b"\x01"))
got["modbus reads a coil of snap7"] = m.read_coils(0, count=1).bits[0]
got["a set point beyond its range"] = answer(m.write_registers(10, floats(9)))
try:
    s.db_read(1, 250, 20)
    got["snap7 reads beyond the end"] = "answered"
except Exception:
    got["snap7 reads beyond the end"] = "refused"
got["modbus reads an illegal range"] = answer(m.read_holding_registers(500, count=2))
got["order code"] = s.get_order_code().OrderCode.decode().strip()


def mode():  # byte 3 behind the head of the record of SZL 0424: get_cpu_state of python-snap7 3.3 sends a read without items instead
    szl = s.read_szl(0x0424, 0)
    return {8: "RUN", 4: "STOP"}.get(bytes(szl.Data)[7] & 15, bytes(szl.Data)[:8].hex())


got["cpu state"] = mode()
s.plc_stop()
got["cpu state after stop"] = mode()
s.plc_hot_start()
m.close()
s.disconnect()
print(json.dumps(got))
