"""Wrappers: scripts in the build context that fetch Maven or Gradle, and start it.

A wrapper is known by its text; what it fetches is named in a file of properties beside it. Sources: the
releases of Maven Wrapper (`maven-wrapper-distribution` 3.1.0 to 3.3.4, all four kinds) and of Takari's
(`maven-wrapper` 0.4.0 to 0.5.6); `gradlew` of Gradle 3.5 to 9.0, as `initializr-generator-spring` and
Quarkus' `quarkus-project-core-extension-codestarts` bring it.
"""

from __future__ import annotations

import hashlib
import posixpath
import re
from collections.abc import Iterator

from xbuild.plan.recipes.own_files import context_text
from xbuild.plan.table import words
from xbuild.plan.toolchain import Call
from xbuild.plan.toolchains.java.untold import BoundError
from xbuild.text import value

_MVNW = """
    243497444e5d49f2d89fd0cbe6dbe634e966da3c6d7ee4866c39b513fa6f4008
    4240b8a02023bd21e627d76115b51c91379d4f7444fb5f771fe48ca93bef431b
    72e57bfdcc7bb083173ed73568d8254e8c9bd7973bfdd2982f30352593d80fa9
    bd513de370e207f5b7b74e6d6d397210cf880cf30f3d8baebc084c8f93a4cf6f
    0c392fe3d8c26eb37ae483f567b6fe4f467aab1238b29eafd3dfdf96413f8a98
    e4cdb58f44e624b0dbd8a74e7ee9eb1d12ee80777847a751fa9f5a0a11d85060
    00cc04fec5a6858ce375ffd7e44a5a37c35f5154abb6ce626cac576b9e204274
    d1795655fe71de8ba7ed964726de7da32eb7e77158c5415959b31cd02942e302
    2d6853623a58e2c7366aac42a88c0340af0e5e1dd563b57bf4a3892d72f4e3e3
    f5a57acb9ac5f0006e61f01deecaf07fbf576b37b0a3bdb329a274e476f5d2ff
    83f0702c691e83529dd5efd737e3181826172f90b1877e9e2e6627ab59303e95
    c9e4500e5a36247d0c35703a179490d89b6ed6258fc48e07d819c11d750c612b
    62d622de5db4409fb6e886cc27c1627361e64a8b185cceeba296706e7c0c08f4
    08f22e63bd67f8b75e9b2527c8dded01c9527683950bb6d78c5dae0eb666b8c7
    012e941c7121f27a8147043d31818df6c26d45e818943a8811c671f9b7f1cdb2
    7b6d7c5e8c0a79d23216a4bcb1556a0a1428ccf41cbb7a2009ecbc532d5b6106
    884093fd853258826de8aeef1dda9ef20652bb838b5f17195ca7f04f809821b1
"""
_GRADLEW = """
    261841a1ca0bd6b01e4d599f379e5c2fc212c80ad1299beeccfdb7e1521a0831
    58c2dd3dea803987010f845d94bc5c6a00ce3013eff310cb568aec80715b6c62
    3734d0b1a05c39c7150f50b0809532fcfb9481465ea089165c684efbb35a1a98
    99c200b1da7ca478552ea85c574737b9d45badb86832f098d10f9de17d1763bf
    d81bd97262df2c864f4f3a6a877ee95d33bf8c562ed812332b7498f24d8da24a
    566c73347c6c5c58d361af3a4eac4a3eea2ccd4c3173d3df38659060b83142ec
    0922db3003213a85b2f706bb5fd42dbc4bccd17723977f14525154c3f690f701
    4edf59728ddec472c159fdf713d34189012d20e4e4b35ad94ba213aa964fe042
    419f3f02d8fe5c65940ffd4eea26486ef514087ac3747b90ff76a0d309f87f06
    0b0265a1f23cedc2438d9664e568efb9a6c78d0dcfd022f69012455acf7b818a
    25998ecc37d9668b22fa9a636f55b70cb9838dd6bea4967b9b36d705fc07945b
    f50f20e9bfd32d7742c3253bb54248b7e090cd8c086f1e6894affb0e086913dd
"""


@value()
class Wrapper:
    """The sums of its known texts, where it is told what to fetch, and what that has to be; the cure."""

    sums: frozenset[str]
    properties: str
    wanted: str
    brings: str
    cure: str


_WRAPPERS = {
    "mvnw": Wrapper(
        frozenset(words(_MVNW)),
        ".mvn/wrapper/maven-wrapper.properties",
        r"https?\\?://[^\s]+/apache-maven-[\w.-]+-bin\.(zip|tar\.gz)",
        "Apache's Maven",
        "generate it anew: mvn wrapper:wrapper",
    ),
    "gradlew": Wrapper(
        frozenset(words(_GRADLEW)),
        "gradle/wrapper/gradle-wrapper.properties",
        r"https?\\?://[^\s]+/gradle-[\w.-]+-(bin|all)\.zip",
        "Gradle",
        "generate it anew: gradle wrapper",
    ),
}
"""By the name of the script."""


def check_wrapper(call: Call) -> None:
    """Raises BoundError unless the script is a known text, and fetches what it is for."""
    path = call.seen(call.texts[0]) or ""
    wrapper = _WRAPPERS[call.program_name]
    text = context_text(call, path)
    if text is None:
        raise BoundError(f"{path or 'its script'} is not in the build context, or may have been changed")
    if digest(text) not in wrapper.sums:
        raise BoundError(f"{posixpath.basename(path)} is none of the wrappers that are known", wrapper.cure)
    where = posixpath.join(posixpath.dirname(path), wrapper.properties)
    told = property_of(context_text(call, where) or "", "distributionUrl")
    if told is None or not re.fullmatch(wrapper.wanted, told):
        raise BoundError(f"what the wrapper fetches is not {wrapper.brings}, or cannot be told", wrapper.cure)


def digest(text: str) -> str:
    """What tells a script from others, whatever its comments, blank lines and blanks around lines are."""
    lines = (line.strip() for line in text.splitlines())
    plain = "\n".join(line for line in lines if line and not line.startswith("#"))
    return hashlib.sha256(plain.encode("utf-8", "surrogateescape")).hexdigest()


def property_of(text: str, name: str) -> str | None:
    """The last value of a property (java.util.Properties, values on one line)."""
    found = re.findall(rf"^\s*{re.escape(name)}\s*[=:]\s*(\S*)\s*$", text, re.MULTILINE)
    return found[-1] if found else None


def read_properties(text: str) -> Iterator[tuple[str, str]]:
    """The properties of a file, by name. Raises BoundError for a name that is written in another way."""
    for line in re.sub(r"\\\r?\n[ \t]*", "", text).splitlines():
        told = line.strip()
        if not told or told.startswith(("#", "!")):
            continue
        match = re.fullmatch(r"([^\s=:\\]+)(?:\s*[=:]\s*|\s+|$)(.*)", told)
        if match is None:
            raise BoundError("a file of properties has a name that is not read")
        yield match[1], match[2]
