"""Wrappers: scripts in the build context that fetch Maven or Gradle, and start it.

A wrapper is known by its text; what it fetches is named in a file of properties beside it. Sources: the
releases of Maven Wrapper (`maven-wrapper-distribution` 3.1.0 to 3.3.4, all four kinds) and of Takari's
(`maven-wrapper` 0.4.0 to 0.5.6); Gradle `platforms/core-runtime/wrapper-main` and
`gradle-wrapper.properties`.
"""

from __future__ import annotations

import hashlib
import posixpath
import re

from xbuild.plan.recipes.recipe import context_path
from xbuild.plan.table import words
from xbuild.plan.toolchain import Call
from xbuild.plan.toolchains.java.untold import BoundError
from xbuild.text import expression

_MVNW = frozenset(
    words(
        """
        23a9aa1d7a2844424cdcb11ead4db1fc7be393bc69f58b8bcf720eef0cad948e
        8686395b63ea6bee031d5f1d4cbf6217a6ae5a1a217e4583d43683c21ba2d47d
        07b19699f383e33dd78d2b4fbfb65bfced4f1a99080934f753a9a917e6acc7f8
        814f9fbb7e5cf9f7c34ff318eab99e9916d1d8122aceb470f19c934d8ed4984e
        5042e40e7f9ab66f260e8d1e68785dbf830e938fb848286e752fd541d5c3cf41
        b1f482230acedd53a9c496ff25b8087c23cb5b44f5d0658de7ebb92b896f03d1
        b090bcc066f36f49729aefe58907da9e02e4400ba035f0ef320c7db8f8c315d6
        9870fb3f5828e2c021cbd5bf8a7cc8d1bfff8fc9ac6d6a2bd773bf808751c7bc
        9a0bf76f1aae2491ac5656826af3c6f2364215ba55fd7692fd6d7ea133879325
        b1b2adab9e890006413bd11e6ebe874fe6bb05254f6c17d2e54126624596426c
        937a69ea0969b03a7a27fb71cfa34409a1477aa26e45b9fb1933db08e22a131c
        a6e3a6268f2d0025ebaf7d8f03db5116a014179e77b09818b34355e8e0823342
        127a78859046d50a236506dbe1e5c6d6e79609166acb4df7bc6bb2e6caeb8a2f
        3c2a9c3b62ee0f52737e0368b63e921eba12db7f594615db21e9cc4970ddaf8f
        539af51aaa0884d028052eb17a06bf582faa2d146ef20b19531b82593499851b
        3f7ac092b0e3c83133a7b5c681d7569e76444d1eb67ae9b44f5d0990fd15609f
        e8a10f86731c9c609c932560e48e6a0783846535b58aad3c59ba4c7949f68f66
        dc4f9229ac8687e2dbb534a8669498aecca4028aa339daaa72b9a1180129b441
        """
    )
)
"""SHA-256 of the texts of `mvnw`, without blanks at the ends of lines and of the file."""
_DISTRIBUTION = expression(r"https?\\?://[^\s]+/apache-maven-[\w.-]+-bin\.(zip|tar\.gz)")
_CURE = "generate it anew: mvn wrapper:wrapper"


def check_wrapper(call: Call) -> None:
    """Raises BoundError unless `mvnw` is a known text, and fetches a Maven."""
    path = call.seen(call.texts[0]) or ""
    text = _text(call, path)
    if text is None:
        raise BoundError(f"{path or 'mvnw'} is not in the build context, or may have been changed")
    if digest(text) not in _MVNW:
        raise BoundError(f"{posixpath.basename(path)} is none of the wrappers that are known", _CURE)
    where = posixpath.join(posixpath.dirname(path), ".mvn/wrapper/maven-wrapper.properties")
    told = property_of(_text(call, where) or "", "distributionUrl")
    if told is None or not _DISTRIBUTION.fullmatch(told):
        raise BoundError("what the wrapper fetches is not Apache's Maven, or cannot be told", _CURE)


def digest(text: str) -> str:
    """What tells a text from others, whatever blanks it ends its lines with."""
    plain = "\n".join(line.rstrip() for line in text.splitlines()).strip()
    return hashlib.sha256(plain.encode("utf-8", "surrogateescape")).hexdigest()


def property_of(text: str, name: str) -> str | None:
    """The last value of a property (java.util.Properties, values on one line)."""
    found = re.findall(rf"^\s*{re.escape(name)}\s*[=:]\s*(\S*)\s*$", text, re.MULTILINE)
    return found[-1] if found else None


def _text(call: Call, path: str) -> str | None:
    found = context_path(call, path)
    return call.around.context.read(found) if found is not None else None
