"""The page of the API lists every request that the API answers."""

from __future__ import annotations

from starters.api_page import PAGE, api_page, document


async def test_the_page_is_what_the_document_says() -> None:
    page = PAGE.read_text()
    said = api_page(await document(), page)
    assert page == said, "bring it up to date: python -m starters.api_page"


async def test_every_request_has_a_row() -> None:
    page = PAGE.read_text()
    paths = (await document())["paths"]
    requests = [
        f"`{method.upper()} {path}`" for path, operations in paths.items() for method in operations
    ]
    assert len(requests) > 50
    assert [each for each in requests if each not in page] == []
