"""How reports become Markdown and HTML: the tables, the tags and the style sheet that all pages share.

Needs the standard library alone, and imports nothing else of ``clr_ref``.
"""

from clr_ref.pages import html, markdown

__all__ = ["html", "markdown"]
