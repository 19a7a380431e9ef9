"""What all sites have in common: the part `site` of templates, nginx as a user without rights."""

from __future__ import annotations

# Templates of sites say so in their notes.
NO_CHECK = "HEALTHCHECK is left out: no program that could ask is sure to be in nginx's image"
