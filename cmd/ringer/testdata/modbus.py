"""A Modbus server, and a client that asks all there is: `modbus.py serve HOST` and `modbus.py ask HOST UNIT...`."""
import asyncio
import sys

from pymodbus.client import ModbusTcpClient
from pymodbus.datastore import ModbusServerContext, ModbusSlaveContext, ModbusSparseDataBlock
from pymodbus.device import ModbusDeviceIdentification
from pymodbus.pdu.diag_message import ReturnQueryDataRequest
from pymodbus.pdu.file_message import ReadFifoQueueRequest
from pymodbus.pdu.mei_message import ReadDeviceInformationRequest
from pymodbus.pdu.other_message import (GetCommEventCounterRequest, GetCommEventLogRequest, ReadExceptionStatusRequest,
                                        ReportSlaveIdRequest)
from pymodbus.server import StartAsyncTcpServer

MOVES = 7  # holding register of unit 1


def block(*ranges):
    # The library counts from 1.
    return ModbusSparseDataBlock({a + 1: (a * 31 + 5) % 65536 for first, last in ranges for a in range(first, last + 1)})


def bits(*ranges):
    return ModbusSparseDataBlock({a + 1: a % 3 == 1 for first, last in ranges for a in range(first, last + 1)})


async def serve(host):
    pump = ModbusSlaveContext(hr=block((0, 9), (13, 19), (100, 349), (4000, 4000), (40000, 40071)), ir=block((0, 9), (30001, 30010)),
                              co=bits((0, 20), (800, 803)), di=bits((0, 2999)))
    meter = ModbusSlaveContext(hr=block((1000, 1001), (1003, 1003)), ir=block((0, 0)), co=bits((5, 5)), di=bits((0, 7)))
    context = ModbusServerContext({1: pump, 5: meter}, single=False)
    identity = ModbusDeviceIdentification(info_name={
        "VendorName": "Brunnen", "ProductCode": "PS-210", "MajorMinorRevision": "2.4.1", "VendorUrl": "http://brunnen.example",
        "ProductName": "pump station", "ModelName": "PS-210 A", "UserApplicationName": "well house 4"})

    async def move():
        n = 0
        while True:
            await asyncio.sleep(0.05)
            n += 1
            pump.setValues(3, MOVES, [n])

    task = asyncio.create_task(move())
    await StartAsyncTcpServer(context, identity=identity, address=(host, 502))
    task.cancel()


READS = [(0, 1), (0, 7), (0, 10), (1, 3), (5, 2), (8, 1), (9, 1), (9, 2), (10, 1), (12, 1), (13, 7), (18, 3), (100, 125), (101, 117), (225, 125),
         (349, 1), (349, 2), (350, 1), (800, 4), (801, 3), (999, 1), (1000, 2), (1000, 4), (1003, 1), (2000, 125), (2999, 1), (3999, 2), (4000, 1),
         (4001, 1), (30000, 2), (30001, 10), (30003, 5), (40000, 72), (40071, 1), (40072, 1), (65535, 1), (65535, 2), (0, 0), (0, 126), (0, 2001)]


def ask(host, units):
    client = ModbusTcpClient(host, timeout=2)
    assert client.connect()

    def show(what, request):
        try:
            answer = request()
            said = {k: v for k, v in vars(answer).items() if k not in ("transaction_id", "fut", "sub_function_code", "space_left")}
            print(what, type(answer).__name__, said, flush=True)
        except Exception as e:  # noqa: BLE001: whatever it is, it is to be the same
            print(what, type(e).__name__, flush=True)
            client.close()
            client.connect()

    for unit in units:
        for table in ("read_coils", "read_discrete_inputs", "read_holding_registers", "read_input_registers"):
            for address, count in READS:
                if table == "read_holding_registers" and unit == 1 and address <= MOVES < address + count:
                    show(f"moving {unit} {table} {address} {count}", lambda: getattr(client, table)(address, count=count, slave=unit))
                    continue
                show(f"{unit} {table} {address} {count}", lambda: getattr(client, table)(address, count=count, slave=unit))
        for code in (1, 2, 3):
            show(f"{unit} identification {code}", lambda: client.execute(False, ReadDeviceInformationRequest(read_code=code, object_id=0, dev_id=unit)))
        for obj in (0, 1, 2, 3, 6, 7):
            show(f"{unit} object {obj}", lambda: client.execute(False, ReadDeviceInformationRequest(read_code=4, object_id=obj, dev_id=unit)))
        for name, request in (("server id", ReportSlaveIdRequest(dev_id=unit)), ("status", ReadExceptionStatusRequest(dev_id=unit)),
                              ("echo", ReturnQueryDataRequest(b"\xa5\x37", dev_id=unit)),
                              ("queue", ReadFifoQueueRequest(address=0, dev_id=unit)),
                              ("counter", GetCommEventCounterRequest(dev_id=unit)), ("log", GetCommEventLogRequest(dev_id=unit))):
            show(f"{unit} {name}", lambda: client.execute(False, request))
    client.close()


if sys.argv[1] == "serve":
    asyncio.run(serve(sys.argv[2]))
else:
    ask(sys.argv[2], [int(u) for u in sys.argv[3:]])
