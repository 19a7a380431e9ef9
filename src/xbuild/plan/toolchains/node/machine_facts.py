"""What in a text of JavaScript may take something from the machine that runs it.

A text is not followed: it is looked for what could, whatever it is used for. Line comments and documentation
comments are passed over.

Sources: Node.js "process", "os", "child_process", "Modules: Packages"; vite "Configuring Vite" (`loadEnv`);
npm "config" (`npm_config_user_agent` tells system and architecture); Node.js "Global objects" (`navigator`);
dotenv-expand README (`$NAME` in a file of variables).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache

from xbuild.plan.table import words
from xbuild.text import expression, value


@value()
class MachineFact:
    """What was found, and the line that it stands in."""

    what: str
    line: int


_MODULES = frozenset(
    words(
        "os child_process node:process node:v8 node:inspector node:cluster "
        "execa cross-spawn shelljs zx tinyexec nano-spawn systeminformation node-machine-id detect-libc "
        "os-name node-gyp-build node-pre-gyp @mapbox/node-pre-gyp node-loader "
        "puppeteer puppeteer-core playwright playwright-core @playwright/test playwright-chromium "
        "puppeteer-cluster @sparticuz/chromium chrome-aws-lambda chrome-launcher phantomjs "
        "phantomjs-prebuilt selenium-webdriver capture-website md-to-pdf "
        "mermaid-isomorphic rehype-mermaid remark-mermaidjs @mermaid-js/mermaid-cli gatsby-remark-mermaid "
        "nitropack vinxi vite-plugin-electron electron-vite bytenode "
        "vite-plugin-prerender prerender-spa-plugin react-snap @prerenderer/renderer-puppeteer "
        "@prerenderer/renderer-playwright "
        "@vercel/webpack-asset-relocator-loader @vercel/nft @prisma/client "
        "@sveltejs/adapter-auto @sveltejs/adapter-vercel @sveltejs/adapter-netlify "
        "@astrojs/vercel @astrojs/netlify"
    )
)
"""Modules that ask the machine, start others, or take along what is installed."""
_WHERE_IMPORTED = frozenset(
    words("process v8 cluster inspector electron nitro nuxt bindings getos critical nightmare penthouse")
)
"""The same where they are imported; elsewhere their names are words."""

_WHOLE_PROCESS = "process as a whole"
# Prefixes of variables that a project has made for itself: no variable of npm's or of the machine begins so.
_PREFIX = r"""['"`](?!BUILD|TARGET|HOST|MACH|OSTYPE|CPU|NODE)[A-Z][A-Z0-9_]{2,}\*?['"`]"""
_PREFIXES = rf"(?:{_PREFIX}|\[\s*+(?:{_PREFIX}\s*+,?\s*+)+\])"
_LISTING = (
    r"(?:(?:readdir|opendir|access|l?stat|realpath|readlink|exists|pathExists)(?:Sync)?"
    r"|scandir\w*|glob\w*|fdir)"
)
_COPYING = (
    r"(?:cp|copy|copyDir|copydir|copyFolder|ncp|cpy|move|rename|symlink|link|directory|addFolder"
    r"|addLocalFolder|addPassthroughCopy)(?:Sync)?"
)
_FIRST = r"(?:\s*+[\[{]?\s*+|[^()\n;,'\"`]*\((?:[^()\n;]|\(\))*?)['\"`](?!!)"
"""Up to a text that a function is given first, or by a function inside (`path.join`)."""
_RULES: tuple[tuple[str, str, str], ...] = (
    (
        "process",
        r"\bprocess\s*\??\.\s*(?:arch|config|report|versions|execPath|binding|dlopen|getBuiltinModule)\b",
        "",
    ),
    ("process", r"\bprocess\s*+(?:\?\.\s*+)?\[", "process by a computed name"),
    ("process", r"\bprocess\s*+/\*", "process, and a comment in the way"),
    ("\\u", r"\bprocess\s*+\??\.\s*+(?:env\s*+\??\.\s*+)?\\u", "process by a name in escapes"),
    ("CompileCache", r"\benableCompileCache\s*\(", "a cache of V8"),
    ("CachedData", r"\b(?:create|produce)CachedData\b", "a cache of V8"),
    ("Bun", r"\bBun(?:\??\.[\w$]|\[)", "what bun brings along"),
    ("Deno", r"\bDeno(?:\??\.[\w$]|\[)", "what deno brings along"),
    (
        "process",
        r"(?:=|\(|,|\?|:|\.\.\.|\breturn\b|\bin\b|\bof\b)\s*+process\b(?:[ \t]*+$|\s*+[,;)}\]])",
        _WHOLE_PROCESS,
    ),
    ("global", r"\bglobal(?:This)?\s*+\??\.\s*+process\b(?!\s*+\??\.)", _WHOLE_PROCESS),
    ("global", r"(?:=|\(|,|\breturn\b)\s*+global(?:This)?\b(?:[ \t]*+$|\s*+[,;)}\]])", "all that is global"),
    ("global", r"\bglobal(?:This)?\s*+(?:\?\.\s*+)?\[", "a global by a computed name"),
    ("eval", r"\beval\s*\(", "code that is made"),
    ("Function", r"\bnew\s+Function\b", "code that is made"),
    ("navigator", r"\bnavigator\s*\??\.\s*(?:hardwareConcurrency|platform)\b", ""),
    ("navigator", r"\bnavigator\s*+(?:\?\.\s*+)?\[", "navigator by a computed name"),
    (
        "navigator",
        r"\{[^{}]*\b(?:hardwareConcurrency|platform)\b[^{}]*\}\s*+=\s*+(?:\w+\s*+\.\s*+)*+navigator\b",
        "navigator.platform or its like",
    ),
    (
        "navigator",
        r"(?:=|\(|,|\breturn\b)\s*+(?:(?:globalThis|global)\s*+\.\s*+)?navigator\b(?:[ \t]*+$|\s*+[,;)])",
        "navigator as a whole",
    ),
    ("availableMemory", r"\bprocess\s*\??\.\s*availableMemory\b", ""),
    ("constrainedMemory", r"\bprocess\s*\??\.\s*constrainedMemory\b", ""),
    ("../", r"['\"`](?:\.\./)+(?:proc|sys|lib64|usr|etc|sbin|dev)/[^'\"`\n]*", "a file of the system"),
    ("/", r"['\"`]/(?:proc|sys|lib|lib64|usr|etc|bin|sbin|dev)\b[^'\"`\n]*", "a file of the system"),
    (".node", r"\.node['\"`]", "a native module"),
    ("npm_", r"\b_?npm_config_\w+|\bnpm_execpath\b|\bnpm_node_execpath\b", ""),
    ("TYPE", r"\b(?:MACHTYPE|HOSTTYPE|OSTYPE|CPUTYPE)\b", ""),
    ("PROCESSOR", r"\bPROCESSOR_ARCHITECTURE\b", ""),
    ("import", r"\bimport\s*+\(\s*+(?!['\"]|`(?!\$\{)|/\*)", "an import by a computed name"),
    ("require", r"\brequire\s*+\(\s*+(?!['\"]|`(?!\$\{))", "a require by a computed name"),
    ("+", r"\b(?:require|import)\s*+\(\s*+['\"`][\w:-]*['\"`]\s*+\+", "a module by a computed name"),
    (
        "node_modules",
        r"\b(?:from|src|source|copy)\s*:\s*[^,}\n]*\bnode_modules(?:/?['\"`]|/[*{])",
        "all of node_modules",
    ),
    (
        "node_modules",
        r"\b(?:from|src|source|copy)\s*:\s*[^,}\n]*\bnode_modules/(?:\.bin|@[\w.-]+/[*{])",
        "what is installed",
    ),
    (
        "node_modules",
        rf"\b{_COPYING}\s*\({_FIRST}(?:[^'\"`\n]*/)?node_modules(?:/?['\"`]|/[*{{])",
        "all of node_modules",
    ),
    (
        "publicDir",
        r"\bpublicDir\s*+:\s*+['\"`](?:\.{0,2}/)*(?:\.{1,2}|(?<=/)|node_modules[^'\"`\n]*)['\"`]",
        "what is installed",
    ),
    (
        ".package-lock",
        r"\bnode_modules/\.(?:package-lock\.json|yarn-integrity|modules\.yaml)",
        "what is installed",
    ),
    ("argv", r"\bprocess\s*\??\.\s*argv\s*+\[\s*+0\s*+\]", "the program of node"),
    ("**/", r"\b(?:from|src|source)\s*+:\s*+\[?\s*+['\"`](?:\./)?\*\*/", "what is installed"),
    ("_compile", r"\._compile\s*\(", "code that is made"),
    ("runIn", r"\brunIn(?:This|New)?Context\s*\(", "code that is made"),
    ("constructor", r"\.constructor\s*\(\s*+['\"`]", "code that is made"),
    ("dlopen", r"\bdlopen\s*\(", ""),
    ("EnvironmentPlugin", r"\bEnvironmentPlugin\s*\(\s*['\"]all['\"]", "the whole environment"),
    (
        "envPrefix",
        rf"\benvPrefix\b['\"]?\s*+(?::\s*+(?!{_PREFIXES})|(?=[,}}]))",
        "what a prefix takes of the environment",
    ),
    (
        "node_modules",
        rf"\b{_LISTING}\s*\(\s*(?:\[?\s*|[^(),\n;]*\+\s*|[^()\n;,'\"`]*\((?:[^()\n;]|\(\))*?)"
        r"['\"`](?!!)[^'\"`\n]*\bnode_modules\b",
        "what is installed",
    ),
    ("prefixes", r"\bprefixes\s*:\s*\[\s*['\"]['\"]", "the whole environment"),
)
"""What has to stand in a text for a rule to be tried, its pattern, and what it finds ("": as it stands)."""
_COMPILED = tuple((literal, expression(pattern, re.MULTILINE), text) for literal, pattern, text in _RULES)
_OWN_PROCESS = expression(r"\bfunction\s+process\s*\(")
# Names that a function gives to what it is called with: of what is passed on, nothing is said there.
_PARAMETERS = expression(
    r"\bfunction\b[ \t]*+\*?[ \t]*+[\w$]*+[ \t]*+(\([\w$\s,.:?|<>\[\]]*+\))"
    r"|(\([\w$\s,.:?|<>\[\]]*+\))[ \t]*+=>"
)
_WHOLE = (_WHOLE_PROCESS, "all that is global", "navigator as a whole")
_NAMES = "|".join(
    re.escape(name.removeprefix("node:")) for name in sorted({*_MODULES, *_WHERE_IMPORTED}, reverse=True)
)
_QUOTED = expression(
    rf"""(\b(?:from|import|require\s*\(|import\s*\()\s*)?(['"`])(node:)?({_NAMES})(?:/[\w./-]*)?\2"""
)
_ENV = expression(
    r"(?P<quote>['\"`]?)\bprocess\s*\??\.\s*env\b(?!['\"`])"
    r"(?!\s*+\??\.\s*+[A-Za-z_$])(?!\s*+(?:\?\.\s*+)?\[\s*+['\"]\w+['\"]\s*+\])"
)
# Settings that a tool is to see are put among the others; nothing is taken out.
_PUT = expression(
    r"Object\.assign\(\s*process\.env\s*,\s*(?!process)|"
    r"process\.env\s*=\s*\{\s*\.\.\.\s*process\.env\s*,|typeof\s+process\.env\b"
)
_ARGUMENT = r"(?:[^(),\[\]]|\([^()]*\))*+"
_LOADED = expression(
    r"(?:\b(?:const|let|var)\s+(\w+)\s*=\s*)?"
    rf"\bloadEnv\s*\({_ARGUMENT},{_ARGUMENT}(?:,\s*(?P<prefix>(?:[^()]|\([^()]*\))*?)[\s,]*)?\)"
)
# A folder of packages under a name, which is listed or looked for later.
_MODULES_NAMED = expression(
    r"\b(?:const|let|var)\s+(\w+)\s*(?::\s*\w+\s*)?=\s*[^;\n]*['\"`][^'\"`\n]*\bnode_modules\b"
)
_OWN_PREFIXES = expression(_PREFIXES)
_DOCUMENTATION = expression(r"(?m)^\s*/\*\*(?:.|\n)*?\*/")
_COMMENT = expression(r"(?m)^([^'\"`/\n]*(?:/(?![/*])[^'\"`/\n]*)*)(?<![\\\[:>])//[^\n]*")


def without_comments(text: str) -> str:
    """The text with comments blanked, line by line: those that begin a line, and those behind what has no
    quotes in it. One with an expression in it may be part of a template, and one behind `:` of an address.
    """
    # Behind the last end of a comment none begins: it would be looked for again and again.
    end = text.rfind("*/") + 2 if "*/" in text else 0
    plain = _DOCUMENTATION.sub(lambda found: _blank(found[0]), text[:end]) + text[end:]
    return _COMMENT.sub(lambda found: found[1] + _blank(found[0][len(found[1]) :]), plain)


_TYPE = (
    r"(?:any|unknown|never|object|typeof\s+\w+|\{[^{}\n]*+\}"
    r"|[A-Z][\w.]*+(?:<[^<>\n]*+(?:<[^<>\n]*+>[^<>\n]*+)?>)?)"
)
_CAST = rf"(?:\s++(?:as|satisfies)\s++{_TYPE})++"
_TELLING = r"(?:<(?:any|unknown)>\s*+)?\b(process|globalThis|global|navigator)\b"
_IN_BRACKETS = expression(rf"(?<![\w$)\]])\(\s*+(?=<|\w+\s){_TELLING}(?:{_CAST})?\s*+\)(?=\s*+[?!.\[])")
_WITH_TYPE = expression(
    rf"{_TELLING}(?:!(?=\s*+[.\[,;)])|{_CAST})|<(?:any|unknown)>\s*+(process|global\w*)\b"
)


def _without_types(text: str) -> str:
    """The text without what TypeScript is told of what tells the machine: `(process as any)!`."""
    if not any(name in text for name in ("process", "global", "navigator")):
        return text
    for pattern in (_IN_BRACKETS, _WITH_TYPE):
        text = pattern.sub(lambda found: (found[1] or found[2]) + "\n" * found[0].count("\n"), text)
    return text


def _blank(text: str) -> str:
    return text if "${" in text or "{{" in text else re.sub(r"[^\n]", " ", text)


def facts_of(text: str) -> Iterator[MachineFact]:
    """All that is found in a text."""
    plain = _without_types(without_comments(text))

    def line(at: int) -> int:
        return plain.count("\n", 0, at) + 1

    has_own = _OWN_PROCESS.search(plain) is not None
    for literal, pattern, what in _COMPILED:
        for found in pattern.finditer(plain) if literal in plain else ():
            if has_own and what == _WHOLE_PROCESS and "global" not in found[0]:
                continue  # a function that is called so
            if what in _WHOLE and found.start() in _parameters(plain):
                continue
            yield MachineFact(what or " ".join(found[0].split())[:40], line(found.start()))
    for found in _QUOTED.finditer(plain):
        name = found[4]
        is_imported = found[1] is not None and name in _WHERE_IMPORTED
        if name in _MODULES or f"{found[3] or ''}{name}" in _MODULES or is_imported:
            yield MachineFact(f"the module {name}", line(found.start()))
    yield from (MachineFact("process.env as a whole", line(at)) for at in _whole(plain))
    for found in _MODULES_NAMED.finditer(plain) if "node_modules" in plain else ():
        uses = rf"\b(?:{_LISTING}|{_COPYING})\s*\([^;\n]*?(?<![\w$.]){re.escape(found[1])}\b"
        if re.search(uses, plain):
            yield MachineFact("what is installed", line(found.start()))


@lru_cache(maxsize=1)
def _parameters(text: str) -> frozenset[int]:
    """The places between the parameters of functions, and in front of the first."""
    lists = (found.span(found.lastindex or 0) for found in _PARAMETERS.finditer(text))
    return frozenset(at for start, end in lists for at in range(start, end) if text[at] in "(,")


_EXPANDED = expression(
    r"(?m)^(?!\s*#).*?(?<!\\)\$\{?\s*(HOSTNAME|HOSTTYPE|MACHTYPE|OSTYPE|CPUTYPE|PATH|LD_LIBRARY_PATH|"
    r"LD_PRELOAD|\()"
)


def expansion_of(text: str) -> MachineFact | None:
    """What a file of variables (`.env`) takes of the machine: a variable that the machine or a shell sets,
    which goes before what the file itself says, or what a command prints.
    """
    found = _EXPANDED.search(text)
    if found is None:
        return None
    what = "what a command prints" if found[1] == "(" else f"${found[1]}"
    return MachineFact(what, text.count("\n", 0, found.start(1)) + 1)


def package_name(text: str) -> str:
    """The package of what is imported: `a/b` is of `a`, `@a/b/c` of `@a/b`."""
    parts = text.split("/")
    return "/".join(parts[: 2 if text.startswith("@") else 1])


def _whole(text: str) -> Iterator[int]:
    """Where the whole environment is taken."""
    if "process" not in text and "loadEnv" not in text:
        return
    harmless = [range(*found.span()) for found in _PUT.finditer(text)]
    for found in _ENV.finditer(text):
        if not any(found.start("quote") in span for span in harmless) and not found["quote"]:
            yield found.start()
    for found in _LOADED.finditer(text):
        is_all = found["prefix"] and _OWN_PREFIXES.fullmatch(found["prefix"]) is None
        if is_all and (found[1] is None or _is_taken_whole(text, found[1])):
            yield found.start()


def _is_taken_whole(text: str, name: str) -> bool:
    """Whether a variable is used otherwise than for what is named of it."""
    uses = re.finditer(
        rf"(?<![\w$])(?:(?<!\.)|(?<=\.\.\.)){re.escape(name)}\b(?!\s*\??\.\s*[A-Za-z_])(?!\s*[:=][^=])", text
    )
    return any(True for _ in uses)
