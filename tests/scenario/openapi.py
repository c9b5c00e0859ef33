"""The OpenAPI document of a running server, and whether answers are what it says: as much of JSON Schema as web/schemas.json uses.

A word of a schema that is not known here is an error, so that nothing is passed over.
"""
import json
import re

TYPES = {"object": dict, "array": list, "string": str, "boolean": bool, "null": type(None)}
KNOWN = {"$ref", "type", "description", "required", "properties", "items", "enum", "minimum", "maximum", "minLength", "maxLength", "pattern",
         "additionalProperties", "format", "oneOf", "default", "examples"}


def is_type(value, name):
    if name == "integer":
        return isinstance(value, int) and not isinstance(value, bool)
    if name == "number":
        return isinstance(value, (int, float)) and not isinstance(value, bool)
    return isinstance(value, TYPES[name])


class Document:
    def __init__(self, text):
        self.root = json.loads(text)

    def resolve(self, schema):
        while "$ref" in schema:
            at = self.root
            for part in schema["$ref"].removeprefix("#/").split("/"):
                at = at[part]
            schema = at
        return schema

    def faults(self, schema, value, where="$"):
        """What is wrong with a value, as sentences."""
        schema = self.resolve(schema)
        found = ["%s: the schema says '%s', which is not known" % (where, word) for word in set(schema) - KNOWN]
        if "oneOf" in schema:
            fits = [s for s in schema["oneOf"] if not self.faults(s, value, where)]
            return found + ([] if len(fits) == 1 else ["%s fits %d of the choices: %r" % (where, len(fits), value)])
        types = schema.get("type", [])
        types = types if isinstance(types, list) else [types]
        if types and not any(is_type(value, name) for name in types):
            return found + ["%s is no %s: %r" % (where, " or ".join(types), value)]
        if "enum" in schema and value not in schema["enum"]:
            found.append("%s is none of %s: %r" % (where, schema["enum"], value))
        if "minimum" in schema and is_type(value, "number") and value < schema["minimum"]:
            found.append("%s is below %s: %r" % (where, schema["minimum"], value))
        if "pattern" in schema and isinstance(value, str) and not re.search(schema["pattern"], value):
            found.append("%s does not fit %s: %r" % (where, schema["pattern"], value))
        if isinstance(value, dict):
            found += self.object_faults(schema, value, where)
        if isinstance(value, list) and "items" in schema:
            for i, item in enumerate(value):
                found += self.faults(schema["items"], item, "%s[%d]" % (where, i))
        return found

    def object_faults(self, schema, value, where):
        found = ["%s has no '%s'" % (where, name) for name in schema.get("required", []) if name not in value]
        properties, more = schema.get("properties", {}), schema.get("additionalProperties", True)
        for name, member in value.items():
            if name in properties:
                found += self.faults(properties[name], member, where + "." + name)
            elif isinstance(more, dict):
                found += self.faults(more, member, where + "." + name)
            elif not more:
                found.append("%s may have no '%s'" % (where, name))
        return found

    def operations(self):
        """(method, path, operation) of all."""
        for path, item in self.root["paths"].items():
            for method, operation in item.items():
                yield method.upper(), path, operation

    def answer_faults(self, operation, status, headers, body):
        """What is undocumented about an answer."""
        answer = operation["responses"].get(str(status))
        if answer is None:
            return ["status %d is not documented: %r" % (status, body[:300])]
        content = answer.get("content")
        if content is None:
            return ["a body where none is documented: %r" % body[:100]] if body else []
        kind = (headers["Content-Type"] or "").split(";")[0]
        if kind not in content:
            return ["content type '%s' is not documented, only %s" % (kind, list(content))]
        if not kind.endswith(("/json", "+json")):
            return []
        return self.faults(content[kind].get("schema", {}), json.loads(body))

    def document_faults(self):
        """Form of the document itself."""
        found, ids = [], set()
        for method, path, operation in self.operations():
            where = method + " " + path
            ids.add(operation["operationId"])
            named = {p["name"] for p in operation["parameters"] if p["in"] == "path"}
            if named != set(re.findall(r"\{(\w+)\}", path)):
                found.append(where + ": path parameters are not those of the path")
            if not any(status.startswith("2") for status in operation["responses"]):
                found.append(where + ": no good answer")
            if not operation["summary"]:
                found.append(where + ": no summary")
        if len(ids) != len(list(self.operations())):
            found.append("operation ids are not unique")

        def walk(at, where):
            if isinstance(at, dict):
                if isinstance(at.get("$ref"), str):
                    try:
                        self.resolve(at)
                    except KeyError:
                        found.append("%s: there is no %s" % (where, at["$ref"]))
                for name, value in at.items():
                    walk(value, where + "." + name)
            elif isinstance(at, list):
                for value in at:
                    walk(value, where)
        walk(self.root, "$")
        return found
