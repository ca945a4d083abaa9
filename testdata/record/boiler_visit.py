"""Asks the boiler what a building's control room asks, over both protocols: `boiler_visit.py HOST ME`."""
import asyncio
import sys

from bacpypes3.app import Application
from bacpypes3.argparse import SimpleArgumentParser
from bacpypes3.pdu import Address
from pymodbus.client import AsyncModbusTcpClient

host, me = sys.argv[1:]


async def main():
    app = Application.from_args(SimpleArgumentParser().parse_args(["--address", me + "/24:47809", "--instance", "1", "--name", "control room"]))
    modbus = AsyncModbusTcpClient(host, port=502)
    await modbus.connect()
    await asyncio.sleep(0.3)
    device = (await app.who_is(address=Address(host), timeout=1))[0].iAmDeviceIdentifier
    for o in await app.read_property(Address(host), device, "object-list"):
        await app.read_property(Address(host), o, "object-name")
    for _ in range(48):
        await app.read_property(Address(host), "analog-input,1", "present-value")
        await modbus.read_holding_registers(0, count=8)
        await app.read_property(Address(host), "analog-value,1", "present-value")
        await asyncio.sleep(0.33)
    modbus.close()
    app.close()


asyncio.run(main())
