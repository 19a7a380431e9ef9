"""Says what machine it runs on, through C of psycopg and Pillow."""

import importlib.util
import platform

import psycopg
from django.core.management.base import BaseCommand
from PIL import Image, features

NAMES = {"x86_64": "amd64", "aarch64": "arm64"}


class Command(BaseCommand):
    """Fails where a package is for another machine, or a marked one is not where it belongs."""

    requires_system_checks: tuple[()] = ()

    def handle(self, *_args: object, **_options: object) -> None:
        machine = NAMES.get(platform.machine(), platform.machine())
        pixels = Image.new("RGB", (4, 4), (1, 2, 3)).resize((2, 2)).tobytes()
        has_marked = importlib.util.find_spec("colorama") is not None
        if has_marked != (machine == "arm64"):
            raise SystemExit(f"colorama: {has_marked} on {machine}")
        self.stdout.write(
            f"{machine}: psycopg {psycopg.pq.__impl__}, {sum(pixels)}, jpg {features.check('jpg')}"
        )
