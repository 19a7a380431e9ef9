"""All languages, imported together: their order is the order in which they are listed."""

from __future__ import annotations

from xbuild.generate.languages import (
    cmake_projects,
    dotnet_projects,
    go_projects,
    html_projects,
    hugo_projects,
    java_projects,
    mkdocs_projects,
    node_projects,
    python_projects,
    rust_projects,
    unknown_files,
)

LANGUAGES = (
    go_projects.LANGUAGE,
    python_projects.LANGUAGE,
    node_projects.LANGUAGE,
    java_projects.LANGUAGE,
    rust_projects.LANGUAGE,
    dotnet_projects.LANGUAGE,
    cmake_projects.LANGUAGE,
    hugo_projects.LANGUAGE,
    mkdocs_projects.LANGUAGE,
    html_projects.LANGUAGE,
    unknown_files.LANGUAGE,
)
