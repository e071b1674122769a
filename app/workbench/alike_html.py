"""Like with like, in words: what the box about the gallery's faces does."""

from __future__ import annotations

from app.workbench.bench import Bench
from ssn.gallery.alike import Reranking
from ssn.gallery.rerank import SHORTLIST


def rescoring(bench: Bench) -> Reranking | None:
    """The re-ranking, where it gave anybody a new score."""
    return bench.reranking if bench.reranking and bench.reranking.scores else None


def alike_facts(bench: Bench | None) -> str:
    """What the box about the gallery's faces does now, and how long it took."""
    if bench is None or not bench.mask.any():
        said = "Nothing is hidden, so this changes nothing."
    elif bench.search_problem or bench.cells is not None:
        return ""
    elif bench.reranking is None:
        said = (
            f"Up to {SHORTLIST} people are then compared again, by the whole enrolled face and the hidden one together."
        )
    elif not bench.reranking.scores:
        said = "No stored picture on the shortlist, so nobody is re-ranked."
    else:
        said = f"{_people(len(bench.reranking.scores))} re-ranked in {bench.reranking.ms:.0f} ms."
        if left := bench.reranking.kept:
            verb = "has" if left == 1 else "have"
            said += f" {_people(left)} {verb} no stored picture: place and ordinary score kept."
    return f'<p class="facts">{said}</p>'


def _people(count: int) -> str:
    return "1 person" if count == 1 else f"{count} people"
