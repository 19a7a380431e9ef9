"""The same fixtures as for command lines: no engine, no records of the user's."""

from tests.unit.cli.conftest import _apart, xbuild

__all__ = ["_apart", "xbuild"]
