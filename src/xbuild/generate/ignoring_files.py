"""`.dockerignore` of a generated image: what it does not need, what it may not hold, what is built anyway."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

_GROUPS: tuple[tuple[str, tuple[str, ...]], ...] = (
    (
        "version control",
        ("**/.git", "**/.gitignore", "**/.gitattributes", ".github", ".gitlab-ci.yml", ".hg", ".svn"),
    ),
    (
        "secrets",
        (
            "**/.env", "**/.env.*", "!**/.env.example", "**/*.pem", "**/*.key", "**/*.p12", "**/*.pfx",
            "**/id_rsa*", "**/id_ed25519*", "**/.netrc", "**/.npmrc", "**/.pypirc", "**/.aws", "**/.ssh",
            "**/.docker", "**/credentials.json",
        ),
    ),
    (
        "caches and what is built",
        (
            "**/node_modules", "**/__pycache__", "**/.venv", "**/.cache", "**/*.log", "**/.DS_Store",
            "**/.idea", "**/.vscode",
        ),
    ),
    (
        "the image's own files",
        ("Dockerfile*", "**/*.Dockerfile", ".dockerignore", "compose*.y*ml", "docker-compose*"),
    ),
)  # fmt: skip
# What only the tools of one language leave behind: for another it may be the name of a package.
OF_LANGUAGES: dict[str, tuple[str, ...]] = {
    "python": (
        "**/*.py[cod]", "**/venv", "**/.pytest_cache", "**/.mypy_cache", "**/.ruff_cache", "**/.tox",
        "**/.coverage", "**/htmlcov", "**/*.egg-info",
    ),
    "node": ("**/coverage", "**/.nyc_output", "**/.eslintcache", "**/.turbo"),
}  # fmt: skip


def ignore_text(own: Iterable[str]) -> str:
    """The file; `own` are patterns of the project."""
    groups = [*_GROUPS, ("this project's", tuple(dict.fromkeys(own)))]
    return "\n".join(f"# {title}\n" + "\n".join(patterns) + "\n" for title, patterns in groups if patterns)


def lacking(text: str, own: Iterable[str]) -> tuple[str, ...]:
    """The patterns that an existing file has not, in their order."""
    has = {line.strip().removeprefix("**/").strip("/") for line in text.splitlines()}
    return tuple(p for p in _patterns(tuple(own)) if p.removeprefix("**/").strip("/") not in has)


def _patterns(own: Sequence[str]) -> tuple[str, ...]:
    return (*(p for _, patterns in _GROUPS for p in patterns if not p.startswith("!")), *own)
