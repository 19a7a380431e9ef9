"""Who wrote what, and is it right for the target?"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import replace

import pytest

from xbuild.plan.facts.filesystem import (
    Kind,
    Links,
    Write,
    Writes,
    absolute,
    is_within,
    join,
    kind_of,
    links_taken,
    may_be_folder,
    offender,
    overlaps,
    through_links,
    without_glob,
)
from xbuild.plan.facts.images import describe
from xbuild.plan.model import Place
from xbuild.plan.toolchains.go.official import IMAGES

HERE = Place(7)
PLAIN = describe("debian", IMAGES)


def wrote(path: str | None, kind: Kind, *, is_file: bool = False, is_package: bool = False) -> Write:
    return Write(path, kind, HERE, "a command", is_file, is_package)


def test_order_of_trust() -> None:
    assert join(()) is Kind.PORTABLE
    assert join((Kind.CROSS, Kind.BUILD, Kind.PORTABLE)) is Kind.BUILD
    assert [k.name for k in Kind if k.is_right] == ["PORTABLE", "FIXED", "CROSS", "TARGET"]


@pytest.mark.parametrize(
    ("path", "folder", "expected"),
    [("/a/b", "/a", True), ("/a", "/a", True), ("/ab", "/a", False), ("/x", "/", True), ("/a", "/a/", True)],
)
def test_is_within(path: str, folder: str, expected: bool) -> None:
    assert is_within(path, folder) is expected


@pytest.mark.parametrize(
    ("pattern", "made", "is_taken"),
    [
        ("/app/target/*.jar", "/app/target/reports", False),
        ("/app/target/*.jar", "/app/target/reports/a.jar", False),
        ("/app/target/*.jar", "/app/target/a.jar", True),
        ("/app/target/*.jar", "/app/target/a.jar/inner", True),
        ("/app/target/*", "/app/target/reports", True),
        ("/app/*/lib", "/app/x/lib/a", True),
        ("/app/*/lib", "/app/x/bin/a", False),
        ("/app/*/lib", "/app/x", True),
        ("/app/*/lib", "/app", True),
        ("/app/*/lib", "/", True),
        ("/app/t?.jar", "/app/t1.jar", True),
        ("/app/t?.jar", "/app/tt1.jar", False),
        ("/app/[ab].jar", "/app/c.jar", True),
        ("/out/**.jar", "/out/linux/amd64.jar", True),
        ("/out/**/app", "/out/linux/amd64/app", True),
    ],
)
def test_a_pattern_takes_what_it_stands_for(pattern: str, made: str, is_taken: bool) -> None:
    """What cannot be told apart counts; `**` is a platform ARG, which may have a slash in it."""
    writes = Writes(
        PLAIN, [wrote("/app", Kind.PORTABLE), wrote("/out", Kind.PORTABLE), wrote(made, Kind.BUILD)]
    )
    assert (offender(writes, pattern) is not None) is is_taken
    assert kind_of(writes, pattern, is_taken=True).is_right is not is_taken
    assert kind_of(writes, pattern, keeps_links=True) is Kind.BUILD


def test_what_is_beside_a_pattern_hides_nothing_behind_it() -> None:
    made = [
        wrote("/app", Kind.PORTABLE),
        wrote("/app/reports", Kind.BUILD),
        wrote("/app/a.jar", Kind.UNKNOWN),
    ]
    assert offender(Writes(PLAIN, made), "/app/*.jar") == made[2]
    assert kind_of(Writes(PLAIN, made), "/app/*.jar", is_taken=True) is Kind.UNKNOWN


def test_overlaps_is_symmetric() -> None:
    assert overlaps("/a", "/a/b")
    assert overlaps("/a/b", "/a")
    assert not overlaps("/a/b", "/a/c")


@pytest.mark.parametrize(
    ("path", "directory", "expected"),
    [
        ("x", "/src", "/src/x"),
        ("../x", "/src", "/x"),
        ("/x/./y/", None, "/x/y"),
        ("//x", None, "/x"),
        ("x", None, None),
        (".", "/", "/"),
    ],
)
def test_absolute(path: str, directory: str | None, expected: str | None) -> None:
    assert absolute(path, directory) == expected


@pytest.mark.parametrize(
    ("path", "expected"), [("/a/b*/c", "/a"), ("/a/b", "/a/b"), ("/*", "/"), ("/a/[bc]", "/a")]
)
def test_without_glob(path: str, expected: str) -> None:
    assert without_glob(path) == expected


def test_a_cross_compiled_file_is_right() -> None:
    assert offender(Writes(PLAIN, [wrote("/out/app", Kind.CROSS, is_file=True)]), "/out/app") is None


def test_anything_anywhere_offends() -> None:
    assert offender(Writes(PLAIN, [wrote("/out/app", Kind.CROSS), wrote(None, Kind.UNKNOWN)]), "/out/app")


def test_a_whole_file_hides_what_was_there() -> None:
    writes = Writes(PLAIN, [wrote(None, Kind.UNKNOWN), wrote("/out/app", Kind.CROSS, is_file=True)])
    assert offender(writes, "/out/app") is None
    assert offender(writes, "/out")


def test_a_folder_of_that_name_hides_nothing() -> None:
    tool = wrote("/out/tool", Kind.BUILD, is_file=True)
    writes = Writes(PLAIN, [wrote("/out", Kind.PORTABLE), tool, wrote("/out", Kind.CROSS, is_file=True)])
    assert offender(writes, "/out") == tool


def test_what_nobody_wrote_comes_with_the_base() -> None:
    found = offender(Writes(PLAIN), "/usr/bin/git")
    assert found is not None
    assert (found.kind, found.place.line) == (Kind.BUILD, 0)
    assert offender(Writes(PLAIN, [wrote("/usr/bin", Kind.PORTABLE)]), "/usr/bin/git")


def test_folders_that_the_base_leaves_empty() -> None:
    assert (
        offender(Writes(describe("golang", IMAGES), [wrote("/go/bin/app", Kind.CROSS)]), "/go/bin/") is None
    )


def test_a_folder_of_an_unknown_base_may_hold_something() -> None:
    writes = Writes(PLAIN, [wrote("/app", Kind.PORTABLE), wrote("/app/server", Kind.CROSS, is_file=True)])
    assert offender(writes, "/app") is None
    assert kind_of(writes, "/app") is Kind.CROSS
    unknown = Writes(describe("example.com/builder", IMAGES), writes)
    assert offender(unknown, "/app")
    assert kind_of(unknown, "/app") is Kind.BUILD
    assert offender(unknown, "/app/server") is None
    assert kind_of(unknown, "/app/server") is Kind.CROSS


def test_names_in_a_folder_of_a_known_base_are_the_same_where_no_program_lies() -> None:
    assert kind_of(Writes(PLAIN), "/var/tmp/x.d", is_name=True) is Kind.PORTABLE
    assert kind_of(Writes(PLAIN), "/build", is_name=True) is Kind.PORTABLE
    assert kind_of(Writes(PLAIN), "/", is_name=True) is Kind.BUILD  # /lib64
    assert kind_of(Writes(PLAIN), "/usr/bin", is_name=True) is Kind.BUILD  # x86_64
    assert (
        kind_of(Writes(describe("example.com/builder", IMAGES)), "/var/tmp/x.d", is_name=True) is Kind.BUILD
    )


@pytest.mark.parametrize(
    ("reference", "is_plain"),
    [
        ("golang:1.22", True),
        ("docker.io/library/debian:12", True),
        ("arm64v8/alpine", True),
        ("registry.access.redhat.com/ubi9/ubi-minimal:9.4", True),
        ("ghcr.io/acme/golang:1.22", False),
        ("acme/debian", False),
        ("ubi9/ubi", False),
        ("$BUILDER", False),
    ],
)
def test_only_official_images_are_known(reference: str, is_plain: bool) -> None:
    assert describe(reference, IMAGES).is_plain is is_plain


def test_certificates_are_the_same_everywhere_also_from_packages() -> None:
    writes = Writes(PLAIN, [wrote("/etc", Kind.BUILD, is_package=True)])
    assert offender(writes, "/etc/ssl/certs/ca-certificates.crt") is None
    assert offender(Writes(PLAIN, [wrote("/etc/passwd", Kind.BUILD)]), "/etc/passwd")


def test_copying_over_the_root_leaves_the_base_content() -> None:
    assert offender(Writes(PLAIN, [wrote("/", Kind.PORTABLE)]), "/usr/lib")


def test_kind_of() -> None:
    writes = Writes(PLAIN, [wrote("/src", Kind.PORTABLE), wrote("/src/bin", Kind.CROSS)])
    assert kind_of(writes, "/src/a.go") is Kind.PORTABLE
    assert kind_of(writes, "/src") is Kind.CROSS
    assert kind_of(writes, None) is Kind.UNKNOWN
    assert kind_of(writes, "/etc/passwd") is Kind.PORTABLE
    assert kind_of(writes, "/tmp/x") is Kind.BUILD


def linked(path: str, to: str, *, by: str = "RUN") -> Write:
    return Write(path, Kind.PORTABLE, HERE, "ln", is_file=True, link=to, by=(by,))


def landed(links: Sequence[Write], made: Write) -> list[str | None]:
    return [w.path for w in through_links(Writes(PLAIN, links), made)]


def test_writes_through_links() -> None:
    link = linked("/alias", "/out")
    assert landed([link], wrote("/alias/x", Kind.BUILD, is_file=True)) == ["/alias/x", "/out/x"]
    # cp writes through a link of its target's name; a new link takes its place
    assert landed([link], wrote("/alias", Kind.BUILD)) == ["/alias", "/out"]
    assert landed([link], linked("/alias", "/other")) == ["/alias"]


@pytest.mark.parametrize(
    ("path", "held", "target"),
    [
        ("/a/l", "x", "/a/x"),
        ("/a/l", "./x/", "/a/x"),
        ("/a/b/l", "../x", "/a/x"),
        ("/l", "../../x", "/x"),
        ("/a/l", "/x/y", "/x/y"),
        ("/a/l", ".", "/a"),
        ("/a/l", "b/../x", "/"),  # of what b is a link to, perhaps
        ("/a/l", "/b/../x", "/"),
    ],
)
def test_where_a_link_leads(path: str, held: str, target: str) -> None:
    assert linked(path, held).target == target


@pytest.mark.parametrize("is_target_first", [True, False])
def test_links_that_lead_to_links(is_target_first: bool) -> None:
    links = [linked("/d/second", "/out"), linked("/d/first", "second")]
    made = wrote("/d/first/x", Kind.BUILD, is_file=True)
    found = landed(links if is_target_first else links[::-1], made)
    assert found == ["/d/first/x", "/d/second/x", "/out/x"]


def test_a_link_made_through_a_link() -> None:
    writes = Writes(PLAIN, [linked("/link", "/real")])
    writes += through_links(writes, linked("/link/inner", "../out"))
    found = {w.path for w in through_links(writes, wrote("/real/inner/x", Kind.BUILD))}
    assert "/out/x" in found


def test_what_is_written_where_a_link_leads_is_seen_at_the_link() -> None:
    links = [linked("/d/l", "../out")]
    assert landed(links, wrote("/out/x", Kind.BUILD)) == ["/out/x", "/d/l/x"]
    assert landed([linked("/d/l", ".")], wrote("/d/x", Kind.BUILD)) == ["/d/x", "/d/l"]


def test_a_folder_is_written_over_one_with_links() -> None:
    links = [linked("/d/l", "/out")]
    assert landed(links, wrote("/d", Kind.BUILD)) == ["/d", "/out"]
    # what COPY finds in its way it replaces, and nothing follows links to change modes
    assert landed(links, replace(wrote("/d", Kind.BUILD), by=("COPY",))) == ["/d"]
    assert landed(links, replace(wrote("/d", Kind.BUILD), is_change=True)) == ["/d"]


def test_a_file_behind_a_link_is_not_known_to_be_written_whole() -> None:
    writes = Writes(PLAIN, [linked("/alias", "/out")])
    assert [w.is_file for w in through_links(writes, wrote("/alias/x", Kind.CROSS, is_file=True))] == [
        False,
        False,
    ]
    assert through_links(writes, wrote("/alias", Kind.CROSS, is_file=True))[0].is_file


def test_a_link_that_leads_where_it_cannot_be_told() -> None:
    assert landed([linked("/d/l", "b/../x")], wrote("/d/l/x", Kind.BUILD)) == ["/d/l/x", None]


def test_links_that_cannot_be_looked_at() -> None:
    tree = replace(wrote("/src", Kind.PORTABLE), is_unseen=True)
    assert landed([tree], wrote("/src/a", Kind.BUILD)) == ["/src/a", "/src"]
    assert landed([tree], wrote("/src/a", Kind.CROSS)) == ["/src/a"]
    assert landed([tree], wrote("/out/a", Kind.BUILD)) == ["/out/a"]
    assert landed([replace(tree, path=None)], wrote("/out/a", Kind.BUILD)) == ["/out/a", None]


def test_links_in_a_circle_may_lead_anywhere() -> None:
    links = [
        Write("/a", Kind.PORTABLE, HERE, "ln", link="/a/b"),
        *(Write(f"/a/b{n}", Kind.PORTABLE, HERE, "ln", link="/a") for n in range(20)),
    ]
    made = through_links(Writes(PLAIN, links * 9), wrote("/a/x", Kind.BUILD))
    assert made[0].path is None or len(made) > 1


def test_what_is_read_through_links() -> None:
    links = [linked("/w/l", "/opt/x"), linked("/w/os", "/usr/lib/os"), linked("/w/no", "../../nothing")]
    writes = Writes(PLAIN, [wrote("/opt/x", Kind.BUILD), wrote("/w", Kind.PORTABLE), *links])
    assert kind_of(writes, "/w/l") is kind_of(writes, "/w/l/y") is kind_of(writes, "/w/os") is Kind.BUILD
    assert kind_of(writes, "/w/a") is Kind.PORTABLE
    # who reads the folder may follow them; who copies it may not
    assert kind_of(writes, "/w") is Kind.BUILD
    assert kind_of(writes, "/w", keeps_links=True) is Kind.PORTABLE
    assert kind_of(Writes(PLAIN, [wrote("/w", Kind.PORTABLE), links[2]]), "/w") is Kind.PORTABLE
    assert offender(writes, "/w") is None
    found = [offender(writes, path) for path in ("/w/l", "/w/*")]
    assert [made.path for made in found if made is not None] == ["/opt/x", "/opt/x"]
    hidden = Writes(PLAIN, [*writes, wrote("/w/l", Kind.PORTABLE, is_file=True)])
    assert kind_of(hidden, "/w/l") is Kind.PORTABLE


def test_links_that_a_copy_takes_along() -> None:
    held = [linked("/w/l", "../out"), linked("/w/a/l", "/x"), linked("/u", "/w/a"), linked("/v/l", "/y")]
    writes = Writes(PLAIN, held)
    assert links_taken(writes, "/w") == Links((("l", "../out"), ("a/l", "/x")))
    assert links_taken(writes, "/u/") == Links((("l", "/x"),))
    assert links_taken(writes, "/w/*").held == (("l", "/x"),)
    assert links_taken(writes, "/w/*", kept=1).held[:2] == (("l", "../out"), ("a/l", "/x"))
    assert links_taken(writes, None) == Links(are_all=False)
    unseen = Writes(PLAIN, [*held, replace(wrote("/w/a/b", Kind.PORTABLE), is_unseen=True)])
    assert links_taken(unseen, "/w") == Links((("l", "../out"), ("a/l", "/x")), are_all=False)
    assert links_taken(unseen, "/v").are_all


# -- what the index tells, against going through all writes

PATHS = (None, "/", "/a", "/a/b", "/a/b/c", "/ab", "/etc", "/etc/ssl/certs", "/usr/bin", "/usr/bin/x", "/x")


def seen(writes: Sequence[Write], path: str) -> list[Write]:
    return [w for w in writes if w.path is None or overlaps(w.path, path)]


def slow_overwritten(writes: Sequence[Write], path: str) -> int:
    own = [n for n, w in enumerate(writes) if w.path == path]
    below = any(w.path not in (None, path) and is_within(w.path or "", path) for w in writes)
    return -1 if below or not all(writes[n].is_file for n in own) else max(own, default=-1)


def slow_offender(writes: Sequence[Write], path: str) -> Write | None:
    wrong = [w for w in seen(writes[max(slow_overwritten(writes, path), 0) :], path) if not w.kind.is_right]
    is_text = path.startswith("/etc/ssl")
    return next((w for w in wrong if not (is_text and w.is_package)), None)


def slow_may_be_folder(writes: Sequence[Write], path: str) -> bool:
    for made in reversed(writes) if any(not w.kind.is_right for w in seen(writes, path)) else ():
        if made.path == path:
            return not made.is_file
        if not made.is_package and (made.path is None or is_within(path, made.path)):
            return True
    return False


def slow_through_links(writes: Sequence[Write], made: Write) -> list[str | None]:
    found: list[tuple[str | None, int]] = [(made.path, -1)]
    for path, by in found:
        links = [(n, w.path, w.link) for n, w in enumerate(writes) if w.path and w.link and n != by]
        for number, link, target in links if path is not None else ():
            assert path is not None
            for place in slow_behind(path, link, target):
                if not any(f is None or (place is not None and is_within(place, f)) for f, _ in found):
                    found.append((place, number))
        if len(found) > 16:
            return [made.path, None]
    return [path for path, _ in found]


def slow_behind(path: str, link: str, target: str) -> list[str | None]:
    places: list[str | None] = []
    if is_within(path, link):
        places.append(target + path[len(link) :] if target != "/" else None)
    elif target != "/" and is_within(path, target) and not is_within(link, target):
        places.append(link + path[len(target) :])
    elif overlaps(path, target):
        places.append(link)
    if is_within(link, path) and link != path:
        places.append(target if target != "/" else None)
    return places


@pytest.mark.parametrize("seed", range(12))
def test_the_index_tells_what_all_writes_tell(seed: int) -> None:
    chance = random.Random(seed)

    def some() -> Write:
        made = wrote(
            chance.choice(PATHS),
            chance.choice((*Kind, Kind.PORTABLE, Kind.PORTABLE)),
            is_file=chance.random() < 0.6,
            is_package=chance.random() < 0.2,
        )
        return replace(made, link=chance.choice(PATHS[1:])) if chance.random() < 0.05 else made

    stages: list[tuple[Writes, list[Write]]] = [(Writes(PLAIN), [])]
    for _ in range(15):
        writes, plain = chance.choice(stages[-3:])
        grown = writes.fork() if chance.random() < 0.3 else writes.snapshot()
        more = [some() for _ in range(chance.randrange(5))]
        grown += more
        stages.append((grown, plain + more))
    for writes, plain in stages:
        assert [*writes] == plain == [writes[n] for n in range(len(writes))] == writes[:]
        assert writes.where(is_unknown) == tuple(w for w in plain if is_unknown(w))
        for path in PATHS[1:]:
            assert path is not None
            wrong = slow_offender(plain, path)
            if wrong is not None:
                assert offender(writes, path) == wrong
                assert kind_of(writes, path) >= wrong.kind
            named = [w for w in plain if w.path is not None and overlaps(w.path, path)]
            assert writes.touch(path) == bool(named)
            if path in ("/a", "/a/b", "/a/b/c", "/ab", "/x"):
                assert may_be_folder(writes, path) == slow_may_be_folder(plain, path)
                if wrong is None and named and not any(w.link for w in plain):
                    assert offender(writes, path) is None
                    since = plain[max(slow_overwritten(plain, path), 0) :]
                    assert kind_of(writes, path) == join(w.kind for w in since if w in named)
            through = through_links(writes, wrote(path, Kind.BUILD))
            assert [w.path for w in through] == slow_through_links(plain, wrote(path, Kind.BUILD))


def is_unknown(made: Write) -> bool:
    return made.kind is Kind.UNKNOWN


def test_writing_on_does_not_show_in_what_was_seen_before() -> None:
    base = Writes(PLAIN, [wrote("/a", Kind.PORTABLE)])
    before, child, other = base.snapshot(), base.snapshot(), base.snapshot()
    child.append(wrote("/b", Kind.BUILD))
    other.append(wrote("/c", Kind.BUILD))
    assert [[w.path for w in writes] for writes in (before, child)] == [["/a"], ["/a", "/b"]]
    assert [w.path for w in other] == ["/a", "/c"]
    assert not before.touch("/b")
    assert not other.touch("/b")
    with pytest.raises(IndexError):
        before[1]
