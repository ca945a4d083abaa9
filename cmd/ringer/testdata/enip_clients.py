"""Asks a controller as its users do: with pylogix and with cpppo's client. Prints one JSON object.

usage: enip_clients.py HOST [read|browse]
    read    only what can be asked of any controller with COUNTS and LEVEL
    browse  lists tags and structures and reads every tag whole
"""
import json, sys
from cpppo.server.enip import client
from pylogix import PLC

host, only_read, browse = sys.argv[1], sys.argv[2:] == ["read"], sys.argv[2:] == ["browse"]
got = {}


def shown(v):
    return v.hex() if isinstance(v, bytes) else [shown(x) for x in v] if isinstance(v, list) else v


if browse:
    with PLC(host) as plc:
        tags = plc.GetTagList().Value
        got["tags"] = sorted([t.TagName, t.DataType, t.Array, t.Size, t.InstanceID] for t in tags)
        got["types"] = {u.Name: [[f.TagName, f.DataType, f.DataTypeValue, f.Array, f.Size] for f in u.Fields] for u in plc.UDTByName.values()}
        got["GRID"] = plc.Read("GRID[0,0]", 6).Value
        got["values"] = {t.TagName: shown(plc.Read(t.TagName, t.Size or 1).Value) for t in tags if t.DataType}
    print(json.dumps(got))
    sys.exit()


def cpppo(*operations):
    with client.connector(host=host, timeout=5) as c:
        return [value for *_, status, value in c.pipeline(operations=client.parse_operations(operations), depth=1, multiple=0, fragment=False)]


got["cpppo reads"] = cpppo("COUNTS[0-3]", "LEVEL")
if not only_read:
    with PLC(host) as plc:
        tags = plc.GetTagList().Value
        got["tags"] = sorted(t.TagName + ": " + t.DataType for t in tags if t.DataType)
        got["members"] = [f.TagName for f in plc.UDTByName["Tank"].Fields if not f.TagName.startswith("ZZ")]
        for tag, n in ("COUNTS", 10), ("GRID[1,2]", 1), ("TANK1.level", 1), ("TANK1.pump", 1), ("BATCH", 1), ("Program:Main.STEP", 1), ("LONG", 400):
            r = plc.Read(tag, n)
            got["pylogix reads " + tag] = r.Value if n < 100 else len(r.Value)
        got["no tag"] = plc.Read("NOPE").Status
        for tag, value in ("COUNTS[2]", [30, 40]), ("FLAGS[5]", True), ("TANKS[1].hours", 99), ("TANK1.level", 3.25), ("BATCH", "X-77"), ("LONG", list(range(400))), ("LEVEL", 9.0), ("SERIAL", 1):
            got["pylogix writes " + tag] = plc.Write(tag, value).Status
        got["read back"] = [plc.Read("COUNTS[2]", 2).Value, plc.Read("FLAGS[5]").Value, plc.Read("TANKS[1].hours").Value,
                            plc.Read("LEVEL").Value, plc.Read("BATCH").Value, plc.Read("LONG[399]").Value]
        got["several"] = [r.Value for r in plc.Read(["COUNT", "LEVEL", "GRID[0,0]"])]
    got["cpppo writes"] = cpppo("COUNTS[1]=(DINT)77", "COUNTS[0-3]")
print(json.dumps(got))
