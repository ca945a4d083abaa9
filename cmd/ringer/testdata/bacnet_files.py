"""A BACnet device with a file of bytes and one of records: `bacnet_files.py HOST`."""
import asyncio
import sys

from bacpypes3.apdu import AtomicReadFileACK
from bacpypes3.basetypes import (
    AtomicReadFileACKAccessMethodChoice, AtomicReadFileACKAccessMethodRecordAccess, AtomicReadFileACKAccessMethodStreamAccess, DateTime,
)
from bacpypes3.errors import ExecutionError
from bacpypes3.ipv4.app import NormalApplication
from bacpypes3.local.device import DeviceObject
from bacpypes3.local.object import Object
from bacpypes3.object import FileObject
from bacpypes3.pdu import IPv4Address

content = bytes(range(256)) * 7
records = [b"first", b"\x00\xff", b"third"] + [b"record %d" % i for i in range(40)]


class File(Object, FileObject):
    async def _post_init(self):
        pass  # it has no events


class Device(NormalApplication):
    async def do_AtomicReadFileRequest(self, apdu):
        ordered = apdu.fileIdentifier[1] == 2
        stream, record = apdu.accessMethod.streamAccess, apdu.accessMethod.recordAccess
        if ordered != (record is not None):
            raise ExecutionError("services", "invalidFileAccessMethod")
        if ordered:
            at, n = record.fileStartRecord, record.requestedRecordCount
            got = records[at:at + n]
            how = AtomicReadFileACKAccessMethodChoice(recordAccess=AtomicReadFileACKAccessMethodRecordAccess(
                fileStartRecord=at, returnedRecordCount=len(got), fileRecordData=got))
            end = at + n >= len(records)
        else:
            at, n = stream.fileStartPosition, stream.requestedOctetCount
            how = AtomicReadFileACKAccessMethodChoice(streamAccess=AtomicReadFileACKAccessMethodStreamAccess(
                fileStartPosition=at, fileData=content[at:at + n]))
            end = at + n >= len(content)
        await self.response(AtomicReadFileACK(endOfFile=end, accessMethod=how, context=apdu))


async def main():
    app = Device(DeviceObject(objectIdentifier=("device", 7), objectName="filing", vendorIdentifier=15), IPv4Address(sys.argv[1] + "/8"))
    for n, method in ((1, "streamAccess"), (2, "recordAccess")):
        more = {"recordCount": len(records)} if n == 2 else {}
        app.add_object(File(objectIdentifier=("file", n), objectName="file %d" % n, fileType="data", fileSize=len(content) if n == 1 else sum(map(len, records)),
            modificationDate=DateTime(date="2024-05-01", time="03:00:00"), archive=False, readOnly=False, fileAccessMethod=method, **more))
    print("up", flush=True)
    await asyncio.Future()


asyncio.run(main())
