"""Asks a controller as users of pycomm3 do. Prints one JSON object.

usage: enip_pycomm3.py logix HOST         tags
       enip_pycomm3.py slc HOST [write]   data files
"""
import json, sys
from pycomm3 import LogixDriver, SLCDriver

host = sys.argv[2]
got = {}
if sys.argv[1] == "slc":
    with SLCDriver(host) as plc:
        read = lambda *places: {place: plc.read(place).value for place in places}
        got["processor"] = plc.get_processor_type()
        places = "N7:1", "N7:0{4}", "B3:0/2", "B3:1/3", "F8:0", "F8:2", "F8:0{3}", "T4:0.ACC", "ST9:0", "L10:0", "S:0", "N20:0"
        got["reads"] = read(*places)
        if sys.argv[3:] == ["write"]:
            values = {"N7:1": -7, "N7:5{3}": [1, 2, 3], "B3:0/5": True, "B3:1/3": False, "F8:2": 3.25, "L10:1": -100000, "S:0": 7, "F8:2{1}": 9.0}
            got["writes"] = {place: plc.write((place, value)).error for place, value in values.items()}
            got["read back"] = read("N7:1", "N7:5{3}", "N7:0{8}", "B3:0/5", "B3:0/2", "B3:1/3", "F8:2", "L10:0{2}", "S:0")
    print(json.dumps(got))
    sys.exit()
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
