"""The official image of Rust.

Source: rust-lang/docker-rust `Dockerfile-debian.template` (RUSTUP_HOME, CARGO_HOME, PATH; made from
buildpack-deps, the slim variants from Debian with gcc and libc6-dev; Alpine variants have gcc and musl-dev);
LukeMathWalker/cargo-chef `docker/Dockerfile` (made from it). Which Debian release a tag without one means is
not told here.
"""

from __future__ import annotations

from xbuild.plan.facts.images import Image, ImageRow
from xbuild.text import expression

HOME = "/usr/local/cargo"
_PATH = f"{HOME}/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_ENVIRONMENT = (
    ("RUSTUP_HOME", "/usr/local/rustup", (1, 0)),
    ("CARGO_HOME", HOME, (1, 0)),
    ("PATH", _PATH, (1, 0)),
)
_OWN = (HOME, "/usr/local/rustup")

IMAGES = (
    ImageRow(
        "rust",
        "/",
        _ENVIRONMENT,
        with_compiler=("debian", "alpine"),
        own_folders=_OWN,
    ),
    ImageRow(
        "lukemathwalker/cargo-chef",
        "/",
        _ENVIRONMENT,
        with_compiler=("debian", "alpine"),
        own_folders=_OWN,
        version=r".*\brust-(\d+)\.(\d+)",
    ),
)

# Standard libraries and components that are added to a toolchain choose none.
CHOOSES_TOOLCHAIN = expression(r"\brustup (?!(?:target|component) add\b)")


def is_rust(image: Image) -> bool:
    """Whether an image is one of these, with rustup in it."""
    return image.row in IMAGES
