"""HTML in which all text is escaped: elements are made by functions, and only they make markup."""

from __future__ import annotations

import base64
import struct
import zlib
from collections.abc import Iterable, Sequence
from html import escape
from typing import Any

import numpy as np

from agcli.engine.types import Array
from agcli.printable import printable

EMPTY = frozenset({"meta", "img", "line", "path", "circle", "rect", "br"})


class Html(str):
    """Text that is markup already."""

    __slots__ = ()


def text(value: Any) -> Html:
    """Anything as text; what could steer a terminal or break out of a page is replaced."""
    if isinstance(value, Html):
        return value
    return Html(escape("\n".join(printable(line) for line in str(value).split("\n")), quote=True))


def tag(name: str, /, *children: Any, **attributes: Any) -> Html:
    """An element; ``class_`` is class, ``stroke_width`` is stroke-width. Attributes that are None are left out."""
    given = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{text(value)}"'
        for key, value in attributes.items()
        if value is not None
    )
    if name in EMPTY and not children:
        return Html(f"<{name}{given}/>")
    return Html(f"<{name}{given}>{joined(children)}</{name}>")


def joined(children: Iterable[Any]) -> Html:
    """Several pieces behind each other."""
    return Html("".join(text(child) for child in children))


def table(heads: Sequence[Any], rows: Iterable[Sequence[Any]], right: Sequence[int] = (), class_: str = "") -> Html:
    """A table, whose columns ``right`` hold figures; a cell that is an element of its own stays it."""

    def cell(kind: str, i: int, value: Any) -> Html:
        if isinstance(value, Html) and value.startswith("<td"):
            return value
        return tag(kind, value, class_="n" if i in right else None)

    head = tag("tr", *(cell("th", i, value) for i, value in enumerate(heads)))
    body = (tag("tr", *(cell("td", i, value) for i, value in enumerate(row))) for row in rows)
    return tag("div", tag("table", tag("thead", head), tag("tbody", *body), class_=class_ or None), class_="scroll")


def picture(values: Any, alt: str) -> Html | None:
    """Grey or coloured values of a sample as a PNG inside the page; None for what is no picture.

    Pictures are (height, width), (height, width, 3), or as many numbers in a row as a square of 8 by 8 or more has.
    """
    array = np.asarray(values)
    side = int(np.sqrt(array.size))
    if array.ndim == 1 and array.size >= 64 and side * side == array.size:
        array = array.reshape(side, side)
    if array.ndim == 3 and array.shape[0] in (1, 3) and array.shape[-1] not in (1, 3):
        array = np.moveaxis(array, 0, -1)  # its channels stood first
    if array.ndim == 3 and array.shape[-1] == 1:
        array = array[..., 0]
    is_picture = array.ndim == 2 or (array.ndim == 3 and array.shape[-1] == 3)
    if not is_picture or array.dtype.kind not in "biuf" or not 16 <= array.size <= 1 << 18 or min(array.shape[:2]) < 4:
        return None
    low, high = float(array.min()), float(array.max())
    grey = np.round((array - low) / ((high - low) or 1.0) * 255).astype(np.uint8)
    data = base64.b64encode(png(grey)).decode("ascii")
    return tag("img", src=f"data:image/png;base64,{data}", alt=alt, class_="picture")


def png(pixels: Array) -> bytes:
    """The bytes of a PNG file, of pixels (height, width) or (height, width, 3). Source: ISO 15948."""
    height, width = pixels.shape[:2]
    rows = pixels.reshape(height, -1)
    lines = np.concatenate([np.zeros((height, 1), np.uint8), rows], axis=1).tobytes()

    def chunk(kind: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    header = struct.pack(">IIBBBBB", width, height, 8, 2 if pixels.ndim == 3 else 0, 0, 0, 0)
    parts = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(lines, 9)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + parts
