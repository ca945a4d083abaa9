"""Asks a BACnet device for what few clients ask: `bacnet_services.py ME TARGET`. Prints a line for each answer."""
import asyncio
import sys

from bacpypes3.apdu import *
from bacpypes3.app import Application
from bacpypes3.argparse import SimpleArgumentParser
from bacpypes3.basetypes import (
    AtomicReadFileRequestAccessMethodChoice, AtomicReadFileRequestAccessMethodChoiceRecordAccess,
    AtomicReadFileRequestAccessMethodChoiceStreamAccess, AtomicWriteFileRequestAccessMethodChoice,
    AtomicWriteFileRequestAccessMethodChoiceRecordAccess, AtomicWriteFileRequestAccessMethodChoiceStreamAccess,
    DateTime, PropertyValue, Range, RangeByPosition, RangeBySequenceNumber, RangeByTime,
    TimeStamp, WriteAccessSpecification,
)
from bacpypes3.constructeddata import Any
from bacpypes3.ipv4.app import ForeignApplication
from bacpypes3.local.device import DeviceObject
from bacpypes3.pdu import Address, IPv4Address
from bacpypes3.primitivedata import Real

me, target = sys.argv[1], sys.argv[2]
there = Address(target)


async def main():
    app = Application.from_args(SimpleArgumentParser().parse_args(["--address", me + "/24:47809", "--instance", "1", "--name", "client"]))
    await asyncio.sleep(0.3)

    async def ask(label, apdu, show=lambda a: "done"):
        apdu.pduDestination = there
        try:
            answer = await asyncio.wait_for(app.request(apdu), 2)
            print(label, show(answer), flush=True)
        except ErrorRejectAbortNack as e:
            if isinstance(e, WritePropertyMultipleError):
                e = "%s at %s" % (e.errorType.errorCode, e.firstFailedWriteAttempt.objectIdentifier)
            print(label, "refused:", e, flush=True)
        except asyncio.TimeoutError:
            print(label, "no answer", flush=True)

    def stream(start, count):
        return AtomicReadFileRequest(fileIdentifier="file,1", accessMethod=AtomicReadFileRequestAccessMethodChoice(
            streamAccess=AtomicReadFileRequestAccessMethodChoiceStreamAccess(fileStartPosition=start, requestedOctetCount=count)))

    def records(start, count, file="file,2"):
        return AtomicReadFileRequest(fileIdentifier=file, accessMethod=AtomicReadFileRequestAccessMethodChoice(
            recordAccess=AtomicReadFileRequestAccessMethodChoiceRecordAccess(fileStartRecord=start, requestedRecordCount=count)))

    def of_stream(a):
        return "end" if a.endOfFile else "more", bytes(a.accessMethod.streamAccess.fileData)

    def of_records(a):
        r = a.accessMethod.recordAccess
        return "end" if a.endOfFile else "more", int(r.returnedRecordCount), [bytes(x) for x in r.fileRecordData]

    await ask("stream", stream(0, 100), of_stream)
    await ask("records", records(0, 2), of_records)
    await ask("records behind", records(2, 9), of_records)
    await ask("records of a stream", records(0, 1, "file,1"), of_records)
    if "--files" in sys.argv:
        return app.close()
    await ask("append", AtomicWriteFileRequest(fileIdentifier="file,2", accessMethod=AtomicWriteFileRequestAccessMethodChoice(
        recordAccess=AtomicWriteFileRequestAccessMethodChoiceRecordAccess(fileStartRecord=-1, recordCount=1, fileRecordData=[b"new"]))),
        lambda a: int(a.fileStartRecord))
    await ask("records now", records(2, 9), of_records)
    await ask("append bytes", AtomicWriteFileRequest(fileIdentifier="file,1", accessMethod=AtomicWriteFileRequestAccessMethodChoice(
        streamAccess=AtomicWriteFileRequestAccessMethodChoiceStreamAccess(fileStartPosition=-1, fileData=b"++"))),
        lambda a: int(a.fileStartPosition))
    print("size now", await app.read_property(there, "file,1", "file-size"), await app.read_property(there, "file,2", "record-count"))

    def log(**how):
        return ReadRangeRequest(objectIdentifier="trend-log,1", propertyIdentifier="log-buffer", range=Range(**how))

    def items(a):
        return int(a.itemCount), str(a.resultFlags), None if a.firstSequenceNumber is None else int(a.firstSequenceNumber)

    await ask("range by position", log(byPosition=RangeByPosition(referenceIndex=2, count=3)), items)
    await ask("range back", log(byPosition=RangeByPosition(referenceIndex=8, count=-2)), items)
    await ask("range by sequence", log(bySequenceNumber=RangeBySequenceNumber(referenceSequenceNumber=105, count=10)), items)
    await ask("range by time", log(byTime=RangeByTime(referenceTime=DateTime(date="2024-05-01", time="03:00:00"), count=2)), items)

    def write(*what):
        return WritePropertyMultipleRequest(listOfWriteAccessSpecs=[WriteAccessSpecification(objectIdentifier=o, listOfProperties=[
            PropertyValue(propertyIdentifier="present-value", value=Any(Real(v)), priority=8)]) for o, v in what])

    await ask("write several", write(("analog-output,1", 5), ("analog-input,1", 5), ("analog-output,1", 6)))
    print("up to there", await app.read_property(there, "analog-output,1", "present-value"))
    await ask("create", CreateObjectRequest(objectSpecifier=CreateObjectRequestObjectSpecifier(objectType="analog-value")))
    await ask("events", GetEventInformationRequest(), lambda a: [(str(e.objectIdentifier), str(e.eventState), str(e.acknowledgedTransitions)) for e in a.listOfEventSummaries])
    at = TimeStamp(sequenceNumber=5)
    for label, s in (("acknowledge another", TimeStamp(sequenceNumber=6)), ("acknowledge", at)):
        await ask(label, AcknowledgeAlarmRequest(acknowledgingProcessIdentifier=1, eventObjectIdentifier="analog-input,1",
            eventStateAcknowledged="highLimit", timeStamp=s, acknowledgmentSource="me", timeOfAcknowledgment=at))
    await ask("events after", GetEventInformationRequest(), lambda a: [str(e.acknowledgedTransitions) for e in a.listOfEventSummaries])
    await ask("restart wrong", ReinitializeDeviceRequest(reinitializedStateOfDevice="warmstart", password="no"))
    await ask("restart", ReinitializeDeviceRequest(reinitializedStateOfDevice="warmstart", password="open"))
    name = lambda: ReadPropertyRequest(objectIdentifier="device,7", propertyIdentifier="object-name")
    await ask("silence", DeviceCommunicationControlRequest(timeDuration=5, enableDisable="disable", password="open"))
    await ask("while silent", name())
    await ask("speak", DeviceCommunicationControlRequest(enableDisable="enable", password="open"))
    await ask("after", name())

    # A foreign device hears of what it asks everybody, for as long as it is registered.
    foreign = ForeignApplication(DeviceObject(objectIdentifier=("device", 2), objectName="foreign", vendorIdentifier=15), IPv4Address(me + ":47810"))
    foreign.register(IPv4Address(target), 30)
    await asyncio.sleep(0.5)
    print("registered", foreign.foreign.bbmdRegistrationStatus)
    found = await foreign.who_is(timeout=1)
    print("everybody", [str(i.iAmDeviceIdentifier) for i in found])
    foreign.unregister()
    foreign.close()
    app.close()


asyncio.run(main())
