# Asks a Redfish service by sushy and by the DMTF's library: redfish_client.py URL [USER PASSWORD]
# Prints what a decoy of it must print, too. With "change" behind, it changes things and prints what came of it.
import sys
import time
import warnings

warnings.filterwarnings("ignore")
import redfish
import sushy
from sushy import auth

url, user, password = (sys.argv[1:4] + ["", ""])[:3] if len(sys.argv) > 3 else (sys.argv[1], "", "")
change = sys.argv[-1] == "change"


def shown(value, depth=0):
    if isinstance(value, dict) and depth < 6:
        return {k: shown(v, depth + 1) for k, v in sorted(value.items()) if not k.startswith("DateTime")}
    return value


kind = auth.BasicAuth(user, password) if user else None
s = sushy.Sushy(url + "/redfish/v1", verify=False, auth=kind)
for system in s.get_system_collection().get_members():
    print("system", system.identity, system.name, system.power_state, system.boot.get("target"), system.boot.get("enabled"))
    print("reset", sorted(str(v) for v in system.get_allowed_reset_system_values()))
    print("boot", sorted(str(v) for v in system.get_allowed_system_boot_source_values()))
for manager in s.get_manager_collection().get_members():
    print("manager", manager.identity, manager.name, manager.manager_type)
for chassis in s.get_chassis_collection().get_members():
    print("chassis", chassis.identity, chassis.name, chassis.chassis_type)

c = redfish.redfish_client(base_url=url, username=user, password=password)
if user:
    c.login(auth="session")
print("session", bool(c.get_session_key()) if user else "none")
root = c.get("/redfish/v1/")
print("root", root.status, root.dict.get("RedfishVersion"), root.dict.get("UUID"))
paths = [v["@odata.id"] for v in root.dict.values() if isinstance(v, dict) and "@odata.id" in v]
for path in sorted(paths):
    r = c.get(path)
    print(path, r.status, shown(r.dict) if r.status == 200 else "")
    for member in (r.dict.get("Members", []) if r.status == 200 else []):
        m = c.get(member["@odata.id"])
        print(member["@odata.id"], m.status, shown(m.dict) if m.status == 200 else "")

if change:
    path = s.get_system_collection().get_members()[0].path

    def state():
        return c.get(path).dict["PowerState"]

    def reset(how):
        return c.post(path + "/Actions/ComputerSystem.Reset", body={"ResetType": how}).status

    def until(want):
        for _ in range(100):
            if state() == want:
                return want
            time.sleep(0.1)
        return state()

    print("off", reset("ForceOff"), until("Off"))
    print("nonsense", reset("Explode"))
    print("on", reset("On"), until("On"))
    r = c.patch(path, body={"Boot": {"BootSourceOverrideTarget": "Pxe", "BootSourceOverrideEnabled": "Once"}})
    boot = c.get(path).dict["Boot"]
    print("boot", r.status // 100, boot["BootSourceOverrideTarget"], boot["BootSourceOverrideEnabled"])
    print("bogus", c.patch(path, body={"Boot": {"BootSourceOverrideTarget": "Bogus"}}).status)
    print("missing", c.get("/redfish/v1/Systems/none-such").status)
if user:
    c.logout()
