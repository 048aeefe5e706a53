"""The description of the interface, and the table of routes that it describes."""
import json
import re

import pytest

from serving import SOURCE

DOCUMENT = json.loads((SOURCE / "server/openapi.json").read_text())
OPERATIONS = [(path, method, operation) for path, methods in DOCUMENT["paths"].items()
              for method, operation in methods.items()]


def routes():
    """(method, pattern) of each row of routes.c."""
    text = (SOURCE / "server/routes.c").read_text()
    return re.findall(r'\{"([A-Z]+)", "([^"]+)", ', text)


def test_it_is_served(server):
    assert server.get("/api/openapi.json").json() == DOCUMENT


def test_every_route_is_described():
    described = sorted((method.upper(), path) for path, method, _ in OPERATIONS)
    assert described == sorted(routes())


def test_it_has_the_programs_version(server):
    assert DOCUMENT["info"]["version"] == server.get("/api/status").json()["version"]


def references(value):
    if isinstance(value, dict):
        if "$ref" in value:
            yield value["$ref"]
        for inner in value.values():
            yield from references(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from references(inner)


def test_references_lead_somewhere():
    for reference in references(DOCUMENT):
        at = DOCUMENT
        for part in reference.removeprefix("#/").split("/"):
            at = at[part]


def test_every_schema_is_used():
    used = set(references(DOCUMENT))
    assert [name for name in DOCUMENT["components"]["schemas"]
            if f"#/components/schemas/{name}" not in used] == []


@pytest.mark.parametrize("path, method, operation", OPERATIONS,
                         ids=[f"{method} {path}" for path, method, _ in OPERATIONS])
def test_an_operation_is_complete(path, method, operation):
    names = {parameter["name"] for parameter in operation.get("parameters", [])
             if "name" in parameter and parameter["in"] == "path"}
    shared = [parameter["$ref"].split("/")[-1] for parameter in operation.get("parameters", [])
              if "$ref" in parameter]
    names |= {DOCUMENT["components"]["parameters"][name]["name"] for name in shared
              if DOCUMENT["components"]["parameters"][name]["in"] == "path"}
    assert names == set(re.findall(r"\{(\w+)\}", path))
    assert operation["summary"] and operation["operationId"]
    assert operation["responses"]["default"] == {"$ref": "#/components/responses/Error"}


def test_names_of_operations_are_one_operations():
    names = [operation["operationId"] for _, _, operation in OPERATIONS]
    assert len(names) == len(set(names))
