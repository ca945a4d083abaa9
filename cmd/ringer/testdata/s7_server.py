"""An S7 CPU made of snap7's server: data blocks, flags, inputs, outputs; timers and counters where the server can.

usage: s7_server.py ADDRESS PORT
"""
import ctypes, logging, random, sys, time

import snap7
from snap7 import server

logging.disable(logging.CRITICAL)
native = hasattr(snap7, "types")  # python-snap7 before 2.0: the C library
kinds = {"PE": 0, "PA": 1, "MK": 2, "CT": 3, "TM": 4, "DB": 5}
if native:
    kinds = {name: snap7.types.__dict__.get("srvArea" + name, number) for name, number in kinds.items()}
    kinds.pop("CT"), kinds.pop("TM")  # libsnap7 finds their elements at the wrong bytes
else:
    kinds = {name: snap7.type.SrvArea(number) for name, number in kinds.items()}
values = random.Random(5)
held = []
cpu = server.Server(log=False)


def area(kind, number, size, zeros=False):
    if kind in kinds:
        content = bytes(0 if zeros else values.randrange(256) for _ in range(size))
        held.append((ctypes.c_uint8 * size)(*content) if native else bytearray(content))
        cpu.register_area(kinds[kind], number, held[-1])


area("DB", 1, 777)
area("DB", 2, 64, zeros=True)
area("DB", 30, 3)
area("DB", 1000, 3000)
area("MK", 0, 300)
area("PE", 0, 128)
area("PA", 0, 64)
area("TM", 0, 50)
area("CT", 0, 20)
cpu.start_to(sys.argv[1], int(sys.argv[2]))
while True:
    time.sleep(1)
