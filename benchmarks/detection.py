"""How fast faces are found beside facenet-pytorch's own cascade, in one run, and whether any is lost.

    python -m benchmarks.detection [--photos FOLDER] [--count 300] [--repeats 20] [--threads 1] [--json FILE]

Time: a 640×480 frame with one synthetic face, with facenet-pytorch's MTCNN, with ours as it looks at photos, the same
with all steps of the pyramid, ours as the Live tab looks at a frame, and with a pyramid of steps of its own. The runs
take turns, and processor time is given beside wall time, since other programs take mostly from the latter. Faces:
those of the demo people, and of ``--photos`` where given, that the reference finds with at least 40 px and 0.9
confidence; one is lost where no box of ours overlaps it by half.
"""

from __future__ import annotations

import argparse
import random
import time
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import torch
from facenet_pytorch import MTCNN

from benchmarks.tables import markdown
from ssn.answers.watch import LONG_SIDE as CAMERA_SIDE
from ssn.evaluation.report import write_json
from ssn.faces.detect import LEAST_CONFIDENCE, LONG_SIDE, SMALLEST_FACE, WANTED_FACE, FaceDetector
from ssn.faces.read import SUFFIXES, read_image
from ssn.faces.types import FaceBox
from ssn.places import ASSETS

DEMO = ASSETS / "demo"
SURELY = WANTED_FACE
"""Width in pixels from which no face may be lost."""


def camera_frame() -> np.ndarray:
    """640×480 with a synthetic person's photo, and some noise as of a sensor."""
    photo = read_image(next(DEMO.glob("*-vis.jpg")))
    frame = np.full((480, 640, 3), 128, np.uint8)
    frame[90:390, 170:470] = cv2.resize(photo, (300, 300), interpolation=cv2.INTER_AREA)
    noise = np.random.default_rng(0).normal(0, 6, frame.shape)
    return np.clip(frame + noise, 0, 255).astype(np.uint8)


def reference_detector() -> Callable[[np.ndarray], list[np.ndarray]]:
    """facenet-pytorch's MTCNN → boxes of at least 0.9 confidence."""
    mtcnn = MTCNN(keep_all=True, min_face_size=SMALLEST_FACE, post_process=False)

    def detect(image: np.ndarray) -> list[np.ndarray]:
        boxes, confidences = mtcnn.detect(image)
        if boxes is None:
            return []
        return [np.array(b, float) for b, c in zip(boxes, confidences, strict=True) if c >= LEAST_CONFIDENCE]

    return detect


def times(ways: dict[str, Callable[[np.ndarray], object]], frame: np.ndarray, repeats: int) -> dict[str, dict]:
    """Milliseconds a frame, at best and at the median, wall and processor; the ways take turns."""
    spent: dict[str, list[tuple[float, float]]] = {name: [] for name in ways}
    for turn in range(repeats + 2):
        for name, way in ways.items():
            wall, processor = time.perf_counter(), time.process_time()
            way(frame)
            if turn >= 2:
                spent[name].append((time.perf_counter() - wall, time.process_time() - processor))
    rows: dict[str, dict] = {}
    for name, values in spent.items():
        wall, processor = 1000 * np.array(values).T
        rows[name] = {
            "wall_ms": {"best": float(wall.min()), "median": float(np.median(wall))},
            "processor_ms": {"best": float(processor.min()), "median": float(np.median(processor))},
        }
    first = next(iter(rows.values()))
    for row in rows.values():
        row["times_as_fast"] = first["processor_ms"]["median"] / row["processor_ms"]["median"]
    return rows


def is_in(box: np.ndarray, others: list[np.ndarray]) -> bool:
    """Does any of the others overlap the box by half of their union?"""

    def area(b: np.ndarray) -> float:
        return float(np.maximum(0, b[2:] - b[:2]).prod())

    for other in others:
        shared = area(np.concatenate([np.maximum(box[:2], other[:2]), np.minimum(box[2:], other[2:])]))
        if shared >= 0.5 * (area(box) + area(other) - shared):
            return True
    return False


def lost(photos: list[Path], reference, ways: dict[str, Callable[[np.ndarray], list[FaceBox]]]) -> dict:
    """Faces of the reference, and how many each way loses of them."""
    faces, missing = 0, dict.fromkeys(ways, 0)
    for photo in photos:
        image = read_image(photo)
        if max(image.shape[:2]) > LONG_SIDE:
            continue
        wanted = [box for box in reference(image) if min(box[2:] - box[:2]) >= SURELY]
        faces += len(wanted)
        for name, way in ways.items():
            found = [np.array(face.xyxy) for face in way(image)]
            missing[name] += sum(not is_in(box, found) for box in wanted)
    return {"photos": len(photos), "faces": faces, "lost": missing}


def run(arguments: argparse.Namespace) -> dict:
    """Times on one frame, and lost faces on the demo people and the photos."""
    torch.set_num_threads(arguments.threads)
    reference, detector = reference_detector(), FaceDetector()
    ways: dict[str, Callable[[np.ndarray], list[FaceBox]]] = {
        "photo": detector.detect,
        f"photo, from {SMALLEST_FACE} px": lambda image: detector.detect(image, wanted=0),
        "live": lambda image: detector.detect(image, CAMERA_SIDE),
        "own pyramid from 40 px": FaceDetector(smallest=SURELY).detect,
    }
    photos = sorted(DEMO.glob("*.jpg"))
    if arguments.photos:
        others = sorted(p for p in arguments.photos.rglob("*") if p.suffix.lower() in SUFFIXES)
        photos += random.Random(0).sample(others, min(arguments.count, len(others)))
    return {
        "threads": arguments.threads,
        "frame": "640×480, one face",
        "times": times({"facenet-pytorch": reference, **ways}, camera_frame(), arguments.repeats),
        "faces": lost(photos, reference, ways),
    }


def as_text(result: dict) -> str:
    """The two tables, in Markdown."""
    cells = []
    for name, row in result["times"].items():
        spent, wall = row["processor_ms"]["median"], row["wall_ms"]["best"]
        cells.append([name, f"{spent:.1f}", f"{wall:.1f}", f"{row['times_as_fast']:.2f}"])
    lines = [f"{result['frame']}, {result['threads']} thread(s)", ""]
    lines += markdown(["way", "processor ms (median)", "wall ms (best)", "times as fast"], cells)
    faces = result["faces"]
    lines += ["", f"Of {faces['faces']} faces of at least {SURELY} px in {faces['photos']} photos are lost:"]
    lines += [f"- {name}: {count}" for name, count in faces["lost"].items()]
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--photos", type=Path, help="a folder of photos, such as LFW's images")
    parser.add_argument("--count", type=int, default=300, help="how many of them")
    parser.add_argument("--repeats", type=int, default=20)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--json", type=Path, metavar="FILE")
    arguments = parser.parse_args()
    result = run(arguments)
    print(as_text(result))
    if arguments.json:
        write_json(result, arguments.json)


if __name__ == "__main__":
    main()
