"""xbuild: multi-arch container images at native speed, from the Dockerfile you already have.

`from xbuild import plan, rewrite` gives the library (see `xbuild.library`); the packages of the same names
are imported by their full names, `from xbuild.plan.model import Plan`.
"""

import sys

TYPE_CHECKING = False  # for type checkers true; `typing` would double the time that `xbuild --help` takes

__version__ = "0.1.0"

if TYPE_CHECKING:
    from xbuild.library import plan as plan
    from xbuild.library import rewrite as rewrite

__all__ = ["__version__", "plan", "rewrite"]


class _Library(type(sys)):  # type: ignore[misc]
    """This module, with `plan` and `rewrite` as the library whichever submodule was imported before."""

    @property
    def plan(self) -> object:
        from xbuild.library import plan

        return plan

    @plan.setter
    def plan(self, module: object) -> None:
        """The import system sets the package here; it is found in `sys.modules` all the same."""

    @property
    def rewrite(self) -> object:
        from xbuild.library import rewrite

        return rewrite

    @rewrite.setter
    def rewrite(self, module: object) -> None:
        """As for `plan`."""


sys.modules[__name__].__class__ = _Library
