"""Lists what changed in ONNX's default operator set, version by version, from the schemas of the onnx package.

    python make.py > changes.json

`changes[v][op]` holds for each operator whose schema is new in version v how it differs from the one before; an empty
list means that a node of version v - 1 keeps its meaning as far as the schema tells (new optional inputs and attributes
with the old behaviour as default, more types). Changes that only the text tells are added by hand in TEXT_ONLY.
"""

import json

import onnx
from onnx import defs

LAST = 21
# Version, operator: what the schema's text says and its fields do not.
TEXT_ONLY = {
    (7, "PRelu"): "slope no longer broadcasts from axis 1",
    (13, "Softmax"): "works along one axis instead of on a matrix",
    (13, "LogSoftmax"): "works along one axis instead of on a matrix",
    (13, "Hardmax"): "works along one axis instead of on a matrix",
    (16, "RoiAlign"): "half a pixel is subtracted by default",
    (18, "Split"): "num_outputs is required without sizes",
    (21, "GroupNormalization"): "scale and bias are per channel instead of per group",
}


def default_of(attribute):
    if attribute.required:
        return "required"
    value = attribute.default_value
    return onnx.helper.get_attribute_value(value) if value.name else None


def differences(old, new):
    found = []
    if new.deprecated:
        return ["deprecated"]
    for name, attribute in old.attributes.items():
        if name not in new.attributes:
            found.append(f"attribute {name} is gone")
        elif default_of(attribute) != default_of(new.attributes[name]):
            found.append(f"attribute {name} has another default")
        elif attribute.type != new.attributes[name].type:
            found.append(f"attribute {name} has another type")
    for name, attribute in new.attributes.items():
        if name not in old.attributes and attribute.required:
            found.append(f"attribute {name} is required")
    for kind, before, after in (("input", old.inputs, new.inputs), ("output", old.outputs, new.outputs)):
        if len(after) < len(before):
            found.append(f"fewer {kind}s")
        for position, value in enumerate(after):
            if position >= len(before):
                if value.option == defs.OpSchema.FormalParameterOption.Single:
                    found.append(f"{kind} {value.name} is required")
            elif value.option == defs.OpSchema.FormalParameterOption.Single and value.option != before[position].option:
                found.append(f"{kind} {value.name} is required")
    for position, value in enumerate(old.inputs):
        if position < len(new.inputs):
            lost = set(value.types) - set(new.inputs[position].types)
            if lost:
                found.append(f"input {value.name} no longer takes {', '.join(sorted(lost))}")
    return found


schemas = {}
for schema in defs.get_all_schemas_with_history():
    if schema.domain == "" and schema.since_version <= LAST:
        schemas.setdefault(schema.name, []).append(schema)

changes = {str(version): {} for version in range(2, LAST + 1)}
for name, versions in sorted(schemas.items()):
    versions.sort(key=lambda schema: schema.since_version)
    for old, new in zip(versions, versions[1:]):
        found = differences(old, new)
        text = TEXT_ONLY.get((new.since_version, name))
        changes[str(new.since_version)][name] = found + ([text] if text else [])

print(json.dumps({"onnx": onnx.__version__, "changes": changes}, indent=1))
