"""A judge of JSON: the part of JSON Schema that docs/vane.schema.json uses.

type, properties, required, items, enum, anyOf, additionalProperties as a
schema or false, and $ref to "#/$defs/NAME".
"""

import json

TYPES = {
    "object": dict, "array": list, "string": str, "boolean": bool,
    "null": type(None),
}


def load(path):
    with open(path, encoding="utf-8") as f:
        return json.load(f)


def is_type(value, name):
    if name in ("integer", "number"):
        kinds = int if name == "integer" else (int, float)
        return isinstance(value, kinds) and not isinstance(value, bool)
    return isinstance(value, TYPES[name])


def judge_object(root, rule, value, path):
    wrong = [f"{path}: {key} is missing" for key in rule.get("required", [])
             if key not in value]
    for key, item in value.items():
        inner = rule.get("properties", {}).get(
            key, rule.get("additionalProperties", {}))
        if inner is False:
            wrong.append(f"{path}: {key} is not in the schema")
        elif inner:
            wrong += judge(root, inner, item, f"{path}.{key}")
    return wrong


def judge(root, rule, value, path):
    if "$ref" in rule:
        return judge(root, root["$defs"][rule["$ref"].split("/")[-1]], value,
                     path)
    if "anyOf" in rule:
        found = [judge(root, one, value, path) for one in rule["anyOf"]]
        return [] if [] in found else min(found, key=len)
    if "enum" in rule and value not in rule["enum"]:
        return [f"{path}: {value!r} is none of {rule['enum']}"]
    names = rule.get("type", [])
    names = [names] if isinstance(names, str) else names
    if names and not any(is_type(value, name) for name in names):
        return [f"{path}: {value!r} is no {' or '.join(names)}"]
    if isinstance(value, dict):
        return judge_object(root, rule, value, path)
    wrong = []
    if isinstance(value, list) and "items" in rule:
        for i, item in enumerate(value):
            wrong += judge(root, rule["items"], item, f"{path}[{i}]")
    return wrong


def check(root, command, value):
    """What is wrong with the JSON that a command printed, as texts."""
    if command not in root["$defs"]:
        return [f"the schema has no {command}"]
    return judge(root, root["$defs"][command], value, "")
