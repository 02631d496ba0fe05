"""Whether an OpenAPI document is valid, and its examples are of their schemas. With openapi-spec-validator (PyPI).

    python openapi_valid.py openapi.json
"""

import json
import sys

from jsonschema import Draft202012Validator
from openapi_spec_validator import OpenAPIV31SpecValidator
from referencing import Registry
from referencing.jsonschema import DRAFT202012

with open(sys.argv[1], encoding="utf-8") as file:
    document = json.load(file)
wrong = [f"{list(error.path)}: {error.message}" for error in OpenAPIV31SpecValidator(document).iter_errors()]
registry = Registry().with_resource("urn:document", DRAFT202012.create_resource(document))
examples = 0
for name, response in document["components"]["responses"].items():
    for media_type, content in response.get("content", {}).items():
        if "example" not in content:
            continue
        examples += 1
        schema = json.loads(json.dumps(content["schema"]).replace('"#/', '"urn:document#/'))
        for error in Draft202012Validator(schema, registry=registry).iter_errors(content["example"]):
            wrong.append(f"the example of {name} in {media_type}: {list(error.path)}: {error.message}")
for one in wrong:
    print(one)
print(f"{len(document['paths'])} paths, {examples} examples, {len(wrong)} wrong")
sys.exit(bool(wrong))
