"""What sites leave out, since nginx's image is not sure to have what it takes."""

from __future__ import annotations

NO_CHECK = "HEALTHCHECK is left out: no program that could ask is sure to be in nginx's image"
