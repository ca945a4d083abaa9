"""What an operator, an engineer and a scanner ask of a station: pymodbus and python-snap7 clients.

usage: visit.py ADDRESS [ROUNDS]
"""
import sys, time

from pymodbus.client import ModbusTcpClient
import snap7
from snap7.type import Area, Block

address = sys.argv[1]
rounds = int(sys.argv[2]) if len(sys.argv) > 2 else 8

m = ModbusTcpClient(address)
assert m.connect()
s = snap7.Client()
s.connect(address, 0, 1, 102)


def quiet(f, *a, **k):
    try:
        return f(*a, **k)
    except Exception as e:  # what the station refuses is recorded like all else
        return e


for i in range(rounds):
    m.read_holding_registers(0, count=10)
    m.read_holding_registers(100, count=40)
    m.read_input_registers(0, count=8)
    m.read_coils(0, count=16)
    m.read_discrete_inputs(0, count=16)
    s.db_read(1, 0, 16)
    s.read_area(Area.MK, 0, 0, 8)
    time.sleep(0.3)

# the edges
m.read_holding_registers(60, count=2)
m.read_holding_registers(5000, count=1)
m.read_holding_registers(99, count=2)
m.read_coils(30, count=4)
quiet(m.read_holding_registers, 0, count=125)
m.write_register(10, 250)
m.write_registers(12, [1, 2, 3])
m.read_holding_registers(10, count=5)
m.write_coil(5, True)
m.write_coils(8, [True, False, True])
m.read_coils(0, count=16)
m.mask_write_register(address=10, and_mask=0x00F2, or_mask=0x0025)
m.readwrite_registers(read_address=10, read_count=3, write_address=13, values=[7, 8])
m.write_register(7000, 1)
m.report_slave_id()
for code in (1, 2, 3):
    m.read_device_information(read_code=code, object_id=0)
m.read_device_information(read_code=4, object_id=1)
m.diag_query_data(b"\x12\x34")
m.read_exception_status()
m.diag_get_comm_event_counter()
m.read_fifo_queue(address=0)
m.close()

for f, a in ((s.get_cpu_info, ()), (s.get_order_code, ()), (s.get_cpu_state, ()), (s.get_protection, ()),
             (s.get_cp_info, ()), (s.list_blocks, ()), (s.list_blocks_of_type, (Block.DB, 16)),
             (s.get_block_info, (Block.DB, 1)), (s.get_plc_datetime, ()), (s.read_szl, (0, 0)), (s.read_szl, (0x9999, 0))):
    quiet(f, *a)
s.db_write(1, 32, bytearray(b"\x12\x34"))
s.db_read(1, 30, 8)
quiet(s.db_read, 9, 0, 4)
quiet(s.db_read, 1, 60, 20)
s.write_area(Area.MK, 0, 4, bytearray(b"\xa5"))
s.read_area(Area.MK, 0, 0, 8)
s.disconnect()
