"""All languages, imported together: their order is the order in which they are listed."""

from __future__ import annotations

from xbuild.generate.languages import go_projects, node_projects, python_projects

LANGUAGES = (go_projects.LANGUAGE, python_projects.LANGUAGE, node_projects.LANGUAGE)
