"""MTCNN (Zhang et al. 2016, *Joint Face Detection and Alignment Using Multitask Cascaded Convolutional Networks*).

The three networks and their weights are facenet-pytorch's, imported with the first cascade, since that takes a second
which a start does not wait for; the cascade around them is written here, to the same result:
every reduction is a mean over whole pixels, and all means come from one table of sums, for the pyramid as for
hundreds of candidates at once.
"""

from __future__ import annotations

import cv2
import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

FACTOR = 0.709
"""From one step of the pyramid to the next."""
THRESHOLDS = (0.6, 0.7, 0.7)
"""Least confidence after each of the three networks."""
CELL, STRIDE = 12, 2
"""What the first network sees at once, and how far apart its answers lie, in pixels of a step of the pyramid."""


AT_ONCE = 512
"""Rectangles that go through a network together: a busy picture has thousands, which would take hundreds of MB."""


class PixelSums:
    """Means over rectangles of a picture (H, W, 3) uint8, from its table of sums (H + 1, W + 1, 3)."""

    def __init__(self, image: np.ndarray):
        self.height, self.width = image.shape[:2]
        self._sums = cv2.integral(np.ascontiguousarray(image))

    def shrunk(self, height: int, width: int) -> np.ndarray:
        """The whole picture → (1, 3, height, width) float32 in [−1, 1]."""
        top, bottom = _bins(np.array([0]), np.array([self.height]), height)
        left, right = _bins(np.array([0]), np.array([self.width]), width)
        rows = self._sums.take(bottom[0], axis=0) - self._sums.take(top[0], axis=0)
        total = rows.take(right[0], axis=1) - rows.take(left[0], axis=1)
        means = _scaled(total, (bottom - top)[0][:, None] * (right - left)[0])
        return np.ascontiguousarray(means.transpose(2, 0, 1))[None]

    def crops(self, boxes: np.ndarray, size: int) -> np.ndarray:
        """Rectangles (N, 4) int, xyxy inside the picture → (N, 3, size, size) float32 in [−1, 1], channels last in
        memory."""
        top, bottom = (edge[:, :, None] for edge in _bins(boxes[:, 1], boxes[:, 3], size))
        left, right = (edge[:, None, :] for edge in _bins(boxes[:, 0], boxes[:, 2], size))
        table, across = self._sums.reshape(-1, 3), self.width + 1
        total = table.take(bottom * across + right, axis=0) - table.take(top * across + right, axis=0)
        total += table.take(top * across + left, axis=0) - table.take(bottom * across + left, axis=0)
        return _scaled(total, (bottom - top) * (right - left)).transpose(0, 3, 1, 2)


def _bins(start: np.ndarray, end: np.ndarray, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Ranges (N,) of pixels → first and one past the last pixel of their ``count`` parts, (N, count) each. Parts
    share a pixel where a border cuts it."""
    part, length = np.arange(count), (end - start)[:, None]
    return start[:, None] + part * length // count, start[:, None] - (-(part + 1) * length // count)


def _scaled(total: np.ndarray, pixels: np.ndarray) -> np.ndarray:
    """Sums (…, 3) over so many ``pixels`` (…) → their means m as (m − 127.5) / 128, float32."""
    means = total * (1 / (128 * pixels)).astype(np.float32)[..., None]
    return np.subtract(means, np.float32(127.5 / 128), dtype=np.float32)


class SlicedMaxPool(nn.Module):
    """``MaxPool2d(kernel, 2, ceil_mode=True)`` as maxima of slices, rows first: for few channels many times as fast."""

    def __init__(self, kernel: int):
        super().__init__()
        self.kernel = kernel

    def forward(self, x: Tensor) -> Tensor:
        below, beside = ((self.kernel - size) % 2 for size in x.shape[-2:])
        if below or beside:
            x = F.pad(x, (0, beside, 0, below), value=-torch.inf)
        return self._along(self._along(x, -2), -1)

    def _along(self, x: Tensor, axis: int) -> Tensor:
        count = (x.shape[axis] - self.kernel) // 2 + 1
        shifted = [x.narrow(axis, start, 2 * count - 1) for start in range(self.kernel)]
        first, *others = (part[..., ::2, :] if axis == -2 else part[..., ::2] for part in shifted)
        for part in others:
            first = torch.maximum(first, part)
        return first


def _network(build: type[nn.Module], device: torch.device) -> nn.Module:
    """For many crops at once: with their channels last."""
    return build().to(device).to(memory_format=torch.channels_last).eval()


def _first_network(build: type[nn.Module], device: torch.device) -> nn.Module:
    """For whole pictures: its pools sliced."""
    network = build().to(device).eval()
    for name, layer in list(network.named_children()):
        if isinstance(layer, nn.MaxPool2d):
            assert isinstance(layer.kernel_size, int), "facenet-pytorch's windows are square"
            setattr(network, name, SlicedMaxPool(layer.kernel_size))
    return network


class Cascade:
    """Boxes, confidences and five points of all faces of at least about ``smallest`` px."""

    def __init__(self, device: torch.device, smallest: float):
        from facenet_pytorch.models.mtcnn import ONet, PNet, RNet

        self.device, self.smallest = device, smallest
        self._first = _first_network(PNet, device)
        self._second, self._third = _network(RNet, device), _network(ONet, device)

    @torch.inference_mode()
    def __call__(self, image: np.ndarray, wanted: float = 0.0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Picture (H, W, 3) uint8 RGB → boxes (N, 4) xyxy, confidences (N,), points (N, 5, 2), all in its pixels. Steps
        of the pyramid for faces smaller than ``wanted`` alone are left out."""
        sums = PixelSums(image)
        boxes = self._proposals(sums, self.smallest_for(wanted))
        boxes, confidence, shift, _ = self._judge(sums, boxes, 24, self._second, THRESHOLDS[1])
        chosen = _suppressed(boxes, confidence, 0.7)
        boxes = _square(_moved(boxes[chosen], shift[chosen]))
        boxes, confidence, shift, points = self._judge(sums, boxes, 48, self._third, THRESHOLDS[2])
        size = boxes[:, 2:] - boxes[:, :2] + 1
        points = points.reshape(-1, 2, 5).transpose(0, 2, 1) * size[:, None] + boxes[:, None, :2] - 1
        boxes = _moved(boxes, shift)
        chosen = _apart(boxes, confidence, 0.7)
        return boxes[chosen], confidence[chosen], points[chosen]

    def smallest_for(self, wanted: float) -> float:
        """Size in px of the faces that the first step of the pyramid is for, where those of ``wanted`` px must not be
        lost: the largest that the steps from ``smallest`` have up to there."""
        size = self.smallest
        while size / FACTOR <= wanted:
            size /= FACTOR
        return size

    def _proposals(self, sums: PixelSums, smallest: float) -> np.ndarray:
        """The first network over the pyramid → squares (N, 4) that may hold a face."""
        scale, found = CELL / smallest, []
        short = min(sums.height, sums.width)
        while short * scale >= CELL:
            step = sums.shrunk(int(sums.height * scale + 1), int(sums.width * scale + 1))
            shift, likely = self._first(torch.from_numpy(step).to(self.device))
            likely, shift = likely[0, 1].cpu().numpy(), shift[0].cpu().numpy()
            row, column = np.nonzero(likely >= THRESHOLDS[0])
            corner = STRIDE * np.stack([column, row], axis=1).astype(np.float32)
            boxes = np.floor(np.hstack([corner + 1, corner + CELL]) / np.float32(scale))
            rows = np.hstack([boxes, likely[row, column, None], shift[:, row, column].T])
            found.append(rows[_suppressed(boxes, rows[:, 4], 0.5)])
            scale *= FACTOR
        rows = np.concatenate(found) if found else np.zeros((0, 9), np.float32)
        rows = rows[_suppressed(rows[:, :4], rows[:, 4], 0.7)]
        sides = np.tile(rows[:, 2:4] - rows[:, :2], 2)
        return _square(rows[:, :4] + rows[:, 5:9] * sides)

    def _judge(self, sums: PixelSums, boxes: np.ndarray, size: int, network: nn.Module, threshold: float):
        """Squares → those the network believes, their confidences, corrections (N, 4) and points (N, 10), if any."""
        inside = np.trunc(boxes).astype(int)
        inside[:, :2] = np.maximum(inside[:, :2], 1) - 1
        inside[:, 2:] = np.minimum(inside[:, 2:], (sums.width, sums.height))
        there = (inside[:, 2:] > inside[:, :2]).all(axis=1)
        boxes, inside = boxes[there], inside[there]
        if not len(boxes):
            return boxes, np.zeros(0, np.float32), np.zeros((0, 4), np.float32), np.zeros((0, 10), np.float32)
        parts = [
            self._looked(sums, inside[start : start + AT_ONCE], size, network)
            for start in range(0, len(inside), AT_ONCE)
        ]
        shift, *rest, likely = (np.concatenate(answers) for answers in zip(*parts, strict=True))
        believed = likely[:, 1] > threshold
        points = rest[0] if rest else np.zeros((len(boxes), 10), np.float32)
        return boxes[believed], likely[believed, 1], shift[believed], points[believed]

    def _looked(self, sums: PixelSums, boxes: np.ndarray, size: int, network: nn.Module) -> list[np.ndarray]:
        """What a network answers of rectangles (N, 4) int."""
        return [answer.cpu().numpy() for answer in network(torch.from_numpy(sums.crops(boxes, size)).to(self.device))]


def _square(boxes: np.ndarray) -> np.ndarray:
    """Boxes → squares of the longer side about the same middle."""
    size = boxes[:, 2:] - boxes[:, :2]
    side = size.max(axis=1, keepdims=True)
    corner = boxes[:, :2] + size * np.float32(0.5) - side * np.float32(0.5)
    return np.hstack([corner, corner + side])


def _moved(boxes: np.ndarray, shift: np.ndarray) -> np.ndarray:
    """Boxes with their edges moved by shares of width and height."""
    return boxes + shift * np.tile(boxes[:, 2:] - boxes[:, :2] + 1, 2)


def _suppressed(boxes: np.ndarray, confidence: np.ndarray, most: float) -> np.ndarray:
    """Places of the boxes that overlap no better one by more than ``most`` of their union, best first."""
    from torchvision.ops import nms

    places = nms(torch.from_numpy(np.ascontiguousarray(boxes)), torch.from_numpy(confidence.copy()), most)
    return places.numpy()


def _apart(boxes: np.ndarray, confidence: np.ndarray, most: float) -> np.ndarray:
    """As ``_suppressed``, but by shares of the smaller box: a nose inside a face is no second face."""
    size = boxes[:, 2:] - boxes[:, :2] + 1
    area, left = size.prod(axis=1), np.argsort(confidence)[::-1]
    chosen = []
    while len(left):
        best, left = left[0], left[1:]
        chosen.append(best)
        low, high = np.maximum(boxes[best, :2], boxes[left, :2]), np.minimum(boxes[best, 2:], boxes[left, 2:])
        shared = np.maximum(0, high - low + 1).prod(axis=1)
        left = left[shared / np.minimum(area[best], area[left]) <= most]
    return np.array(chosen, dtype=int)
