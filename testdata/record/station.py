"""A pump station made of other people's servers, all on one address: pymodbus on 502 and python-snap7 on 102.

usage: station.py ADDRESS

The two share their values: a level that wanders, a counter of pump starts, a set point that clients write.
snmpd and nginx, which record.sh starts beside it, complete the station. Ends on SIGTERM.
"""
import asyncio, logging, math, random, struct, sys, time

from pymodbus.datastore import ModbusSlaveContext, ModbusSequentialDataBlock, ModbusServerContext, ModbusSparseDataBlock
from pymodbus.device import ModbusDeviceIdentification
from pymodbus.server import StartAsyncTcpServer
import snap7.server
from snap7.type import SrvArea

logging.disable(logging.CRITICAL)
address = sys.argv[1]
random.seed(7)

holding = ModbusSparseDataBlock({**{a + 1: 0 for a in range(0, 60)}, **{a + 1: 1000 + a for a in range(100, 140)}})
inputs = ModbusSequentialDataBlock(1, [0] * 16)
coils = ModbusSequentialDataBlock(1, [False] * 24)
switches = ModbusSequentialDataBlock(1, [True, False, True, True] * 4)
device = ModbusSlaveContext(di=switches, co=coils, hr=holding, ir=inputs)
name = ModbusDeviceIdentification(info_name={
    "VendorName": "Brunnen Automation", "ProductCode": "PS-210", "MajorMinorRevision": "2.4.1",
    "VendorUrl": "http://brunnen.example/", "ProductName": "Pump station controller", "ModelName": "PS-210/16DI"})

data = bytearray(64)
flags = bytearray(32)
plc = snap7.server.Server(log=False)
plc.register_area(SrvArea.DB, 1, data)
plc.register_area(SrvArea.MK, 0, flags)
plc.start_to(address, 102)


def move(start):
    t = time.time() - start
    level = 2.4 + 0.3 * math.sin(t / 5) + random.gauss(0, 0.01)
    flow = 18 + random.gauss(0, 0.2)
    starts = 4711 + int(t)
    hi, lo = struct.unpack(">HH", struct.pack(">f", level))
    holding.setValues(1, [hi, lo])
    inputs.setValues(1, [int(level * 100), int(flow * 10), starts & 0xFFFF])
    coils.setValues(1, [int(t) % 4 < 2])
    data[0:4] = struct.pack(">f", level)
    data[4:8] = struct.pack(">f", flow)
    data[8:12] = struct.pack(">I", starts)
    flags[0] = int(t) % 4 < 2


async def main():
    server = asyncio.create_task(StartAsyncTcpServer(
        ModbusServerContext(slaves=device, single=True), identity=name, address=(address, 502)))
    start = time.time()
    while not server.done():
        move(start)
        await asyncio.sleep(0.1)

asyncio.run(main())
