"""Images with Java, or with what builds for it.

Sources: docker-library `maven`, `gradle`, `eclipse-temurin`, `amazoncorretto`, `openjdk`, `clojure`; the
Dockerfiles of adoptium/containers, corretto/corretto-docker, sbt/docker-sbt, mandrel and graalvm-container,
bell-sw/Liberica, zulu-openjdk, sapmachine-docker, ibmruntimes/semeru-containers.
"""

from __future__ import annotations

from xbuild.plan.facts.images import ImageRow

_OLD = (0, 0)
_JAVA = "/opt/java/openjdk"
_OTHER = ("windows", "nanoserver", "corretto", "oracle", "ubi", "microsoft", "mariner", "azurelinux", "al20")

IMAGES = (
    ImageRow("maven", "/", (("MAVEN_HOME", "/usr/share/maven", _OLD),), other=_OTHER, own_folders=("/opt",)),
    ImageRow(
        "gradle", "/home/gradle", (("GRADLE_HOME", "/opt/gradle", _OLD),), other=_OTHER,
        own_folders=("/opt", "/home/gradle"),
    ),
    ImageRow("eclipse-temurin", "/", (("JAVA_HOME", _JAVA, _OLD),), other=_OTHER, own_folders=("/opt/java",)),
    ImageRow("openjdk", "/", other=_OTHER, own_folders=("/opt", "/usr/local", "/usr/java")),
    ImageRow("amazoncorretto", "/", family="", own_folders=("/usr/lib/jvm",)),
    ImageRow("sapmachine", "/", own_folders=("/usr/lib/jvm",)),
    ImageRow("ibm-semeru-runtimes", "/", other=_OTHER, own_folders=("/opt/java",)),
    ImageRow("azul/zulu-openjdk", "/", own_folders=("/usr/lib/jvm",)),
    ImageRow("azul/zulu-openjdk-debian", "/", own_folders=("/usr/lib/jvm",)),
    ImageRow("azul/zulu-openjdk-alpine", "/", family="alpine", own_folders=("/usr/lib/jvm",)),
    ImageRow("bellsoft/liberica-openjdk-debian", "/", own_folders=("/usr/lib/jvm",)),
    ImageRow("bellsoft/liberica-openjdk-alpine", "/", family="alpine", own_folders=("/usr/lib/jvm",)),
    ImageRow("mcr.microsoft.com/openjdk/jdk", "/", family="", own_folders=("/usr/lib/jvm",)),
    ImageRow("sbtscala/scala-sbt", "/root", family="", own_folders=("/opt", "/usr/local")),
    ImageRow("clojure", "/", own_folders=("/opt", "/usr/local")),
)  # fmt: skip
