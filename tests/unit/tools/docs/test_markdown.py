"""Markdown: inline code."""

from shipmate.tools.docs import markdown


def test_code_may_have_backticks() -> None:
    assert [markdown.code("`"), markdown.code("a`b"), markdown.code("")] == ["`` ` ``", "``a`b``", "`  `"]
