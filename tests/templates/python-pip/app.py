"""Says which machine it runs on, and whether its module in C is there."""

import platform

from flask import Flask
from markupsafe import _speedups

app = Flask(__name__)


@app.get("/")
def machine() -> str:
    return f"{platform.machine()} {_speedups.__name__}"
