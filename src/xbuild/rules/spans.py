"""Spans that several rules need."""

from __future__ import annotations

from xbuild.text import Source, Span


def with_space_before(source: Source, span: Span) -> Span:
    """The span and the blanks in front of it on the same line."""
    start = span.start
    while start > 0 and source.text[start - 1] in " \t":
        start -= 1
    return Span(start, span.end)


def with_space_behind(source: Source, span: Span) -> Span:
    """The span and the blanks behind it on the same line."""
    end = span.end
    while end < len(source.text) and source.text[end] in " \t":
        end += 1
    return Span(span.start, end)
