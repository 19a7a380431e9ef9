"""Hugo and Zola: templates that run nothing but what they have themselves.

A template may read the environment, files of the site and addresses, and none of this tells the machine; the
programs that Hugo's may start (PostCSS, Dart Sass, Asciidoctor, Pandoc) make text of text.

Sources: Hugo's documentation, "hugo" (command line), "Configure security", "Image processing"; Zola's
documentation, "CLI usage", "Image processing".
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

from xbuild.plan.facts.filesystem import Kind
from xbuild.plan.programs.grammar import Reading, Style
from xbuild.plan.programs.program import Does, Program, plain, write
from xbuild.plan.recipes.own_files import UntoldError
from xbuild.plan.table import words
from xbuild.plan.toolchain import Call, Effect
from xbuild.plan.toolchains.sites.site import IMAGES, LONGEST, Found, builds, made, refused
from xbuild.text import expression

_MANY = 500  # templates
_DRAWING = expression(r"\.(?:Resize|Fit|Fill|Crop|Process|Filter|Colors)\b|\bimages\.|\bresize_image\s*\(")


def _looks(call: Call, _given: Reading, _folder: str) -> Found:
    """Whether a template scales images; also where no template can be looked at. Raises UntoldError for
    settings of PostCSS or Babel that are more than settings.
    """
    _check_scripts(call)
    seen = list(_templates(call))
    is_drawing = not seen or any(_DRAWING.search(text) for text in seen)
    return Found((IMAGES,) if is_drawing else ())


def _templates(call: Call) -> Iterator[str]:
    names = [name for name in call.around.context.files() if name.endswith(".html")]
    for name in names[:_MANY]:
        yield (call.around.context.read(name) or "")[:LONGEST]


def _check_scripts(call: Call) -> None:
    """Settings in JavaScript are run by what Hugo starts."""
    for name in call.around.context.files():
        if _SCRIPT.search(name) and _ASKING.search(call.around.context.read(name) or "process"):
            raise UntoldError(f"{name} is a script that may ask for the machine", _CURE)


_SCRIPT = expression(r"(?:^|/)(?:postcss|babel|tailwind)\.config\.\w+$|(?:^|/)\.(?:postcss|babel)rc\.\w+$")
_ASKING = expression(
    r"\bprocess\b(?!\.env\.(?:NODE_ENV|HUGO_\w+)\b)|child_process|\beval\b|\bFunction\b|\bimport\s*\("
    r"|[\"'](?:node:)?(?:os|fs|module|vm|worker_threads)(?:/\w+)?[\"']|[\"']\.{1,2}/[^\"'*]*[\"']\s*\)"
)
_CURE = "leave it out, or build the site in the stage for the target"
_STARTED = words(
    "sass dart-sass dart-sass-embedded sassc postcss babel tailwindcss asciidoctor pandoc rst2html "
    "rst2html.py npx node go git"
)
"""Hugo's "Configure security": security.exec.allow, and what converts pages."""


def _starts(_call: Call) -> Iterator[str]:
    yield from _STARTED


_BUILDS = builds(_looks, source="-s")


def _site(call: Call, given: Reading) -> Effect | None:
    """It says its version, in which the machine is named, when it begins."""
    done = _BUILDS(call, given)
    if done is None or given.has("--quiet"):
        return done
    logs = tuple(write(call, path, Kind.BUILD) for path in given.values("--logFile"))
    return replace(done, output=max(done.output, Kind.BUILD), writes=(*done.writes, *logs))


def _tells(call: Call, _given: Reading) -> Effect:
    """The version names the machine."""
    return plain(call, Kind.BUILD)


def _modules(call: Call, given: Reading) -> Effect | None:
    """`hugo mod`: sources of other sites into this one."""
    if given.operands[1:] not in (("get",), ("tidy",), ("vendor",), ("verify",), ("clean",)):
        return None
    try:
        folder = given.value("-s", ".")
        return made(call, (folder,), (folder,))
    except UntoldError as error:
        return refused(call, error)


_VERBS: Mapping[str | None, Does] = {"build": _site, "version": _tells, "env": _tells, "mod": _modules}


def _hugo(call: Call, given: Reading) -> Effect | None:
    """Without a verb it builds the site."""
    verb, *rest = given.operands or ("build",)
    done = _VERBS.get(verb)
    return done(call, given) if done is not None and (not rest or verb == "mod") else None


_SWITCHES = (
    "-D,--buildDrafts[=] -E,--buildExpired[=] -F,--buildFuture[=] --cleanDestinationDir[=] --debug[=] "
    "--enableGitInfo[=] --forceSyncStatic[=] --gc[=] --ignoreCache[=] --minify[=] --noBuildLock[=] "
    "--noChmod[=] --noTimes[=] --panicOnWarning[=] --printI18nWarnings[=] --printPathWarnings[=] "
    "--printUnusedTemplates[=] --printMemoryUsage[=] --quiet[=] --templateMetrics[=] "
    "--templateMetricsHints[=] -v,--verbose[=] --path-warnings[=] --i18n-warnings[=] --log[=] --verboseLog[=]"
)
HUGO = Program(
    "hugo",
    f"{_SWITCHES} -b,--baseURL= --cacheDir=/ --clock= --config= --configDir= -c,--contentDir=< "
    "-d,--destination=/ --disableKinds= -e,--environment= --ignoreVendorPaths= -l,--layoutDir=< --logLevel= "
    "--logFile=> --renderSegments= -s,--source=< -t,--theme= --themesDir=<",
    does=_hugo,
    starts=_starts,
    is_extra=True,
    packages="hugo",
)
_ZOLA_BUILD = Program(
    "build",
    "-u,--base-url= -o,--output-dir=/ -f,--force --drafts -m,--minify",
    does=builds(_looks, source="-r"),
)
ZOLA = Program(
    "zola",
    "-r,--root=< -c,--config=<",
    style=Style.FIRST,
    verbs={"build": _ZOLA_BUILD, "check": replace(_ZOLA_BUILD, options="--drafts --skip-external-links")},
    is_extra=True,
)
