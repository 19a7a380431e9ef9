"""What a project of Maven's brings itself, and Maven or javac would run."""

from __future__ import annotations

import pytest

from xbuild.plan.toolchains.java.effective import Answer
from xbuild.plan.toolchains.java.markup import read_markup
from xbuild.plan.toolchains.java.poms import MavenProject, project_of
from xbuild.plan.toolchains.java.reactor import Reactor
from xbuild.plan.toolchains.java.untold import BoundError

CHECKSTYLE = """
<build><plugins><plugin><artifactId>maven-checkstyle-plugin</artifactId>
<dependencies><dependency><groupId>{group}</groupId><artifactId>rules</artifactId></dependency></dependencies>
</plugin></plugins></build>
"""


def project(name: str, body: str = "") -> MavenProject:
    group, _, artifact = name.partition(":")
    return project_of(
        read_markup(f"<project><groupId>{group}</groupId><artifactId>{artifact}</artifactId>{body}</project>")
    )


def judge(*projects: MavenProject) -> None:
    answer = Answer(projects, "", "", "/app", (), (), (), "", "")
    for each in projects:
        Reactor(("package",), ()).judged(each, answer)


def test_a_project_that_brings_nothing_of_that_is_taken() -> None:
    judge(project("a:app"), project("a:rules"))


def test_a_module_that_is_added_to_a_plugin_is_refused() -> None:
    group = "org.apache.maven.plugins"
    with pytest.raises(BoundError, match="is added to a plugin"):
        judge(project("a:app", CHECKSTYLE.format(group=group)), project(f"{group}:rules"))


def test_a_module_that_is_a_plugin_is_refused() -> None:
    with pytest.raises(BoundError, match="a plugin that the project itself brings"):
        judge(project("org.apache.maven.plugins:maven-jar-plugin"))


@pytest.mark.parametrize("url", ["file:repository", "file:///app/repository", "repository"])
def test_a_repository_that_is_a_folder_is_refused(url: str) -> None:
    body = f"<repositories><repository><url>{url}</url></repository></repositories>"
    with pytest.raises(BoundError, match="may come from a folder"):
        judge(project("a:app", body))


def test_a_repository_elsewhere_is_taken() -> None:
    url = "https://repository.example/maven"
    judge(project("a:app", f"<repositories><repository><url>{url}</url></repository></repositories>"))


def test_a_jar_of_the_project_may_hold_a_processor() -> None:
    body = (
        "<dependencies><dependency><groupId>a</groupId><artifactId>b</artifactId><scope>system</scope>"
        "<systemPath>/app/libs/b.jar</systemPath></dependency></dependencies>"
    )
    with pytest.raises(BoundError, match="may hold a program that javac runs"):
        judge(project("a:app", body))
