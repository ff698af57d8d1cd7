"""How books write special functions: letters with orders below and above them; and what SciPy calls them."""

from __future__ import annotations

from typing import NamedTuple

from agcli.expression.syntax import ATOM, Call
from agcli.expression.writer import Content, Piece, Rule, Writer, listed, whole

Places = tuple[int, ...]


class Letter(NamedTuple):
    """A function's letter; what stands below and above it, as text or as the places of arguments; the others behind."""

    letter: str
    latex: str = ""
    below: str | Places = ""
    above: str | Places = ""
    behind: Places = (0,)


ONE_LETTER = {
    **{name: Letter(name[0].upper(), "", (0,), "", (1,)) for name in ("jv", "yv", "iv", "kv")},
    **{f"{letter}{n}": Letter(letter.upper(), "", n) for letter in "jyik" for n in "01"},
    "airyai": Letter("Ai"),
    "airyaiprime": Letter("Ai", "", "", "′"),
    "airybi": Letter("Bi"),
    "airybiprime": Letter("Bi", "", "", "′"),
    "beta": Letter("Β", r"\mathrm{B}", behind=(0, 1)),
    "betainc": Letter("I", "", (2,), "", (0, 1)),
    "gammainc": Letter("P", behind=(0, 1)),
    "gammaincc": Letter("Q", behind=(0, 1)),
    "expi": Letter("Ei"),
    "exp1": Letter("E", "", "1"),
    "sinint": Letter("Si"),
    "cosint": Letter("Ci"),
    "fresnels": Letter("S"),
    "fresnelc": Letter("C"),
    "ellipk": Letter("K"),
    "ellipe": Letter("E"),
    "ndtr": Letter("Φ", r"\Phi"),
    "ndtri": Letter("Φ", r"\Phi", "", "-1"),
}
SEVERAL = {  # by how many arguments there are
    ("zeta", 1): Letter("ζ", r"\zeta"),
    ("zeta", 2): Letter("ζ", r"\zeta", behind=(0, 1)),
    ("lambertw", 1): Letter("W", "", "0"),
    ("lambertw", 2): Letter("W", "", (1,)),
    ("heaviside", 1): Letter("H"),
    ("polygamma", 2): Letter("ψ", r"\psi", "", (0,), (1,)),
}
NAMES = [*ONE_LETTER, *(name for name, _ in SEVERAL)]


def letter_of(node: Call) -> Letter | None:
    if node.keywords:
        return None
    found = SEVERAL.get((node.function, len(node.args))) or ONE_LETTER.get(node.function)
    places = [p for part in (found or ()) if isinstance(part, tuple) for p in part]
    return found if found is not None and max(places, default=0) < len(node.args) else None


def pieces(part: str | Places, node: Call) -> list[Piece]:
    return [part] if isinstance(part, str) else listed([node.args[i] for i in part])


def latex(writer: Writer, node: Call) -> Content:
    found = letter_of(node)
    if found is None:
        return writer.call(node)
    name = found.latex or (found.letter if len(found.letter) == 1 else rf"\operatorname{{{found.letter}}}")
    content: list[Piece] = [name]
    if found.below:
        content += ["_{", *pieces(found.below, node), "}"]
    if found.above == "′":
        content.append("'")
    elif isinstance(found.above, tuple):
        content += ["^{(", *pieces(found.above, node), ")}"]
    elif found.above:
        content += [f"^{{{found.above}}}"]
    return [*content, r"\left(", *listed([node.args[i] for i in found.behind]), r"\right)"], ATOM


def mathml(writer: Writer, node: Call) -> Content:
    found = letter_of(node)
    if found is None:
        return writer.call(node)
    content: list[Piece] = [f"<mi>{found.letter}</mi>"]
    for tag, part in (("msub", found.below), ("msup", found.above)):
        if part == "′":
            content = ["<msup>", *content, "<mo>′</mo></msup>"]
        elif part:
            inside: list[Piece] = [f"<mn>{part}</mn>"] if isinstance(part, str) else pieces(part, node)
            marks = ("<mo>(</mo>", "<mo>)</mo>") if tag == "msup" and isinstance(part, tuple) else ("", "")
            content = [f"<{tag}>", *content, f"<mrow>{marks[0]}", *inside, f"{marks[1]}</mrow></{tag}>"]
    arguments = listed([node.args[i] for i in found.behind], comma="<mo>,</mo>")
    return ["<mrow>", *content, "<mo>&#x2061;</mo><mo>(</mo>", *arguments, "<mo>)</mo></mrow>"], ATOM


SMALL = {"below": str.maketrans("0123456789-", "₀₁₂₃₄₅₆₇₈₉₋"), "above": str.maketrans("0123456789-()", "⁰¹²³⁴⁵⁶⁷⁸⁹⁻⁽⁾")}


def unicode(writer: Writer, node: Call) -> Content:
    """Whole orders as small digits; of any other order, the plain name."""
    found = letter_of(node)
    name = found.letter if found is not None else ""
    for where in ("below", "above") if found is not None else ():
        part: str | Places = getattr(found, where)
        if isinstance(part, tuple):
            digits = whole(writer, node.args[part[0]])
            if not digits:
                return writer.call(node)
            part = f"({digits})" if where == "above" else digits
        name += part.translate(SMALL[where])
    if found is None:
        return writer.call(node)
    return [name, "(", *listed([node.args[i] for i in found.behind]), ")"], ATOM


# SciPy -----------------------------------------------------------------------------------------------------------
SCIPY = {
    **{
        name: name
        for name in (
            "jv", "yv", "iv", "kv", "ive", "kve", "j0", "j1", "y0", "y1", "i0", "i1", "k0", "k1", "beta", "betaln",
            "betainc", "gammainc", "gammaincc", "hyp2f1", "expi", "exp1", "erfi", "erfcinv", "erfcx", "ellipk",
            "ellipe", "ndtr", "ndtri", "log_ndtr", "logit", "entr", "xlog1py", "zeta", "polygamma",
        )
    },
    "airyai": "airy(...)[0]",
    "airyaiprime": "airy(...)[1]",
    "airybi": "airy(...)[2]",
    "airybiprime": "airy(...)[3]",
    "sinint": "sici(...)[0]",
    "cosint": "sici(...)[1]",
    "fresnels": "fresnel(...)[0]",
    "fresnelc": "fresnel(...)[1]",
    "lambertw": "lambertw(...).real",
}  # fmt: skip


def in_scipy(writer: Writer, node: Call) -> Content:
    """SciPy's function, or what it is a part of."""
    name, _, part = SCIPY[node.function].partition("(...)")
    if node.keywords:
        return writer.call(node)
    return [f"special.{name}(", *listed(node.args), f"){part}"], ATOM


def rules(rule: Rule) -> dict[str, Rule]:
    """One rule for all that have a letter."""
    return dict.fromkeys(NAMES, rule)
