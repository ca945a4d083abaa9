"""A boiler whose temperatures wander, over BACnet/IP and Modbus: `boiler.py HOST`."""
import asyncio
import random
import sys

from bacpypes3.ipv4.app import NormalApplication
from bacpypes3.local.analog import AnalogInputObject, AnalogValueObject
from bacpypes3.local.device import DeviceObject
from bacpypes3.pdu import IPv4Address
from pymodbus.datastore import ModbusServerContext, ModbusSlaveContext, ModbusSparseDataBlock
from pymodbus.server import StartAsyncTcpServer

host = sys.argv[1]
random.seed(7)


async def main():
    app = NormalApplication(DeviceObject(objectIdentifier=("device", 210), objectName="Boiler 2", vendorIdentifier=15,
        modelName="B-210", firmwareRevision="1.4"), IPv4Address(host + "/8"))
    common = dict(statusFlags=[0, 0, 0, 0], eventState="normal", outOfService=False, units="degrees-celsius")
    supply = AnalogInputObject(objectIdentifier=("analog-input", 1), objectName="supply", presentValue=65.0, **common)
    wanted = AnalogValueObject(objectIdentifier=("analog-value", 1), objectName="wanted", presentValue=60.0, **common)
    app.add_object(supply)
    app.add_object(wanted)
    nothing = ModbusSparseDataBlock({1: 0})
    boiler = ModbusSlaveContext(hr=ModbusSparseDataBlock({i + 1: 3 * i for i in range(8)}), ir=nothing, co=nothing, di=nothing)

    async def move():
        warm, want = 650, 600  # tenths of a degree
        while True:
            warm += random.randint(-9, 9)
            want = max(500, min(700, want + random.choice((-20, -10, 10, 20))))
            supply.presentValue, wanted.presentValue = warm / 10, want / 10
            boiler.setValues(3, 2, [warm])
            boiler.setValues(3, 5, [want])
            await asyncio.sleep(0.35)

    task = asyncio.create_task(move())
    await StartAsyncTcpServer(ModbusServerContext(boiler, single=True), address=(host, 502))
    task.cancel()


asyncio.run(main())
