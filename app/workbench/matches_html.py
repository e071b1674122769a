"""The Matches panel as HTML: a sentence about rank 1, the ranked people, and what a second model says."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape

from app.kit.notices import empty
from app.kit.pictures import stored_thumbnail
from app.workbench.alike_html import rescoring
from app.workbench.bench import Bench
from ssn.gallery.alike import Reranking
from ssn.gallery.search_verdict import frequency, get_this_far, search_words
from ssn.gallery.second_opinion import Opinion
from ssn.gallery.store import Match
from ssn.gallery.verdict import NO_THRESHOLDS, Words, css_class, words
from ssn.models.card import ModelCard

FACE = 88
"""Pixels of an enrolled face, nearly twice what it is shown with."""


def verdict_banner(bench: Bench | None, thresholds: dict[str, float]) -> str:
    """One sentence about rank 1, as loud as it has to be."""
    if bench is None or bench.after is None:
        return ""
    if bench.search_problem:
        problem = escape(bench.search_problem)
        return (
            f'<div class="verdict problem" role="alert"><h3>No search</h3><p>{problem} See the Gallery tab.</p></div>'
        )
    if not bench.matches:
        return '<div class="verdict none" role="status"><h3>The gallery is empty</h3><p>Enrol somebody first.</p></div>'
    best = bench.matches[0]
    if bench.judges is not None and bench.searched_rates:
        return _banner(search_words(bench.matches, bench.judges, bench.rescored))
    if reranking := rescoring(bench):
        head, why = _reranked_words(bench, reranking)
        return f'<div class="verdict reranked" role="status"><h3>{escape(head)}</h3><p>{escape(why)}</p></div>'
    return _banner(words(best.person, best.score, best.verdict, thresholds))


def _banner(said: Words) -> str:
    return f'<div class="verdict {said.kind}" role="status"><h3>{escape(said.head)}</h3><p>{escape(said.why)}</p></div>'


def _reranked_words(bench: Bench, reranking: Reranking) -> tuple[str, str]:
    """Who leads among those scored anew, and by how much: nothing that would need a threshold."""
    led = [match for match in bench.matches if match.template_id in reranking.scores]
    never = "No verdict: the thresholds were measured on the ordinary score."
    if len(led) < 2:
        head = f"Re-ranked: {led[0].person} alone" if led else f"Re-ranked: nobody of the first {len(bench.matches)}"
        return head, f"There is nobody to compare with. {never}"
    first, second = (round(reranking.scores[match.template_id], 3) for match in led[:2])  # as they are shown
    head = f"Re-ranked: {led[0].person} leads by {first - second:.3f}"
    return head, f"{first:.3f}, then {second:.3f} for {led[1].person}. {never}"


def ranking(bench: Bench | None, pictures: Mapping[int, bytes | None], judged: bool = True) -> str:
    """The ranked people. ``pictures`` maps a template id to its stored picture; ``judged`` says that there are
    thresholds, without which no verdict is shown."""
    if bench is None or bench.after is None:
        return empty("The most similar people of the gallery appear here.")
    reranking, judged = rescoring(bench), judged or bench.searched_rates
    rows = []
    for match, complete in zip(bench.matches, bench.complete_scores, strict=True):
        if reranking:
            score, chip = _rescored(match, reranking.scores.get(match.template_id), bench.searched_rates)
        else:
            change = f"{match.score - complete:+.3f}"
            moved = f'<small title="against the face without occlusion">{change}</small>'
            score, chip = f"{match.score:.3f}{moved if bench.mask.any() else ''}", _verdict_chip(match, judged)
        known = bench.searched_rates or (judged and not reranking)
        rows.append(_row(match, pictures.get(match.template_id), score, chip, _kind(match, known)))
    return f'<ol class="ranks">{"".join(rows)}</ol>'


def _rescored(match: Match, score: float | None, judged: bool) -> tuple[str, str]:
    if score is None:
        return f"{match.score:.3f}", '<em class="chip no-match" title="no stored picture">not re-ranked</em>'
    was = f'<small title="ordinary score, nothing of the enrolled face hidden">was {match.score:.3f}</small>'
    return f"{score:.3f}{was}", _verdict_chip(match, judged)


def _kind(match: Match, judged: bool) -> str:
    return css_class(match.verdict if judged else "no match")


def _verdict_chip(match: Match, judged: bool) -> str:
    return f'<em class="chip {_kind(match, True)}">{match.verdict}</em>' if judged else ""


def _row(match: Match, png: bytes | None, score: str, chip: str, kind: str) -> str:
    name = escape(match.person)
    face = f'<img src="{stored_thumbnail(png, FACE)}" alt="Enrolled face of {name}">' if png else "<i></i>"
    return (
        f'<li class="{kind}"><b class="rank">{match.rank}</b>{face}<span class="name" title="{name}">{name}</span>'
        f'<span class="score">{score}</span>{chip}'
        f'<button type="button" class="quiet ask" data-action="why" data-person="{match.person_id}" '
        f'aria-label="Why {name}?">Why?</button></li>'
    )


def second_opinion(bench: Bench | None, card: ModelCard) -> str:
    """What the second model says of the same probe and people, and whether it agrees with the list above. ``card`` is
    its own."""
    if bench is None or bench.opinion is None:
        return ""
    opinion, judged = bench.opinion, bool(card.thresholds)
    rows = [
        f'<li class="{_kind(match, judged)}"><b class="rank">{match.rank}</b><span class="name">{escape(match.person)}'
        f'</span><span class="score">{match.score:.3f}</span>{_verdict_chip(match, judged)}</li>'
        for match in opinion.matches
    ]
    agreement = f"<p>{escape(_agreement(bench, opinion))}</p>" if opinion.matches and bench.matches else ""
    notes = ["Scores of two models cannot be compared."]
    notes += [] if judged else [NO_THRESHOLDS]
    if opinion.skipped:
        notes.append(f"Left out, having no stored picture: {_templates(opinion.skipped)}.")
    head = f'<h3 class="sub" title="{escape(card.model_id)}">Second model: {escape(card.name)}</h3>'
    ranks = f'<ol class="ranks plain">{"".join(rows)}</ol>'
    return f'<section class="second">{head}{agreement}{ranks}<p class="facts">{" ".join(notes)}</p></section>'


def _agreement(bench: Bench, opinion: Opinion) -> str:
    mine, other = bench.matches[0], opinion.matches[0]
    if mine.person_id == other.person_id:
        return f"Agrees on rank 1: {mine.person}."
    return f"Disagrees on rank 1: {other.person}, not {mine.person}."


def _templates(count: int) -> str:
    return "1 template" if count == 1 else f"{count:,} templates"


FMR_IN_PLAIN_WORDS = (
    '<details class="plain"><summary>FMR, in plain words</summary><p>The false match rate: of how many pairs of two '
    "different people the score is as high as that. It is the rate of one comparison; the more people are enrolled, "
    "the likelier is it that somebody of them reaches it by chance.</p></details>"
)


def search_facts(bench: Bench) -> str:
    """Of whom the rates of this search are, in plain words; or what an FMR is, where the verdicts are by one."""
    if bench.judges is None or not bench.matches or not bench.searched_rates:
        return FMR_IN_PLAIN_WORDS if bench.matches else ""
    score, judge = bench.judges.of(bench.matches[0], bench.rescored)
    said = (
        f"At most {frequency(bench.rates.match)} is called a match, "
        f"{frequency(bench.rates.uncertain)} at least uncertain."
    )
    young = get_this_far(float(judge.search_rate(score, children=True)))
    counted = f"{judge.adults.pairs:,} comparisons of adults who are strangers"
    more = (
        f"<p>Grey is what {judge.comparisons:,} strangers would score with this probe, teal the people enrolled. "
        f"The rates were counted on {counted}, with the same kind of thing hidden, and hold for the group "
        f"whose faces are most alike ({escape(judge.adults.group)}); rarer than 1 in {1 / judge.adults.counted:,.0f} "
        "they are continued by a curve (Pareto).</p>"
    )
    if judge.children is not None:
        more += f"<p>Children look more alike: of them, {escape(young)}.</p>"
    more = f'<details class="plain"><summary>Whom these rates are about</summary>{more}</details>'
    return f'<p class="facts">{said}</p>{more}'
