"""Visits the shipped BMC as a Redfish client does: reads every resource, and what is not there.

    python3 bmc_visit.py ADDRESS
"""
import sys

import redfish

client = redfish.redfish_client(base_url=f"https://{sys.argv[1]}", username="ADMIN", password="ADMIN", default_prefix="/redfish/v1")
client.login(auth="basic")
seen, todo = set(), ["/redfish/v1/"]


def links(x):
    if isinstance(x, dict):
        for name, value in x.items():
            if name == "@odata.id":
                yield value.split("#")[0]
            yield from links(value)
    elif isinstance(x, list):
        for value in x:
            yield from links(value)


while todo:
    at = todo.pop(0)
    if at.rstrip("/") in seen or not at.startswith("/redfish/v1"):
        continue
    seen.add(at.rstrip("/"))
    answer = client.get(at)
    if answer.status == 200:
        todo += [x for x in links(answer.dict) if x.rstrip("/") not in seen]
client.get("/redfish/v1/Systems/9")
client.logout()
