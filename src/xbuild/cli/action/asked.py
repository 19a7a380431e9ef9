"""The inputs of the GitHub action as the options of a build. Pure but for the files that secrets are put in.

Names, forms of lists and defaults are those of docker/build-push-action 7 (`src/context.ts`) and its toolkit
(docker/actions-toolkit `src/util.ts`, `src/buildx/build.ts`, `src/context.ts`). No value is ever read as
a word of a command line or by a shell.
"""

from __future__ import annotations

import base64
import csv
import io
import json
import os
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, fields, is_dataclass, replace
from difflib import get_close_matches
from enum import Enum
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from xbuild.errors import UsageError
from xbuild.solve.options import (
    FLAGS,
    BuildOptions,
    Given,
    build_options,
    comma_separated,
    is_true,
    join_fields,
)
from xbuild.solve.references import parse_reference


class Form(Enum):
    """How an input is written."""

    TEXT = "text"
    BOOLEAN = "true or false"
    WORDS = "a list, by commas or lines"
    LINES = "a list, one a line, in quotes where one has several"
    PLAIN_LINES = "a list, one a line, quotes and commas as they are"


# Inputs that are flags of buildx under another name or the same
_FLAGS: dict[str, tuple[str, Form]] = {
    "add-hosts": ("add-host", Form.WORDS),
    "allow": ("allow", Form.WORDS),
    "annotations": ("annotation", Form.LINES),
    "build-args": ("build-arg", Form.LINES),
    "build-contexts": ("build-context", Form.LINES),
    "builder": ("builder", Form.TEXT),
    "cache-from": ("cache-from", Form.LINES),
    "cache-to": ("cache-to", Form.LINES),
    "call": ("call", Form.TEXT),
    "cgroup-parent": ("cgroup-parent", Form.TEXT),
    "file": ("file", Form.TEXT),
    "labels": ("label", Form.LINES),
    "load": ("load", Form.BOOLEAN),
    "network": ("network", Form.TEXT),
    "no-cache": ("no-cache", Form.BOOLEAN),
    "no-cache-filters": ("no-cache-filter", Form.WORDS),
    "outputs": ("output", Form.PLAIN_LINES),
    "platforms": ("platform", Form.WORDS),
    "pull": ("pull", Form.BOOLEAN),
    "push": ("push", Form.BOOLEAN),
    "shm-size": ("shm-size", Form.TEXT),
    "ssh": ("ssh", Form.WORDS),
    "tags": ("tag", Form.WORDS),
    "target": ("target", Form.TEXT),
    "ulimit": ("ulimit", Form.LINES),
    "assist": ("assist", Form.TEXT),
    "baseline": ("baseline", Form.TEXT),
}
# The others: what becomes of each stands below.
_OTHERS: dict[str, Form] = {
    "attests": Form.LINES,
    "context": Form.TEXT,
    "provenance": Form.TEXT,
    "sbom": Form.TEXT,
    "secrets": Form.LINES,
    "secret-envs": Form.WORDS,
    "secret-files": Form.LINES,
    "github-token": Form.TEXT,
    "lint": Form.TEXT,
    "fail-on": Form.TEXT,
    "report": Form.WORDS,
    "verify": Form.BOOLEAN,
    "rewrite": Form.BOOLEAN,
    "version": Form.TEXT,
    "qemu-image": Form.TEXT,
}
INPUTS: dict[str, Form] = {**{name: form for name, (_, form) in _FLAGS.items()}, **_OTHERS}

# White space at the end of a secret belongs to it
_EXACT = ("secrets",)

_BY_NAME = {flag.name: flag for flag in FLAGS}
_TRUE, _FALSE = ("true", "True", "TRUE"), ("false", "False", "FALSE")  # YAML 1.2, `core.getBooleanInput`
_DEFAULT_CONTEXT = re.compile(r"\{\{\s*defaultContext\s*\}\}")
_TOKEN = "GIT_AUTH_TOKEN"
_LEVELS = ("error", "warning", "info")
_LINTS = ("off", "warn", "fail")
# The same as in action.yml (docs/reference/action.md says where it is from)
QEMU_IMAGE = (
    "docker.io/tonistiigi/binfmt:qemu-v10.2.3-68"
    "@sha256:400a4873b838d1b89194d982c45e5fb3cda4593fbfd7e08a02e76b03b21166f0"
)


@dataclass(frozen=True)
class Event:
    """What GitHub says of the workflow's run. `git_context` is the repository at the commit of the event,
    `base` the commit with which that is compared.
    """

    git_context: str = ""
    run_url: str = ""
    is_private: bool = False
    base: str = ""


@dataclass(frozen=True)
class Wishes:
    """What the step is to do. `hidden` are values that must be seen nowhere."""

    options: BuildOptions
    lint: str = "warn"
    fail_on: str = "warning"
    reports: tuple[str, ...] = ()
    qemu_image: str = ""
    hidden: tuple[str, ...] = field(default=(), repr=False)


def given_inputs(environ: Mapping[str, str]) -> dict[str, str]:
    """Inputs by name, as the runner hands them over, but for white space around those that are no secrets."""
    given = {name: environ.get(f"INPUT_{name.upper()}", "") for name in INPUTS}
    return {name: value if name in _EXACT else value.strip() for name, value in given.items()}


def unknown_inputs(environ: Mapping[str, str]) -> Iterator[str]:
    """A warning for each input that is none, with the nearest name. GitHub only warns, too."""
    for variable in sorted(environ):
        name = variable.removeprefix("INPUT_").lower()
        if variable.startswith("INPUT_") and name not in INPUTS:
            near = get_close_matches(name, INPUTS, 1)
            yield f"there is no input {name}" + (f": is {near[0]} meant?" if near else "")


def hidden_values(inputs: Mapping[str, str], environ: Mapping[str, str]) -> tuple[str, ...]:
    """The values of secrets: among the inputs, in variables and in files of text."""
    values = [line.partition("=")[2] for line in _list(inputs["secrets"], Form.LINES, is_exact=True)]
    variables = (line.partition("=")[2] for line in _list(inputs["secret-envs"], Form.WORDS))
    values += [environ.get(name, "") for name in variables]
    files = (line.partition("=")[2] for line in _list(inputs["secret-files"], Form.LINES))
    values += [_text_of(Path(name)) for name in files]
    return tuple(filter(None, [*values, inputs["github-token"]]))


def _text_of(path: Path) -> str:
    """What a file holds that may be seen in a log; nothing for what is none or no text."""
    try:
        return path.read_text("utf-8") if path.stat().st_size <= _LARGEST else ""
    except (OSError, ValueError):
        return ""


def read_wishes(inputs: Mapping[str, str], event: Event, folder: Path, environ: Mapping[str, str]) -> Wishes:
    """The options of the build; the values of secrets are put in files below `folder`. Raises UsageError."""
    context = _DEFAULT_CONTEXT.sub(lambda _: event.git_context, inputs["context"]) or event.git_context
    pairs = [*_flags(inputs, event), *_secrets(inputs, context, event, folder)]
    pairs += _attestations(inputs, event, environ)
    options = build_options(tuple(Given(_BY_NAME[name], value) for name, value in pairs), context, environ)
    options = _checked(options, inputs)
    return Wishes(
        options,
        _word("lint", inputs["lint"] or "warn", _LINTS),
        _word("fail-on", inputs["fail-on"] or "warning", _LEVELS),
        _reports(inputs),
        inputs["qemu-image"] or QEMU_IMAGE,
        hidden=hidden_values(inputs, environ),
    )


def _word(name: str, value: str, known: tuple[str, ...]) -> str:
    if value not in known:
        raise UsageError(f"input {name} is {value!r}", expected=", ".join(known))
    return value


def _reports(inputs: Mapping[str, str]) -> tuple[str, ...]:
    names = tuple(_list(inputs["report"], Form.WORDS))
    for name in names:
        if not name.endswith((".json", ".md")):
            raise UsageError(f"input report: {name!r}", expected="names that end in .json or .md")
    return names


def _checked(options: BuildOptions, inputs: Mapping[str, str]) -> BuildOptions:
    """What would go wrong late, or in a place that nobody thinks of."""
    if inputs["platforms"] and not options.platforms:
        raise UsageError("input platforms names no platform", expected="for example linux/amd64,linux/arm64")
    for name in options.references:
        reference = parse_reference(name)
        if reference.host == "docker.io" and reference.path.startswith("library/"):
            raise UsageError(
                f"tag {name} names no registry and no account, and is to be pushed",
                expected="HOST/NAME:TAG, or ACCOUNT/NAME:TAG for the hub",
                hint="for example ghcr.io/OWNER/NAME:TAG",
            )
    return options


def _flags(inputs: Mapping[str, str], event: Event) -> Iterator[tuple[str, str]]:
    for name, (flag, form) in _FLAGS.items():
        if form is Form.TEXT:
            yield from ((flag, value) for value in [inputs[name]] if value)
        elif form is Form.BOOLEAN:
            yield from ((flag, "true") for _ in range(_is_true(name, inputs[name])))
        elif name == "platforms":
            platforms = list(_list(inputs[name], form))
            yield from ((flag, value) for value in [",".join(platforms)] if value)
        else:
            for value in _list(inputs[name], form):
                shown = _DEFAULT_CONTEXT.sub(lambda _: event.git_context, value)
                yield flag, shown if name == "build-contexts" else value
    for name, flag in (("verify", "no-verify"), ("rewrite", "no-rewrite")):
        if inputs[name] and not _is_true(name, inputs[name]):
            yield flag, "true"


def _is_true(name: str, value: str) -> bool:
    if value not in (*_TRUE, *_FALSE, ""):
        raise UsageError(f"input {name} is {value!r}", expected="true or false")
    return value in _TRUE


def _list(text: str, form: Form, *, is_exact: bool = False) -> Iterator[str]:
    """The entries of a list without empty ones, and without white space around them unless `is_exact`."""
    if form is Form.PLAIN_LINES:
        entries: Iterator[str] = iter(text.splitlines())
    else:
        entries = (
            entry
            for record in _records(text)
            for entry in (record if form is Form.WORDS else [",".join(record)])
        )
    return (entry if is_exact else entry.strip() for entry in entries if entry.strip())


def _records(text: str) -> Iterator[list[str]]:
    """Lines of comma-separated fields; one in quotes may hold line ends. A quote inside a field is itself."""
    csv.field_size_limit(max(csv.field_size_limit(), len(text)))
    try:
        yield from csv.reader(io.StringIO(text, newline=""))
    except csv.Error as error:
        raise UsageError(f"a list among the inputs cannot be read: {error}") from error


# -- secrets


def _secrets(
    inputs: Mapping[str, str], context: str, event: Event, folder: Path
) -> Iterator[tuple[str, str]]:
    names: list[str] = []
    for number, (name, value) in enumerate(_pairs("secrets", inputs)):
        names.append(name)
        yield "secret", _in_file(folder / f"secret-{number}", name, value)
    for name, variable in _pairs("secret-envs", inputs):
        names.append(name)
        yield "secret", join_fields((("id", name), ("env", variable)))
    for name, path in _pairs("secret-files", inputs):
        names.append(name)
        if not Path(path).is_file():
            raise UsageError(f"input secret-files: there is no file {path}")
        yield "secret", join_fields((("id", name), ("src", path)))
    token = inputs["github-token"]
    # The token of the workflow is for the workflow's own repository; its name keeps it from other hosts.
    is_own = bool(event.git_context) and context.partition("#")[0] == event.git_context.partition("#")[0]
    if token and is_own and not any(name.startswith(_TOKEN) for name in names):
        host = urlsplit(event.git_context).netloc.rpartition("@")[2]
        yield "secret", _in_file(folder / "secret-token", f"{_TOKEN}.{host}", token)


def _pairs(name: str, inputs: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """The entries of a list of NAME=VALUE. A message names an entry by its number: it may be a secret."""
    for number, entry in enumerate(_list(inputs[name], INPUTS[name], is_exact=name in _EXACT), 1):
        key, equals, value = entry.partition("=")
        key = key.strip()
        if not (key and equals and value):
            raise UsageError(
                f"input {name}: entry {number} is not NAME=VALUE", expected="one NAME=VALUE a line"
            )
        yield key, value


def _in_file(path: Path, name: str, value: str) -> str:
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "wb") as file:
        file.write(value.encode("utf-8", "surrogateescape"))
    return join_fields((("id", name), ("src", str(path))))


# -- attestations


def _attestations(
    inputs: Mapping[str, str], event: Event, environ: Mapping[str, str]
) -> Iterator[tuple[str, str]]:
    """Provenance by default as there: mode=max for public repositories, the least for private ones. A kind
    that has an input of its own is not taken out of `attests`.
    """
    given = list(_list(inputs["attests"], Form.LINES))
    has_none = not any(_is_of_type(attest, "provenance") for attest in given)
    wants_default = not is_true(environ.get("BUILDX_NO_DEFAULT_ATTESTATIONS", "")) and not _loads(inputs)
    if inputs["provenance"]:
        yield "attest", _provenance(_attributes("provenance", inputs["provenance"]), event)
    elif has_none and wants_default:
        least = "mode=min,inline-only=true" if event.is_private else "mode=max"
        yield "attest", _provenance(_attributes("provenance", least), event)
    if inputs["sbom"]:
        yield "attest", _attributes("sbom", inputs["sbom"])
    for attest in given:
        kind = next((name for name in ("provenance", "sbom") if _is_of_type(attest, name)), "")
        if not kind or not inputs[kind]:
            yield "attest", _provenance(attest, event) if kind == "provenance" else attest


def _is_of_type(attest: str, kind: str) -> bool:
    return f"type={kind}" in (field.strip() for field in comma_separated(attest))


def _loads(inputs: Mapping[str, str]) -> bool:
    outputs = (comma_separated(output) for output in _list(inputs["outputs"], Form.PLAIN_LINES))
    return _is_true("load", inputs["load"]) or any("type=docker" in fields for fields in outputs)


def _provenance(attributes: str, event: Event) -> str:
    """Naming the run that made it, unless another builder is named."""
    is_off = any(word in comma_separated(attributes) for word in ("disabled=true", "builder-id="))
    has_own = any(word.startswith("builder-id=") for word in comma_separated(attributes))
    return (
        attributes if is_off or has_own or not event.run_url else f"{attributes},builder-id={event.run_url}"
    )


def _attributes(kind: str, text: str) -> str:
    """`true`, `false` or attributes, as buildx's --provenance and --sbom take them."""
    if text in _TRUE:
        return f"type={kind}"
    if text in _FALSE:
        return f"type={kind},disabled=true"
    return f"type={kind},{text}"


def with_builder(wishes: Wishes, name: str) -> Wishes:
    """With a builder of this step's own."""
    return replace(wishes, options=wishes.options.without("builder").with_flags(("builder", name)))


def scrubbed(value: Any, scrub: Callable[[str], str]) -> Any:
    """The same value with every text in it scrubbed: before it is quoted for Markdown or JSON."""
    if isinstance(value, str):
        return scrub(value)
    if isinstance(value, tuple | list):
        return type(value)(scrubbed(each, scrub) for each in value)
    if is_dataclass(value) and not isinstance(value, type):
        parts = {each.name: scrubbed(getattr(value, each.name), scrub) for each in fields(value)}
        return replace(value, **parts)
    return value


def scrubber(values: tuple[str, ...]) -> Callable[[str], str]:
    """Takes secrets out of a text: whole, line by line, and as base64."""
    needles = sorted(shapes(values), key=len, reverse=True)

    def scrub(text: str) -> str:
        for needle in needles:
            text = text.replace(needle, "***")
        return text

    return scrub


_LARGEST = 1 << 16
_SHORTEST = 4  # a line of a secret that is shorter tells nothing, and would take much else away


def shapes(values: tuple[str, ...]) -> set[str]:
    """The forms in which values of secrets may be seen."""
    found: set[str] = set()
    for value in values:
        parts = {value, value.strip(), *value.splitlines()}
        for part in {part for part in parts if len(part.strip()) >= _SHORTEST}:
            found |= {part, part.strip()}
            found |= {json.dumps(part)[1:-1], json.dumps(part, ensure_ascii=False)[1:-1]}
            for ending in ("", "\n"):
                found.add(base64.b64encode(f"{part}{ending}".encode("utf-8", "surrogateescape")).decode())
    return found
