"""`python -m labels` serves; with `--check` it asks itself for a label and says on what machine it runs."""

from __future__ import annotations

import importlib.util
import platform
import sys

import bcrypt
from flask import Flask, Response, abort, request
from markupsafe import escape

app = Flask(__name__)


@app.get("/label/<name>")
def label(name: str) -> Response:
    """The label, and its signature in a header."""
    text = f"To: {escape(name)}\n"
    signed = bcrypt.kdf(text.encode(), salt=b"parcels", desired_key_bytes=8, rounds=50).hex()
    return Response(text, headers={"X-Signature": signed}, mimetype="text/plain")


@app.get("/check/<name>")
def check(name: str) -> Response:
    """Whether a signature is that of the label."""
    if request.args.get("signature") != label(name).headers["X-Signature"]:
        abort(403)
    return Response("ours\n", mimetype="text/plain")


def main() -> None:
    if sys.argv[1:] != ["--check"]:
        from gunicorn.app.wsgiapp import run

        sys.argv = ["gunicorn", "--bind", "0.0.0.0:8000", "labels.__main__:app"]
        run()
    client = app.test_client()
    made = client.get("/label/<Ada>")
    again = client.get("/check/<Ada>", query_string={"signature": made.headers["X-Signature"]})
    is_compiled = importlib.util.find_spec("markupsafe._speedups") is not None
    machine = {"x86_64": "amd64", "aarch64": "arm64"}.get(platform.machine(), platform.machine())
    print(machine, made.text.strip(), made.headers["X-Signature"], again.text.strip(), is_compiled)


if __name__ == "__main__":
    main()
