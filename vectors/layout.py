"""Writes JSON the way the project's formatter leaves it, so that vectors need no second tool."""

import json

WIDTH = 110


def one_line(value):
    if isinstance(value, dict):
        return f"{{ {', '.join(f'{json.dumps(k)}: {one_line(v)}' for k, v in value.items())} }}" if value else "{}"
    if isinstance(value, list):
        return f"[{', '.join(map(one_line, value))}]"
    return json.dumps(value)


def must_break(value):
    """An array of several objects or arrays with several members each never stands on one line."""
    if isinstance(value, dict):
        return any(map(must_break, value.values()))
    if not isinstance(value, list):
        return False
    several = len(value) > 1 and any(all(isinstance(v, k) and len(v) > 1 for v in value) for k in (dict, list))
    return several or any(map(must_break, value))


def layout(value, indent=0, prefix=""):
    """JSON text of a value, behind `prefix` on a line that is indented by `indent`."""
    flat = one_line(value)
    if indent + len(prefix) + len(flat) + 1 <= WIDTH and not must_break(value) and indent > 0:
        return flat
    inner = " " * (indent + 2)
    if isinstance(value, dict) and value:
        lines = [f"{inner}{json.dumps(k)}: {layout(v, indent + 2, json.dumps(k) + ': ')}" for k, v in value.items()]
        return "{\n" + ",\n".join(lines) + "\n" + " " * indent + "}"
    if isinstance(value, list) and value:
        return "[\n" + ",\n".join(inner + layout(v, indent + 2) for v in value) + "\n" + " " * indent + "]"
    return flat
