"""The model card as HTML: what is loaded, what it was trained on, what its thresholds mean."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape

from app.model.indicators_html import saliency_section
from app.model.record import measures_tables, training_record
from app.services import Services
from ssn.gallery.cohort import Cohort
from ssn.gallery.search_verdict import frequency
from ssn.gallery.second_opinion import SecondOpinion
from ssn.gallery.verdict import SearchRates, by_rate, rate_meaning, rate_name
from ssn.recognizer import Recognizer

LICENCES = (
    ("Code of this project", "MIT."),
    (
        "Shipped weights",
        "Trained on the data named above; its own terms apply to their use, and those of the teacher's data.",
    ),
    ("Official Light CNN-29 v2 weights", "Not part of this project; their authors release them for research."),
    ("68-landmark model of dlib", "Trained on iBUG 300-W, which is for research, not for commercial products."),
    ("MTCNN weights", "From facenet-pytorch, MIT."),
)

TYPICAL = 1e-3
"""The false match rate whose level the table of conditions shows."""


def model_card(services: Services) -> str:
    """Everything known of the loaded model, and which one is loaded beside it."""
    card, recognizer = services.recognizer.card, services.recognizer
    sections = [
        _section("Model", _facts(card_facts(recognizer))),
        _section("Verdicts of a search", search_rates(services.cohort)),
        _section("Thresholds of one comparison", thresholds_table(card.thresholds)),
        _section("Saliency", saliency_section(recognizer)),
        _section("Measures", measures_tables(card.measures)),
        _section("Training", training_record(card.training)),
        _section("Where it runs", _facts(_where(recognizer))),
        *_second(services.beside),
        _section("Limits and licences", _licences()),
    ]
    return f'<div class="card-grid">{"".join(sections)}</div>'


def _second(beside: SecondOpinion | None) -> list[str]:
    if beside is None:
        return []
    card = beside.recognizer.card
    said = (
        "<p>Asked about the same probe and people. It makes its templates from the stored pictures, in memory only.</p>"
    )
    thresholds = {rate_name(rate): f"{score:.3f}" for rate, score in by_rate(card.thresholds)}
    facts = card_facts(beside.recognizer) | thresholds
    facts |= {} if thresholds else {"thresholds": "none, so no verdicts"}
    return [_section("Second model", _facts(facts) + said)]


def card_facts(recognizer: Recognizer) -> dict[str, str]:
    """What a model is, in words."""
    card = recognizer.card
    return {
        "id": recognizer.model_id,
        "name": card.name,
        "architecture": card.architecture,
        "indicators": "from a saliency search" if card.searched else "at their first value, not searched",
        "template": "256 numbers of unit length",
    }


def _where(recognizer: Recognizer) -> dict[str, str]:
    device = str(recognizer.device)
    precision = "probes in bfloat16, enrolled faces in float32" if recognizer.precision == "bfloat16" else "float32"
    return {"engine": recognizer.engine, "device": device, "precision": precision}


def thresholds_table(thresholds: dict[str, float]) -> str:
    """The thresholds with what each means for the verdict."""
    if not thresholds:
        return "<p>This model has no thresholds. Scores are ranked, but nothing is called a match.</p>"
    rows = [
        f"<tr><th>{escape(rate_name(rate))}</th><td>{score:.3f}</td><td>{rate_meaning(rate)}</td></tr>"
        for rate, score in by_rate(thresholds)
    ]
    return (
        f"<table><thead><tr><th>False match rate</th><th>Cosine score</th><th>Verdict</th></tr></thead>"
        f"<tbody>{''.join(rows)}</tbody></table>"
        "<p>The false match rate (FMR) is the share of comparisons between two different people that reach the score. "
        "It counts one comparison: in a gallery of 100 strangers the chance that at least one reaches it is larger. "
        "Occlusion and other cameras move all scores, so the rate holds for pictures like those it was measured on, "
        "and for people like those: other groups can be confused many times as often.</p>"
    )


def search_rates(cohort: Cohort | None) -> str:
    """How the verdicts of a search are found, and what was measured for them."""
    if cohort is None:
        return (
            "<p>What strangers score was not measured for this model, so the verdicts use the thresholds of one "
            "comparison, whatever the size of the gallery. <code>python -m ssn cohort</code> measures it.</p>"
        )
    rates, facts = SearchRates(), cohort.facts
    rows = []
    for key, tail in sorted(cohort.adults.items()):
        score, spectrum, cover = key.split("/")
        alike = "like with like" if score == "alike" else "ordinary"
        young = cohort.children.get(key)
        level = tail.level(TYPICAL)
        more = "" if young is None else f"{float(young.rate(level)) / TYPICAL:.1f} times"
        rows.append(
            f"<tr><th>{spectrum.upper()}, {escape(cover)} hidden, {alike}</th><td>{level:.2f} σ</td>"
            f"<td>1 in {1 / tail.counted:,.0f}</td><td>{more}</td></tr>"
        )
    return (
        f"<p>A match is what {frequency(rates.match)} reaches in a search of the whole gallery (FPIR), “uncertain” "
        f"what {frequency(rates.uncertain)} reaches. For every probe the scores of strangers are described from the "
        f"mean and covariance of {facts.get('people', 0):,} strangers’ templates{_by_group(facts)}; how far their tail "
        f"reaches was counted on {facts.get('held_out', 0):,} others. The level is that of the most alike group of "
        "adults.</p>"
        "<details><summary>Every condition</summary><table><thead><tr><th>Condition</th><th>Level that 1 pair in "
        f"{1 / TYPICAL:,.0f} reaches</th><th>Counted to</th><th>Children reach it</th></tr></thead>"
        f"<tbody>{''.join(rows)}</tbody></table></details>"
    )


def _by_group(facts: Mapping[str, object]) -> str:
    """Whose means they are, where there are any of groups."""
    means = facts.get("means_of")
    return (
        f", the mean being that of whichever of {len(means)} groups is most like it" if isinstance(means, list) else ""
    )


def _section(title: str, body: str) -> str:
    return f'<section class="panel"><h2>{title}</h2>{body}</section>'


def _facts(facts: dict[str, str]) -> str:
    rows = "".join(f"<tr><th>{escape(key)}</th><td>{escape(value)}</td></tr>" for key, value in facts.items())
    return f"<table><tbody>{rows}</tbody></table>"


def _licences() -> str:
    rows = "".join(f"<tr><th>{escape(what)}</th><td>{escape(terms)}</td></tr>" for what, terms in LICENCES)
    return (
        f"<table><tbody>{rows}</tbody></table><p>Scores say how alike two pictures look to this network. They identify "
        "nobody by themselves, and error rates differ between groups of people.</p>"
    )
