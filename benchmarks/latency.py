"""How long every stage takes from a photo's bytes to its ranking, beside other programs and the processor's limit.

    python -m benchmarks.latency [--checkpoint F] [--rounds N] [--threads 1,2] [--batches 1,8,32] [--clock C] [--json F]

All contenders take turns in one process. *Limit*: the network's floating-point operations (counted by PyTorch) at the
rate at which PyTorch multiplies large matrices in the same rounds, in float32 and, where the processor has units for
it, in bfloat16; each way is held against the limit of its own precision. A library that computes 3×3 convolutions
better than PyTorch multiplies float32 matrices on this processor falls below. *Embedding*: ours in both precisions; the
same network in plain eager PyTorch (as it is loaded: contiguous, with autograd off); onnxruntime and OpenVINO with
files exported on the spot, in float32. *Pipelines*: ours from the bytes of a 640×480 JPEG to the five best of a
gallery, alone and with the maps of the complete and of a half-hidden face, in the precision that ``--precision auto``
chooses here and in float32; dlib's (frontal detector, 68 landmarks, descriptor network) and facenet-pytorch's (its
MTCNN and InceptionResnetV1, whose weights are random here, since they are not in its package: time does not depend on
them), each ranking as many descriptors. A contender whose package is missing is left out, and named. Seconds of a busy
machine mean little, but for ``--clock processor`` with one thread; the ratios are medians over the rounds of two works
that ran one after the other.
"""

from __future__ import annotations

import argparse
import io
import os
import sys
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path

import cv2
import numpy as np
import torch
from PIL import Image
from torch.utils.flop_counter import FlopCounterMode

from benchmarks.detection import camera_frame
from benchmarks.other_pipelines import ENROLLED, dlibs_way, facenets_way, unit_rows
from benchmarks.tables import markdown
from benchmarks.turns import CLOCKS, Times, Work, in_turn
from ssn.errors import MissingPackageError
from ssn.export.formats import onnx_session, openvino_model
from ssn.export.portable import PortableEmbedder
from ssn.export.write import export_network
from ssn.faces.finder import FaceFinder
from ssn.faces.occlude import named_mask, occlude
from ssn.faces.read import read_image
from ssn.files import write_json
from ssn.gallery.exact import ExactIndex
from ssn.models.checkpoint import DEFAULT_CHECKPOINT, load_model
from ssn.recognizer import Recognizer, gray_batch
from ssn.visibility import VisibilityFinder

MATRIX = 1536
"""Side of the matrices that are multiplied for the limit."""
BRANCH = 1
PRODUCT = "matrix product, {}"
LIMIT = "limit ({} matrices)"
ALONE = "ours, {}"
BOTH = "ours, complete and hidden, with maps, {}"
TYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16}


def photo_bytes() -> bytes:
    """A 640×480 JPEG with one face, as a camera sends it."""
    buffer = io.BytesIO()
    Image.fromarray(camera_frame()).save(buffer, "JPEG", quality=90)
    return buffer.getvalue()


def operations(recognizer: Recognizer) -> int:
    """Floating-point operations of one face, counted."""
    counter = FlopCounterMode(display=False)
    with counter, torch.no_grad():
        recognizer.network(torch.zeros(1, 1, 128, 128), torch.tensor([BRANCH]))
    return counter.get_total_flops()


def matrix_product(precision: str) -> Work:
    """A product of large matrices."""
    a, b = torch.randn(2, MATRIX, MATRIX).to(TYPES[precision]).unbind()
    return lambda: a @ b


class Bench:
    """Everything that is timed, loaded once; sessions of other programs are opened for a number of threads."""

    def __init__(self, checkpoint: Path, folder: Path):
        self.recognizer, self.finder = Recognizer.load(checkpoint, "cpu", "auto"), FaceFinder("cpu")
        self.ways = {"float32": Recognizer(self.recognizer.network, self.recognizer.card, "cpu")}
        if self.recognizer.precision != "float32":
            self.ways[self.recognizer.precision] = self.recognizer
        self.plain, card = load_model(checkpoint)
        self.visibility = VisibilityFinder.load(device="cpu")
        self.photo = photo_bytes()
        self.image = read_image(self.photo)
        self.found = self.finder.find(self.image)
        self.face = self.finder.pick(self.found)
        self.hidden = occlude(self.face, named_mask("maskBottom", self.face.landmarks))
        self.index = ExactIndex()
        self.index.add(np.arange(ENROLLED), np.arange(ENROLLED), unit_rows(ENROLLED, self.recognizer.width))
        self.files: dict[str, Path] = {}
        self.missing: list[str] = []
        for kind, name in (("onnx", "net.onnx"), ("openvino", "net.xml")):
            try:
                export_network(PortableEmbedder(self.plain, card), kind, folder / name)
                self.files[kind] = folder / name
            except MissingPackageError as error:
                self.missing.append(str(error))

    def stages(self) -> dict[str, Work]:
        """In the order in which a photo meets them; batch 1."""
        recognizer, template = self.recognizer, self.recognizer.embed(self.face).vector[None]
        return {
            "read the bytes": lambda: read_image(self.photo),
            "find the faces and their landmarks": lambda: self.finder.find(self.image),
            "… the detector": lambda: self.finder.detector.detect(self.image),
            "alignment": lambda: self.finder.pick(self.found),
            "embedding": lambda: recognizer.embed(self.face),
            "embedding and block maps": lambda: recognizer.look(self.face),
            "embedding as enrolled": lambda: recognizer.enrolment(self.face),
            "visibility": lambda: self.visibility.visibility(self.face),
            f"ranking of {ENROLLED:,}": lambda: self.index.search(template, 5),
        }

    def embedders(self, batch: int, threads: int) -> dict[str, Work]:
        """The same faces through every program, and the matrices that give the limit."""
        faces = gray_batch([self.face] * batch)
        branch = torch.full((batch,), BRANCH)
        names = ["vis"] * batch

        def plain() -> object:
            with torch.no_grad():
                return self.plain(faces, branch)

        works: dict[str, Work] = {PRODUCT.format(way): matrix_product(way) for way in self.ways}
        for way, recognizer in self.ways.items():
            works[ALONE.format(way)] = partial(recognizer.embed_gray, faces, names, batch=batch)
        works["plain eager PyTorch"] = plain
        given = {"face": faces.numpy(), "spectrum": branch.numpy()}
        if self.recognizer.adaptive:
            given["mask"] = np.full_like(given["face"], -1.0)
        if "onnx" in self.files:
            session = onnx_session(self.files["onnx"], threads)
            works["onnxruntime"] = lambda: session.run(None, given)
        if "openvino" in self.files:
            model = openvino_model(self.files["openvino"], threads)
            works["OpenVINO"] = lambda: model(given)
        return works

    def pipelines(self) -> dict[str, Work]:
        """From bytes to a ranking."""

        def ours(recognizer: Recognizer) -> object:
            face = self.finder.pick(self.finder.find(read_image(self.photo)))
            return self.index.search(recognizer.embed(face).vector[None], 5)

        def with_maps(recognizer: Recognizer) -> object:
            face = self.finder.pick(self.finder.find(read_image(self.photo)))
            looks = recognizer.looks([face, occlude(face, self.hidden.mask)])
            return [self.index.search(template.vector[None], 5) for template, _ in looks]

        works: dict[str, Work] = {PRODUCT.format(way): matrix_product(way) for way in self.ways}
        for way, recognizer in self.ways.items():
            works |= {ALONE.format(way): partial(ours, recognizer), BOTH.format(way): partial(with_maps, recognizer)}
        return works | {"dlib": dlibs_way(self.photo), "facenet-pytorch": facenets_way(self.photo)}


def row(times: Times, faces: int, ours: Times | None, limit: Times | None) -> dict[str, float]:
    """Milliseconds a face at p50 and p95, and ratios: to ours, and to the limit of the same rounds."""
    made = {"p50_ms": 1e3 * times.at(50) / faces, "p95_ms": 1e3 * times.at(95) / faces}
    if ours is not None:
        made["times_ours"] = times.over(ours)
    if limit is not None:
        made["times_limit"] = times.over(limit)
    return made


def limit_of(product: Times, work: int) -> Times:
    """The time that ``work`` operations would take at the rate of the product, round by round."""
    return Times(tuple(seconds * work / (2 * MATRIX**3) for seconds in product.seconds))


def measured(
    bench: Bench, threads: int, batches: list[int], turns: Callable[[dict[str, Work]], dict[str, Times]]
) -> dict[str, dict[str, dict[str, float]]]:
    """All tables of one number of threads: title → name → row."""
    torch.set_num_threads(threads)
    cv2.setNumThreads(threads)
    flops, tables = operations(bench.recognizer), {}
    stages = turns(bench.stages())
    tables["stages"] = {name: row(times, 1, None, None) for name, times in stages.items()}
    for batch in batches:
        taken = turns(bench.embedders(batch, threads))
        limits = {way: limit_of(taken.pop(PRODUCT.format(way)), batch * flops) for way in bench.ways}
        ours, precision = taken[ALONE.format("float32")], {ALONE.format(way): way for way in bench.ways}
        rows = {LIMIT.format(way): row(limit, batch, ours, None) for way, limit in limits.items()}
        tables[f"embedding, batch {batch}, a face"] = rows | {
            name: row(times, batch, ours, limits[precision.get(name, "float32")]) for name, times in taken.items()
        }
    tables["bytes to ranking"] = pipeline_rows(turns(bench.pipelines()), flops, list(bench.ways))
    return tables


def pipeline_rows(taken: dict[str, Times], flops: int, ways: list[str]) -> dict[str, dict[str, float]]:
    """Every pipeline beside ours and dlib's, and what ours takes beyond the limit of two passes."""
    limits = {way: limit_of(taken.pop(PRODUCT.format(way)), 2 * flops) for way in ways}
    rows = {
        name: row(times, 1, taken[ALONE.format(ways[-1])], None) | {"times_dlib": times.over(taken["dlib"])}
        for name, times in taken.items()
    }
    for way, limit in limits.items():
        both = taken[BOTH.format(way)].seconds
        beyond = Times(tuple(a - b for a, b in zip(both, limit.seconds, strict=True)))
        rows[f"… beyond the limit of two passes, {way}"] = row(beyond, 1, None, None)
    return rows


def as_text(result: dict) -> str:
    """Markdown tables."""
    lines = [f"{result['model']}, {result['gigaflop']:.2f} GFLOP a face, {result['clock']} time"]
    lines += [f"load {result['load']:.1f} at the end", ""]
    lines += [f"Left out: {reason}" for reason in result["left_out"]]
    cells: dict[str, Callable[[float], str]] = {"p50_ms": "{:.1f}".format, "p95_ms": "{:.1f}".format}
    for threads, tables in result["threads"].items():
        for title, rows in tables.items():
            columns = list(dict.fromkeys(column for found in rows.values() for column in found))
            heads = [f"{title}; threads: {threads}", *(column.replace("_", " ") for column in columns)]
            shown = [
                [name, *(cells.get(key, "{:.2f}".format)(found[key]) if key in found else "" for key in columns)]
                for name, found in rows.items()
            ]
            lines += [*markdown(heads, shown), ""]
    return "\n".join(lines)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.latency", description=__doc__.splitlines()[0])
    parser.add_argument("--checkpoint", type=Path, default=DEFAULT_CHECKPOINT)
    parser.add_argument("--rounds", type=int, default=20, help="how often everything takes its turn")
    parser.add_argument("--threads", default="1,2", help="numbers of threads, with commas")
    parser.add_argument("--batches", default="1,8,32", help="faces embedded at once, with commas")
    parser.add_argument("--clock", default="wall", choices=list(CLOCKS), help="seconds that pass, or are computed")
    parser.add_argument("--json", metavar="FILE")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        bench = Bench(options.checkpoint, Path(folder))
        batches = [int(text) for text in options.batches.split(",")]
        turns = partial(in_turn, rounds=options.rounds, clock=options.clock)
        by_threads = {}
        for text in options.threads.split(","):
            by_threads[text] = measured(bench, int(text), batches, turns)
            print(f"{text} threads measured", file=sys.stderr, flush=True)
    result = {
        "model": bench.recognizer.model_id,
        "gigaflop": operations(bench.recognizer) / 1e9,
        "clock": options.clock,
        "load": os.getloadavg()[0],
        "left_out": bench.missing,
        "threads": by_threads,
    }
    print(as_text(result))
    if options.json:
        write_json(result, options.json)


if __name__ == "__main__":
    main()
