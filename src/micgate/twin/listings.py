"""Pages of a listing: cut, numbered, found by name."""

import re
from collections.abc import Callable, Iterable, Sequence
from typing import TypeVar

from micgate.twin.answers import Wire, present
from micgate.twin.exchange import Answer, json_answer
from micgate.twin.refusals import bad_request
from micgate.twin.routes import Ask

MOST_PER_PAGE = 500

Thing = TypeVar("Thing")


def page(
    ask: Ask, found: Sequence[Thing], shape: Callable[[Thing], Wire], *, most: int = MOST_PER_PAGE
) -> Answer:
    size, number = paging(ask, most=most)
    entities = [shape(one) for one in cut(found, size, number)]
    return json_answer(paged(entities, path=ask.path, size=size, number=number, total=len(found)))


def paging(ask: Ask, *, most: int) -> tuple[int, int]:
    return (
        ask.query.number("pageSize", default=25, most=most),
        ask.query.number("pageNumber", default=1, most=1_000_000),
    )


def cut(found: Sequence[Thing], size: int, number: int) -> Sequence[Thing]:
    return found[(number - 1) * size : number * size]


def cursor(ask: Ask, entities: list[Wire]) -> Answer:
    """Team listings page by cursor; `after` is the number of entries before the page."""
    size = ask.query.number("pageSize", default=25, most=MOST_PER_PAGE)
    after = ask.query.text("after") or "0"
    if not after.isdecimal():
        raise bad_request("after is not a cursor of this listing.", code="invalid.value")
    end = int(after) + size
    shape: Wire = {
        "entities": entities[int(after) : end],
        "selfUri": f"{ask.path}?pageSize={size}&after={after}",
    }
    if end < len(entities):
        shape["nextUri"] = f"{ask.path}?pageSize={size}&after={end}"
    return json_answer(shape)


def name_pattern(name: str | None) -> re.Pattern[str] | None:
    if name is None:
        return None
    return re.compile(".*".join(map(re.escape, name.split("*"))), re.IGNORECASE)


def descending(ask: Ask) -> bool:
    return (ask.query.text("sortOrder") or "").lower() in {"desc", "descending"}


def paged(entities: Iterable[Wire], *, path: str, size: int, number: int, total: int) -> Wire:
    """An EntityListing with every paging member."""
    pages = max(1, -(-total // size))

    def uri(page: int) -> str:
        return f"{path}?pageSize={size}&pageNumber={page}"

    return present(
        {
            "entities": list(entities),
            "pageSize": size,
            "pageNumber": number,
            "total": total,
            "pageCount": pages,
            "firstUri": uri(1),
            "lastUri": uri(pages),
            "selfUri": uri(number),
            "nextUri": uri(number + 1) if number < pages else None,
            "previousUri": uri(number - 1) if number > 1 else None,
        }
    )
