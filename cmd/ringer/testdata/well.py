"""A well whose level wanders, over Modbus and on a page: `well.py HOST FILE`. FILE holds the level for an agent of SNMP."""
import asyncio
import http.server
import os
import random
import sys
import threading

from pymodbus.datastore import ModbusServerContext, ModbusSlaveContext, ModbusSparseDataBlock
from pymodbus.server import StartAsyncTcpServer

host, shared = sys.argv[1:]
level = 2400  # mm


class Page(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        body = b'{"well": {"level": %.3f, "name": "4"}}' % (level / 1000)
        self.send_response(200 if self.path in ("/", "/state.json") else 404)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


def show():
    with open(shared + ".new", "w") as f:
        print(level, file=f)
    os.replace(shared + ".new", shared)


async def main():
    global level
    nothing = ModbusSparseDataBlock({1: 0})
    well = ModbusSlaveContext(hr=ModbusSparseDataBlock({i + 1: 7 * i for i in range(12)}), ir=nothing, co=nothing, di=nothing)
    random.seed(4)

    async def move():
        global level
        while True:
            level += random.randint(-9, 9)
            well.setValues(3, 5, [level])
            show()
            await asyncio.sleep(0.4)

    show()
    threading.Thread(target=http.server.ThreadingHTTPServer((host, 80), Page).serve_forever, daemon=True).start()
    task = asyncio.create_task(move())
    await StartAsyncTcpServer(ModbusServerContext(well, single=True), address=(host, 502))
    task.cancel()


asyncio.run(main())
