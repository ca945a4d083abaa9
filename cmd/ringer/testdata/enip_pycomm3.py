"""Asks a controller as users of pycomm3 do. Prints one JSON object.

usage: enip_pycomm3.py logix HOST
"""
import json, sys
from pycomm3 import LogixDriver

host = sys.argv[2]
got = {}
with LogixDriver(host) as plc:
    info = plc.info
    got["product"], got["name"], got["keyswitch"] = info["product_name"], info["name"], info["keyswitch"]
    got["programs"] = sorted(info["programs"])
    got["clock"] = plc.get_plc_time().value["microseconds"] > 0
    got["tags"] = sorted(f"{t['tag_name']}: {t['data_type_name']} {t['dimensions']} {t['external_access']}" for t in plc.get_tag_list(program="*"))
    got["members"] = plc.data_types["Tank"]["attributes"]
    read = lambda *tags: {tag: plc.read(tag).value for tag in tags}
    got["reads"] = read("LEVEL", "COUNT", "COUNTS{10}", "COUNTS[3]{2}", "GRID[1,2]", "FLAGS[5]", "TANK1", "TANK1.level", "TANK1.pump", "BATCH",
                        "SERIAL", "Program:Main.STEP", "NOPE")
    values = {"COUNT": 7, "COUNTS[2]{2}": [30, 40], "FLAGS[5]": True, "COUNT.3": True, "TANK1.level": 3.25, "BATCH": "X-77",
              "TANKS[1]": {"level": 1.5, "pump": True, "alarm": False, "hours": 5, "trend": [1, 2, 3, 4]},
              "LONG{400}": list(range(400)), "LEVEL": 9.0, "SERIAL": 1, "Program:Main.STEP": 12}
    got["writes"] = {tag: plc.write((tag, value)).error for tag, value in values.items()}
    got["read back"] = read("COUNT", "COUNTS[2]{2}", "FLAGS[5]", "TANK1.level", "LEVEL", "BATCH", "LONG[399]", "TANKS[1]", "Program:Main.STEP")
    got["several"] = [tag.value for tag in plc.read("LEVEL", "COUNT", "NOPE", "COUNTS[2]{2}", "BATCH")]
print(json.dumps(got))
