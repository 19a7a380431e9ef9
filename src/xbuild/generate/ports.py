"""Ports in a program's text: which of them it is likely to listen on."""

from __future__ import annotations

# What databases, queues and mail servers listen on (their own documentation): a program that names one of
# these asks there.
_OF_OTHERS = frozenset({25, 465, 587, 1433, 1521, 3306, 5432, 5672, 6379, 9092, 9200, 11211, 27017})


def is_own(port: str) -> bool:
    """Whether a service of the project may listen there."""
    return 0 < int(port) < 65536 and int(port) not in _OF_OTHERS
