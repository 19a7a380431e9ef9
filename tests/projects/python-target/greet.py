"""Says what machine it runs on, through packages of which two are made for that machine."""

import importlib.util
import platform
import sys

import jinja2
import markupsafe._speedups
import pydantic_core

NAMES = {"x86_64": "amd64", "aarch64": "arm64"}
machine = NAMES.get(platform.machine(), platform.machine())
has_marked = importlib.util.find_spec("colorama") is not None
text = jinja2.Template("{{ machine }}: {{ name }}, {{ number + 1 }}, marked: {{ marked }}").render(
    machine=machine,
    name=markupsafe.escape("<" + (sys.argv[1] if len(sys.argv) > 1 else "nobody") + ">"),
    number=pydantic_core.from_json(b"41"),
    marked=has_marked,
)
print(text)
sys.exit(has_marked != (machine == "arm64"))
