"""`.github/action/start.py`: where pip comes from, if this Python has none."""

from __future__ import annotations

import hashlib
import importlib.util
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

START = Path(__file__).parents[2] / ".github/action/start.py"
WHEEL = "pip-1.0-py3-none-any.whl"


@pytest.fixture
def start() -> Any:
    spec = importlib.util.spec_from_file_location("action_start", START)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: Any) -> None:
        """Nothing."""


@pytest.fixture
def index(tmp_path: Path) -> Iterator[str]:
    (tmp_path / "pip").mkdir()
    (tmp_path / "pip" / WHEEL).write_bytes(b"wheel")
    (tmp_path / "pip/index.html").write_text(f'<a href="./{WHEEL}#x">')
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(tmp_path))) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def lock(folder: Path, content: bytes) -> Path:
    path = folder / "requirements.txt"
    path.write_text(f"pip==1.0 \\\n    --hash=sha256:{hashlib.sha256(content).hexdigest()}\n")
    return path


def test_from_the_index_that_is_told(
    start: Any, index: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PIP_INDEX_URL", f"{index}/")
    found = start._pip(lock(tmp_path, b"wheel"), tmp_path)
    assert found.read_bytes() == b"wheel"
    with pytest.raises(start.StartError, match="not the file whose hash"):
        start._pip(lock(tmp_path, b"another"), tmp_path)


def test_without_an_index_it_says_what_to_do(
    start: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("PIP_INDEX_URL", raising=False)
    with pytest.raises(start.StartError, match=r"has no pip: add a step with actions/setup-python"):
        start._pip(lock(tmp_path, b"wheel"), tmp_path)
