"""Asks an S7 CPU for all that a client library can, a line of output a question.

usage: s7_client.py ADDRESS PORT SLOT NUMBER=SIZE... (of data blocks)
"""
import ctypes, logging, sys

import snap7

logging.disable(logging.CRITICAL)
address, port, own = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
blocks = [tuple(map(int, a.split("="))) for a in sys.argv[4:]]


def shown(v):
    if isinstance(v, (bytes, bytearray)):
        return bytes(v).hex()
    if isinstance(v, ctypes.Structure):
        return {f[0]: shown(getattr(v, f[0])) for f in v._fields_}
    if isinstance(v, ctypes.Array):
        return bytes(v).hex() if v._type_ in (ctypes.c_ubyte, ctypes.c_byte, ctypes.c_char) else [shown(x) for x in v]
    return v if isinstance(v, (int, str, float, list, tuple, dict)) else repr(v)


def client(slot=own):
    c = snap7.client.Client()
    c.connect(address, 0, slot, port)
    return c


c = client()


def ask(name, *args):
    global c
    try:
        said = shown(getattr(c, name)(*args))
    except Exception as e:
        said = f"{type(e).__name__}: {e}"
        if not c.get_connected():  # what fails in a client need not fail in the CPU
            c = client()
    print(name, *args, "->", said, flush=True)


for name in ("get_pdu_length", "get_cpu_info", "get_order_code", "get_cp_info", "get_protection", "get_cpu_state", "list_blocks", "get_plc_datetime"):
    ask(name)
types = {}
for kind in ("OB", "FB", "FC", "DB", "SDB", "SFC", "SFB"):
    try:
        types[kind] = snap7.type.Block[kind]
    except AttributeError:
        types[kind] = kind
    ask("list_blocks_of_type", types[kind], 64)
for n, _ in blocks:
    ask("get_block_info", types["DB"], n)
    ask("full_upload", types["DB"], n)
for lid in (0x0000, 0x0011, 0x0111, 0x0F11, 0x001C, 0x011C, 0x0F1C, 0x0012, 0x0131, 0x0132, 0x0232, 0x0074, 0x0174, 0x0019, 0x00A0, 0x0037, 0x0099, 0x0F99):
    for index in (0, 4, 9) + (1,) * (lid in (0x0011, 0x001C, 0x0131, 0x0132)):
        ask("read_szl", lid, index)
for n, size in blocks:
    for start, length in ((0, size), (0, 1), (1, 3), (size // 3, size // 2), (size - 1, 1), (max(0, size - 7), 7), (size, 1), (size - 1, 2), (60000, 4)):
        ask("db_read", n, start, length)
ask("db_read", 999, 0, 1)
for name in ("ab_read", "eb_read", "mb_read"):
    for start, length in ((0, 1), (1, 5), (13, 21), (63, 2), (127, 1), (128, 2), (299, 1), (300, 1), (5000, 9)):
        ask(name, start, length)
for name, last in (("tm_read", 24), ("ct_read", 9)):
    for start, length in ((0, 1), (3, 2), (last, 1), (last, 2), (last + 1, 1)):
        ask(name, start, length)
for slot in (0, 1, 3, 4, 7):
    try:
        print("slot", slot, client(slot).get_connected())
    except Exception as e:
        print("slot", slot, type(e).__name__)
