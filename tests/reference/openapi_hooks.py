"""What schemathesis can't know of the surfaces: who may call, what there is to call with, and PHP's format.

Nothing here is random: what is put into a call is chosen by what was generated, so that a seed is a run.
"""

import atexit
import json
import os
import zlib
from collections import Counter

import schemathesis
from jsonschema import Draft202012Validator
from referencing import Registry
from referencing.jsonschema import DRAFT202012

# Orders of test access that there are: servers, then web hosting.
KNOWN = os.environ["KNOWN_ORDERS"].split(",")

VALUES = {
    "orderid": KNOWN,
    "id": KNOWN,
    "target_id": KNOWN,
    "after": KNOWN,
    "tarifid": ["10", "1", "2", "11", "30"],
    "vid": ["vds", "hosting", "dedicated"],
    "period": ["1", "3", "6", "12"],
    "addons": ["20", "21,22:2", "1", "1:2,2", "20,21"],
    "os": ["debian-12-x86_64", "ubuntu-24.04-x86_64", "debian-12-x86_64-ispconfig"],
    "cpu": ["2", "4", "16"],
    "ram": ["2048", "4096", "16384"],
    "quota": ["20", "40", "800"],
    "bandwidth": ["20", "40", "400"],
    "task": ["server_reboot", "server_create"],
}


@schemathesis.hook
def before_call(context, case, kwargs):
    """Most calls are let in, and are about something that is there; the others stay as they were generated."""
    for fields in (case.body, case.query):
        if not isinstance(fields, dict) or not ({"login", "nick"} & set(fields)):
            continue
        dice = zlib.crc32(repr(sorted(fields.items(), key=repr)).encode())
        if dice % 16 == 0:
            continue
        if "login" in fields:
            fields.pop("apikey", None)
            fields.update(login="test", **{"pass": "test"})
        else:
            fields.update(nick="test", password="test")
        for at, (name, values) in enumerate(VALUES.items()):
            if name in fields and (dice >> at) % 4:
                fields[name] = values[(dice >> 8) % len(values)]


# What was answered, by command: so that a run in which everything is refused is seen to be one.
TALLY = Counter()


@schemathesis.hook
def after_call(context, case, response):
    command = case.operation.path.split("=")[1]
    said = response.content
    done = response.status_code == 200 and not (b'"ERROR"' in said or b"errorCode" in said)
    TALLY[command, "done" if done else "refused"] += 1


@atexit.register
def tell():
    calls, done = TALLY.total(), {command for command, what in TALLY if what == "done"}
    print(f"tally: {calls} calls, {len(done)} commands done; never: {sorted({c for c, _ in TALLY} - done)}")


class NotPhp(AssertionError):
    pass


def php(data, at=0):
    """One value of PHP's serialize format and where it ends; arrays and texts alone."""
    kind = data[at : at + 2]
    end = data.index(b":", at + 2)
    length = int(data[at + 2 : end])
    if kind == b"s:":
        stop = end + 2 + length
        if data[end + 1 : end + 2] != b'"' or data[stop : stop + 2] != b'";':
            raise NotPhp(f"a text that ends elsewhere: {data[at:at + 80]!r}")
        return data[end + 2 : stop].decode(), stop + 2
    if kind != b"a:" or data[end + 1 : end + 2] != b"{":
        raise NotPhp(f"neither array nor text: {data[at:at + 80]!r}")
    at, items = end + 2, {}
    for _ in range(length):
        if data[at : at + 2] == b"i:":
            end = data.index(b";", at)
            key, at = int(data[at + 2 : end]), end + 1
        else:
            key, at = php(data, at)
        items[key], at = php(data, at)
    if data[at : at + 1] != b"}":
        raise NotPhp("an array that does not end")
    is_list = list(items) == list(range(length))
    return list(items.values()) if is_list else items, at + 1


SCHEMAS = {}


def validator(document, reference):
    if reference not in SCHEMAS:
        resource = DRAFT202012.create_resource(json.loads(json.dumps(document)))
        registry = Registry().with_resource("urn:document", resource)
        SCHEMAS[reference] = Draft202012Validator({"$ref": f"urn:document{reference}"}, registry=registry)
    return SCHEMAS[reference]


@schemathesis.check
def php_is_what_its_schema_says(ctx, response, case):
    """The answer in PHP's format is the tree that its contentSchema describes."""
    if not response.headers.get("content-type", [""])[0].startswith("text/plain"):
        return
    answer, end = php(response.content)
    if end != len(response.content):
        raise NotPhp("something stands after the answer")
    document = case.operation.schema.raw_schema
    component = case.operation.path.split("=")[1] + f".{response.status_code}"
    content = document["components"]["responses"][component]["content"]["text/plain"]["schema"]
    errors = [e.message for e in validator(document, content["contentSchema"]["$ref"]).iter_errors(answer)]
    assert not errors, f"{answer}: {errors[:3]}"
