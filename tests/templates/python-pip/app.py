"""Says which machine it runs on, whether its module in C is there, and what it keeps beside itself."""

import platform
from pathlib import Path

from flask import Flask
from markupsafe import _speedups

app = Flask(__name__)


@app.get("/")
def machine() -> str:
    return f"{platform.machine()} {_speedups.__name__}"


@app.get("/kept")
def kept() -> str:
    place = Path("kept")
    place.mkdir(exist_ok=True)
    (place / "note.txt").write_text("kept in a folder")
    with Path(__file__).with_name("greeting.txt").open("a") as own:
        own.write(", changed")
    return (place / "note.txt").read_text() + " and " + Path("greeting.txt").read_text()
