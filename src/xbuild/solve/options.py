"""The flags of `docker buildx build` and xbuild's own, parsed as buildx parses them.

The table follows buildx 0.38 `commands/build.go` and `commands/root.go`; the rules for words on the command
line follow spf13/pflag `flag.go` (buildx is a cobra program): `--flag value`, `--flag=value`, `-fvalue`,
`-f=value`, several boolean letters behind one dash, `--` ends the flags, flags and arguments may be mixed. A
flag that is not in the table is kept where it stands: a newer buildx works before this table knows about it.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import Enum

from xbuild.errors import UsageError
from xbuild.solve.references import is_name_only, parse_reference
from xbuild.text import expression, value


class FlagKind(Enum):
    """How a flag takes its value."""

    VALUE = "value"
    BOOLEAN = "boolean"


@value()
class BuildFlag:
    """One flag. `own` flags are xbuild's; `hidden` ones buildx accepts without showing them in its help."""

    name: str
    short: str = ""
    kind: FlagKind = FlagKind.VALUE
    repeatable: bool = False
    own: bool = False
    hidden: bool = False

    @property
    def takes_value(self) -> bool:
        return self.kind is FlagKind.VALUE


def value_flag(name: str, short: str = "", **more: bool) -> BuildFlag:
    """One that takes a value."""
    return BuildFlag(name, short, FlagKind.VALUE, **more)


def boolean_flag(name: str, short: str = "", **more: bool) -> BuildFlag:
    """One that is on, or off with `=false`."""
    return BuildFlag(name, short, FlagKind.BOOLEAN, **more)


FLAGS: tuple[BuildFlag, ...] = (
    value_flag("add-host", repeatable=True),
    value_flag("allow", repeatable=True),
    value_flag("annotation", repeatable=True),
    value_flag("attest", repeatable=True),
    value_flag("build-arg", repeatable=True),
    value_flag("build-context", repeatable=True),
    value_flag("builder"),
    value_flag("cache-from", repeatable=True),
    value_flag("cache-to", repeatable=True),
    value_flag("call"),
    value_flag("cgroup-parent"),
    boolean_flag("check"),
    boolean_flag("debug", "D"),
    value_flag("file", "f"),
    value_flag("iidfile"),
    value_flag("label", repeatable=True),
    boolean_flag("load"),
    value_flag("metadata-file"),
    value_flag("network"),
    boolean_flag("no-cache"),
    value_flag("no-cache-filter", repeatable=True),
    value_flag("output", "o", repeatable=True),
    value_flag("platform", repeatable=True),
    value_flag("policy", repeatable=True),
    value_flag("progress"),
    value_flag("provenance"),
    boolean_flag("pull"),
    boolean_flag("push"),
    boolean_flag("quiet", "q"),
    value_flag("resource", repeatable=True),
    value_flag("sbom"),
    value_flag("secret", repeatable=True),
    value_flag("shm-size"),
    value_flag("ssh", repeatable=True),
    value_flag("tag", "t", repeatable=True),
    value_flag("target"),
    value_flag("ulimit", repeatable=True),
    boolean_flag("compress", hidden=True),
    value_flag("cpu-period", hidden=True),
    value_flag("cpu-quota", hidden=True),
    value_flag("cpu-shares", "c", hidden=True),
    value_flag("cpuset-cpus", hidden=True),
    value_flag("cpuset-mems", hidden=True),
    boolean_flag("force-rm", hidden=True),
    value_flag("isolation", hidden=True),
    value_flag("memory", "m", hidden=True),
    value_flag("memory-swap", hidden=True),
    value_flag("print", hidden=True),
    boolean_flag("rm", hidden=True),
    value_flag("security-opt", repeatable=True, hidden=True),
    boolean_flag("squash", hidden=True),
    value_flag("assist", own=True),
    value_flag("baseline", own=True),
    value_flag("config", own=True),
    boolean_flag("dry-run", own=True),
    boolean_flag("generate", own=True),
    boolean_flag("no-cache-mounts", own=True),
    boolean_flag("no-rewrite", own=True),
    boolean_flag("no-verify", own=True),
    value_flag("report", repeatable=True, own=True),
    boolean_flag("show-values", own=True),
)

_BY_NAME = {flag.name: flag for flag in FLAGS}

# strconv.ParseBool
_TRUE = frozenset({"1", "t", "T", "true", "TRUE", "True"})
_FALSE = frozenset({"0", "f", "F", "false", "FALSE", "False"})

ASSISTS = ("off", "auto")
BASELINES = ("none", "estimate", "measure")
PROGRESS = ("auto", "none", "plain", "quiet", "rawjson", "tty")

# Environment that stands in for a flag or ends up in the image; kept in the value so that it is complete.
_ENVIRONMENT = ("BUILDX_BUILDER", "BUILDKIT_PROGRESS", "DOCKER_DEFAULT_PLATFORM", "SOURCE_DATE_EPOCH")


@value()
class Given:
    """A flag as it was given. An unknown flag has `flag` None and is kept as its words."""

    flag: BuildFlag | None
    value: str
    words: tuple[str, ...] = ()

    def to_argv(self) -> tuple[str, ...]:
        if self.flag is None:
            return self.words
        if self.flag.kind is FlagKind.BOOLEAN:
            return (f"--{self.flag.name}",) if is_true(self.value) else (f"--{self.flag.name}={self.value}",)
        return (f"--{self.flag.name}", self.value)


@value()
class Output:
    """One `--output`: `type=...,dest=...,KEY=VALUE`, a folder, or `-` for a tar file on standard output."""

    type: str
    dest: str | None = None
    attributes: tuple[tuple[str, str], ...] = ()

    def attribute(self, name: str) -> str | None:
        return dict(self.attributes).get(name)

    def is_set(self, name: str) -> bool:
        """`push=true`; an empty value is true too (BuildKit `exporter/containerimage/export.go`)."""
        value = self.attribute(name)
        return value == "" or value in _TRUE


@dataclass(frozen=True)
class Flags:
    """Flags as they were given, in their order."""

    given: tuple[Given, ...] = ()

    def values(self, name: str) -> tuple[str, ...]:
        """All values of a flag, in the order given."""
        return tuple(given.value for given in self.given if given.flag and given.flag.name == name)

    def value(self, name: str) -> str | None:
        """The last value of a flag; an empty one counts as not given, as in buildx."""
        values = self.values(name)
        return (values[-1] or None) if values else None

    def flag(self, name: str) -> bool:
        """Whether a boolean flag is on."""
        values = self.values(name)
        return bool(values) and is_true(values[-1])


@dataclass(frozen=True)
class BuildOptions(Flags):
    """A complete `build` command line: every flag in its order, the context, the environment that matters.

    `credentials` are variables for the calls of buildx that build, and for nothing else.
    """

    context: str = "."
    environment: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    credentials: tuple[tuple[str, str], ...] = field(default=(), repr=False)

    def _environ(self, name: str) -> str | None:
        return dict(self.environment).get(name)

    @property
    def file(self) -> str | None:
        return self.value("file")

    @property
    def target(self) -> str | None:
        return self.value("target")

    @property
    def builder(self) -> str | None:
        return self.value("builder") or self._environ("BUILDX_BUILDER") or None

    @property
    def platforms(self) -> tuple[str, ...]:
        """Names as given, commas split; DOCKER_DEFAULT_PLATFORM when there is no flag; else none."""
        given = self.values("platform") or tuple(filter(None, [self._environ("DOCKER_DEFAULT_PLATFORM")]))
        return tuple(name.strip() for value in given for name in value.split(",") if name.strip())

    @property
    def build_args(self) -> dict[str, str]:
        """`NAME=VALUE`; `NAME` alone is taken from the environment, and left out when it is not there."""
        environment = dict(self.environment)
        args: dict[str, str] = {}
        for text in self.values("build-arg"):
            name, equals, value = text.partition("=")
            if equals:
                args[name] = value
            elif name in environment:
                args[name] = environment[name]
        if environment.get("SOURCE_DATE_EPOCH"):
            args.setdefault("SOURCE_DATE_EPOCH", environment["SOURCE_DATE_EPOCH"])
        return args

    @property
    def build_contexts(self) -> dict[str, str]:
        pairs = (text.partition("=") for text in self.values("build-context"))
        return {name: value for name, _, value in pairs}

    @property
    def tags(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(self.values("tag")))

    @property
    def outputs(self) -> tuple[Output, ...]:
        return tuple(parse_output(text) for text in self.values("output") if text)

    @property
    def push(self) -> bool:
        return self.flag("push")

    @property
    def load(self) -> bool:
        return self.flag("load")

    @property
    def quiet(self) -> bool:
        return self.flag("quiet") or self.progress == "quiet"

    @property
    def iidfile(self) -> str | None:
        return self.value("iidfile")

    @property
    def metadata_file(self) -> str | None:
        return self.value("metadata-file")

    @property
    def progress(self) -> str:
        return self.value("progress") or self._environ("BUILDKIT_PROGRESS") or "auto"

    @property
    def call(self) -> str | None:
        """What buildx is asked instead of for a build: `check`, `outline`, ... (`buildflags/callfunc.go`)."""
        last = ""
        for given in self.given:
            if given.flag is None or given.flag.name not in ("call", "check", "print"):
                continue
            if given.flag.name == "check" and not is_true(given.value):
                continue
            last = "check" if given.flag.name == "check" else given.value
        name = next((word for word in comma_separated(last) if "=" not in word), "")
        return None if not last or name == "build" else name

    @property
    def passes_through(self) -> bool:
        """Whether this is a question for buildx (`--call`, `--check`), which builds nothing."""
        return self.call is not None

    @property
    def pushing(self) -> tuple[Output, ...]:
        """The outputs that push; `--push` makes all of an image do so, or stands for one of its own."""
        images = [output for output in self.outputs if output.type in ("image", "registry")]
        if self.push:
            return tuple(images) or (Output("registry"),)
        return tuple(output for output in images if output.type == "registry" or output.is_set("push"))

    @property
    def pushes(self) -> bool:
        return bool(self.pushing)

    @property
    def loads(self) -> bool:
        """Whether an image store is asked for by a flag; the docker driver loads also without one."""
        return bool(self.load_contexts)

    @property
    def load_contexts(self) -> tuple[str, ...]:
        """The docker contexts whose image stores are asked for; "" is the selected one."""
        loading = (output for output in self.outputs if output.type == "docker" and output.dest is None)
        contexts = tuple(dict.fromkeys(output.attribute("context") or "" for output in loading))
        return contexts or (("",) if self.load else ())

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the image: `--tag`, which wins, or the `name` of the outputs (buildx `build/opt.go`)."""
        return tuple(dict.fromkeys((*self.tags, *(n for o in self.outputs for n in self.names_of(o)))))

    def names_of(self, output: Output) -> tuple[str, ...]:
        """The names that one output gives."""
        named = (output.attribute("name") or "").split(",")
        return self.tags or tuple(dict.fromkeys(name for name in named if name))

    @property
    def references(self) -> tuple[str, ...]:
        """Where a push sets a tag; nothing when none is asked for."""
        return self._pushed(by_digest=False)

    @property
    def repositories(self) -> tuple[str, ...]:
        """Where a push goes under the digest alone (`push-by-digest=true`): no tag is set."""
        return self._pushed(by_digest=True)

    def _pushed(self, *, by_digest: bool) -> tuple[str, ...]:
        outputs = (output for output in self.pushing if output.is_set("push-by-digest") is by_digest)
        return tuple(dict.fromkeys(name for output in outputs for name in self.names_of(output)))

    @property
    def dry_run(self) -> bool:
        return self.flag("dry-run")

    @property
    def generates(self) -> bool:
        """Whether a Dockerfile is generated where there is none."""
        return self.flag("generate")

    @property
    def has_generated(self) -> bool:
        """Whether the Dockerfile is one that was generated: beside --generate no other can be named."""
        return self.generates and self.file is not None

    @property
    def show_values(self) -> bool:
        return self.flag("show-values")

    @property
    def no_rewrite(self) -> bool:
        return self.flag("no-rewrite")

    @property
    def no_verify(self) -> bool:
        return self.flag("no-verify")

    @property
    def no_cache_mounts(self) -> bool:
        return self.flag("no-cache-mounts")

    @property
    def assist(self) -> str | None:
        """What was asked for, if anything."""
        return self.value("assist")

    @property
    def reports(self) -> tuple[str, ...]:
        return self.values("report")

    @property
    def baseline(self) -> str:
        return self.value("baseline") or "estimate"

    @property
    def config(self) -> str | None:
        return self.value("config")

    def without(self, *names: str) -> BuildOptions:
        """The same without these flags."""
        kept = tuple(given for given in self.given if given.flag is None or given.flag.name not in names)
        return replace(self, given=kept)

    def with_flags(self, *flags: tuple[str, str]) -> BuildOptions:
        """The same with more flags at the end: `("file", "Dockerfile")`, `("push", "true")`."""
        more = tuple(Given(_BY_NAME[name], value) for name, value in flags)
        return replace(self, given=self.given + more)

    def to_argv(self) -> tuple[str, ...]:
        """What buildx gets: everything but xbuild's own flags, then the context."""
        kept = (given for given in self.given if given.flag is None or not given.flag.own)
        words = tuple(word for given in kept for word in given.to_argv())
        separator = ("--",) if self.context.startswith("-") and self.context != "-" else ()
        return (*words, *separator, self.context)


def parse_build_arguments(argv: Sequence[str], environ: Mapping[str, str] | None = None) -> BuildOptions:
    """The words after `xbuild build`. Raises UsageError."""
    given, arguments = read_words(argv, FLAGS)
    if len(arguments) != 1:
        raise UsageError(
            f"build takes exactly one context, and {len(arguments) or 'none'} was given"
            + (f": {' '.join(mask(arguments))}" if arguments else ""),
            expected="PATH, URL or - (for example: xbuild build .)",
            hint="add the build context at the end of the command"
            if not arguments
            else "quote arguments that contain spaces",
        )
    return build_options(given, arguments[0], environ)


def build_options(
    given: tuple[Given, ...], context: str, environ: Mapping[str, str] | None = None
) -> BuildOptions:
    """Flags of `FLAGS` and a context, with what of the environment stands in for flags. Raises UsageError."""
    variables = os.environ if environ is None else environ
    options = BuildOptions(given, context)
    names = (*_ENVIRONMENT, *(text for text in options.values("build-arg") if "=" not in text))
    kept = tuple((name, variables[name]) for name in dict.fromkeys(names) if name in variables)
    options = replace(options, environment=kept)
    _check(options)
    return options


def read_words(
    argv: Sequence[str], flags: Iterable[BuildFlag], *, is_mixed: bool = True
) -> tuple[tuple[Given, ...], list[str]]:
    """The flags and the arguments of a command line, read as pflag reads them. Raises UsageError.

    Where they are not mixed, flags end at the first argument.
    """
    known: dict[str, BuildFlag] = {}
    for flag in flags:
        known[f"--{flag.name}"] = flag
        if flag.short:
            known[f"-{flag.short}"] = flag
    given: list[Given] = []
    arguments: list[tuple[str, int | None]] = []  # with the unknown flag directly in front, if any
    words = list(argv)
    while words:
        word = words.pop(0)
        if word == "--":
            arguments += [(rest, None) for rest in words]
            break
        if word.startswith("--"):
            given.append(_long(word, words, known))
        elif word.startswith("-") and word != "-":
            given.extend(_letters(word, words, known))
        elif not is_mixed:
            return tuple(given), [word, *words]
        else:
            last = given[-1] if given else None
            before = len(given) - 1 if last and last.flag is None and not _has_value(last) else None
            arguments.append((word, before))
    return _settle_unknown(given, arguments)


def _has_value(given: Given) -> bool:
    return len(given.words) > 1 or "=" in given.words[0]


def _settle_unknown(
    given: list[Given], arguments: list[tuple[str, int | None]]
) -> tuple[tuple[Given, ...], list[str]]:
    """An unknown flag takes the word behind it when there would be too many contexts otherwise."""
    rest: list[str] = []
    for position, (word, before) in enumerate(arguments):
        excess = len(rest) + len(arguments) - position - 1
        if before is not None and excess >= 1 and not _has_value(given[before]):
            given[before] = replace(given[before], words=(*given[before].words, word))
        else:
            rest.append(word)
    return tuple(given), rest


def _long(word: str, words: list[str], known: Mapping[str, BuildFlag]) -> Given:
    name, equals, value = word.partition("=")
    if name == "--":
        raise UsageError(f"bad flag syntax: {word}", hint="write --flag or --flag=value")
    flag = known.get(name)
    if flag is None:
        return Given(None, value, (word,))
    if flag.kind is FlagKind.BOOLEAN:
        return _boolean_given(flag, value if equals else "true", name)
    if equals:
        return Given(flag, value)
    return Given(flag, _next(words, name))


def _letters(word: str, words: list[str], known: Mapping[str, BuildFlag]) -> Iterator[Given]:
    rest = word[1:]
    while rest:
        letter, rest = rest[0], rest[1:]
        flag = known.get(f"-{letter}")
        if flag is None:
            yield Given(None, "", (f"-{letter}{rest}",))
            return
        shown = f"-{letter}, --{flag.name}"
        if flag.kind is FlagKind.BOOLEAN:
            # "-q=false" gives the value, "-qD" is two flags
            value, rest = (rest[1:], "") if len(rest) > 1 and rest[0] == "=" else ("true", rest)
            yield _boolean_given(flag, value, shown)
            continue
        if len(rest) > 1 and rest[0] == "=":
            rest = rest[1:]
        yield Given(flag, rest or _next(words, shown))
        return


def _next(words: list[str], shown: str) -> str:
    if not words:
        raise UsageError(
            f"flag needs an argument: {shown}", hint=f"write a value behind {shown.split(',')[0]}"
        )
    return words.pop(0)


def _boolean_given(flag: BuildFlag, value: str, shown: str) -> Given:
    if value not in _TRUE | _FALSE:
        raise UsageError(
            f"invalid value {value!r} for {shown}",
            expected="true or false",
            hint=f"write --{flag.name} or --{flag.name}=false",
        )
    return Given(flag, value)


def is_true(text: str) -> bool:
    """strconv.ParseBool, for values already checked."""
    return text in _TRUE


def _check(options: BuildOptions) -> None:
    """What buildx would refuse, and what would be noticed too late."""
    _check_pairs(options)
    _check_words(options)
    for output in options.outputs:
        if output.type in ("local", "tar") and options.iidfile:
            raise UsageError(
                "local and tar outputs have no image ID, so --iidfile cannot be written",
                hint="drop --iidfile, or use another output",
            )
    _check_names(options)
    if options.context == "-" and options.file == "-":
        raise UsageError(
            "standard input cannot be both build context and Dockerfile",
            hint="give a folder as context, or a file with --file",
        )


def _check_names(options: BuildOptions) -> None:
    for name in options.names:
        if parse_reference(name).digest:
            raise UsageError(
                f"{name} names a digest, and the image's own is known only when it is built",
                expected="[HOST/]REPOSITORY[:TAG]",
                hint="--output type=image,name=REPOSITORY,push-by-digest=true,push=true pushes without a tag",
            )
    for output in options.pushing:
        if not options.names_of(output):
            raise UsageError(
                "a push needs a name for the image",
                expected="--tag REGISTRY/NAME:TAG",
                hint="add --tag, or name= to the output",
            )
        if output.is_set("registry.insecure"):
            _check_insecure(options.names_of(output))
    for name in options.repositories:
        if not is_name_only(name):
            raise UsageError(
                f"push-by-digest sets no tag, and {name} has one",
                expected="[HOST/]REPOSITORY",
                hint="leave the tag out, or push-by-digest",
            )


def _check_insecure(names: Iterable[str]) -> None:
    """The upload of a verified layout knows only what engine and builder are configured with."""
    for reference in map(parse_reference, names):
        if not reference.is_loopback:
            raise UsageError(
                f"registry.insecure is not taken for {reference.host}: the verified image is uploaded with"
                " the settings of the engine and the builder",
                expected="the registry in insecure-registries of the engine (docker driver), or with"
                " `http = true` or `insecure = true` in the builder's buildkitd.toml",
                hint="list it there, and leave registry.insecure out",
            )


def _check_pairs(options: BuildOptions) -> None:
    for name in ("build-arg", "label", "build-context"):
        for text in options.values(name):
            key, equals, value = text.partition("=")
            if not key or (name == "build-context" and not (equals and value)):
                raise UsageError(
                    f"--{name} {text!r} has no {'value' if key else 'name'}", expected="NAME=VALUE"
                )


def _check_words(options: BuildOptions) -> None:
    allowed = (
        ("assist", ASSISTS, options.assist or ASSISTS[0]),
        ("baseline", BASELINES, options.baseline),
        ("progress", PROGRESS, options.value("progress") or "auto"),
    )
    for name, words, word in allowed:
        if word not in words:
            raise UsageError(f"--{name} {word!r} is not known", expected=", ".join(words))
    if options.flag("quiet") and options.value("progress") not in (None, "auto", "quiet", "none"):
        raise UsageError(
            f"--progress={options.progress} and --quiet cannot be used together", hint="drop one of the two"
        )
    for report in options.reports:
        if not report.endswith((".json", ".md")):
            raise UsageError(
                f"--report {report!r}: its kind is not known", expected="a name that ends in .json or .md"
            )


def parse_output(text: str) -> Output:
    """buildx `util/buildflags/export.go`, `UnmarshalText`."""
    fields = comma_separated(text)
    if len(fields) == 1 and fields[0] == text and not text.startswith("type="):
        return Output("tar", "-") if text == "-" else Output("local", text)
    attributes: dict[str, str] = {}
    for part in fields:
        key, equals, value = part.partition("=")
        if not equals:
            raise UsageError(
                f"--output {text!r}: {part!r} cannot be read",
                expected="type=TYPE[,dest=PATH][,KEY=VALUE...], a folder, or -",
            )
        attributes[key.strip().lower()] = value
    kind = attributes.pop("type", "")
    if not kind:
        raise UsageError(f"--output {text!r} has no type", expected="for example type=local,dest=out")
    return Output(kind, attributes.pop("dest", None) or None, tuple(attributes.items()))


def comma_separated(text: str) -> list[str]:
    """The fields of a flag's value; those in quotes may hold commas. Raises UsageError."""
    import csv

    try:
        return next(csv.reader([text], strict=True), [])
    except csv.Error as error:
        raise UsageError(f"{text!r} cannot be read as comma-separated values: {error}") from error


def join_fields(pairs: Iterable[tuple[str, str]]) -> str:
    """`key=value,...`, quoted where a value holds a comma or a quote."""
    return _join(f"{key}={value}" for key, value in pairs)


def _join(words: Iterable[str]) -> str:
    return ",".join('"' + w.replace('"', '""') + '"' if re.search(r'[,"\n]', w) else w for w in words)


MASK = "***"

# Names of attributes and parameters that are credentials (BuildKit `cache/remotecache/*`; signed addresses).
_SECRET = expression(
    r"(?P<key>(?<![\w.-])[\w.-]*(?:token|passw(?:or)?d|secret|signature|credential|access_?key|account_?key"
    r"|api_?key)[\w.-]*=).*",
    re.IGNORECASE | re.DOTALL,
)
_SCHEME = r"(?<![a-z0-9+.-])(?!(?:docker-image|oci-layout|target):)[a-z][a-z0-9+.-]*://"
_URL_LOGIN = expression(rf"(?P<scheme>{_SCHEME})[^/?#\s]*@", re.IGNORECASE)
_URL_QUERY = expression(rf"(?P<address>{_SCHEME}[^\s?#,\"]*)\?[^\s#\"]*", re.IGNORECASE)


def redact(text: str) -> str:
    """A text with the login and the query of every URL in it replaced: both are where tokens are put."""
    return _URL_QUERY.sub(rf"\g<address>?{MASK}", _URL_LOGIN.sub(rf"\g<scheme>{MASK}@", text))


def display_command(argv: Sequence[str], *, show_values: bool = False) -> str:
    """A command line as a shell would take it; build-arg values and credentials masked unless asked for."""
    import shlex

    return shlex.join(argv if show_values else mask(argv))


def mask(argv: Sequence[str]) -> tuple[str, ...]:
    """The words with build-arg values and credentials replaced."""
    masked: list[str] = []
    for word in argv:
        if masked and masked[-1] == "--build-arg":
            masked.append(_mask_pair(word))
        elif word.startswith("--build-arg="):
            masked.append("--build-arg=" + _mask_pair(word.removeprefix("--build-arg=")))
        else:
            masked.append(_mask_word(word))
    return tuple(masked)


def _mask_word(word: str) -> str:
    """Attribute by attribute: a value in quotes may hold commas."""
    shown = redact(word)
    if not _SECRET.search(shown):
        return shown
    import csv

    try:
        fields = next(csv.reader([shown], strict=True), [])
    except csv.Error:
        fields = [shown]  # then all behind the first credential goes
    return _join(_SECRET.sub(rf"\g<key>{MASK}", field) for field in fields)


def _mask_pair(text: str) -> str:
    name, equals, _ = text.partition("=")
    return f"{name}={MASK}" if equals else name
