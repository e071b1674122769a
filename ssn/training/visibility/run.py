"""Training the visibility network: covered faces in, the covers as the answer."""

from __future__ import annotations

import time
from contextlib import closing
from dataclasses import asdict
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from tqdm import tqdm

from ssn.data.rows import DiskRows
from ssn.errors import CheckpointError
from ssn.machine import autocast, choose_device, has_fast_bfloat16, keep_freed_memory
from ssn.models.visibility import VisibilityNetwork
from ssn.training.ahead import Ahead
from ssn.training.crops import Crops
from ssn.training.seen import Seen
from ssn.training.states import load_state, save_state
from ssn.training.transfer import to_device
from ssn.training.visibility.recipe import VisibilityConfig, draw_batch, visibility_loss

STATE_FILE = "visibility.pt"


class VisibilityTraining:
    """One run: its state, one step, and what is kept of it. It starts from ``network``, or from weights drawn by the
    recipe's seed."""

    def __init__(
        self,
        config: VisibilityConfig,
        device: torch.device | str = "cpu",
        network: VisibilityNetwork | None = None,
    ):
        self.config, self.device = config, torch.device(device)
        if network is None:
            with torch.random.fork_rng(devices=[]):
                torch.manual_seed(config.seed)
                network = VisibilityNetwork(config.widths)
        self.network = network.to(self.device).to(memory_format=torch.channels_last).train()
        self.optimizer = torch.optim.AdamW(
            self.network.parameters(), lr=config.learning_rate, weight_decay=config.weight_decay, betas=(0.9, 0.99)
        )
        self.step_number = 0
        self.half = has_fast_bfloat16(self.device)

    def step(self, views: Tensor, hidden: Tensor) -> Seen:
        """One update by covered views and how much of each pixel is hidden, both (N, 1, 64, 64) → the loss's terms."""
        rate = self.config.rate_at(self.step_number)
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        views = to_device(views, self.device, channels_last=True)
        with autocast(self.device, self.half):
            logits = self.network(views)
        terms = visibility_loss(logits.float(), to_device(hidden, self.device), self.config.dice)
        self.optimizer.zero_grad(set_to_none=True)
        sum(terms.values(), torch.zeros(())).backward()
        torch.nn.utils.clip_grad_norm_(self.network.parameters(), 1.0)
        self.optimizer.step()
        self.step_number += 1
        return Seen(terms)

    def state(self) -> dict:
        return {
            "config": repr(asdict(self.config)),
            "step": self.step_number,
            "network": self.network.state_dict(),
            "optimizer": self.optimizer.state_dict(),
        }

    def restore(self, state: dict) -> None:
        """Go on from ``state``. Raises CheckpointError where it was made by another recipe, or by something else."""
        if state.get("config") != repr(asdict(self.config)):
            raise CheckpointError(
                "The training state was made with another recipe.", "Use the same recipe, or start without --resume."
            )
        try:
            self.network.load_state_dict(state["network"])
            self.optimizer.load_state_dict(state["optimizer"])
            self.step_number = int(state["step"])
        except (KeyError, RuntimeError, ValueError) as error:
            raise CheckpointError("That is no state of this training.", "Start without --resume.") from error


def learn_visibility(
    pixels: np.ndarray | DiskRows,
    rows: np.ndarray,
    config: VisibilityConfig,
    folder: str | Path,
    device: str = "auto",
    resume: bool = False,
    save_every: float = 60.0,
    stop_at: int | None = None,
    progress: bool = True,
    network: VisibilityNetwork | None = None,
) -> VisibilityTraining:
    """Train on the crops ``pixels[rows]`` to the recipe's end, or to step ``stop_at``, keeping the state in ``folder``
    every ``save_every`` seconds. A new run starts from ``network``, or from random weights.

    Raises CheckpointError where ``resume`` finds no state, or one of another recipe.
    """
    keep_freed_memory()
    path = Path(folder) / STATE_FILE
    run = VisibilityTraining(config, choose_device(device), network)
    if resume:
        run.restore(load_state(path))
    last = config.steps if stop_at is None else min(stop_at, config.steps)
    saved = time.monotonic()
    mean: dict[str, float | Tensor] = {}
    bar = tqdm(total=last * config.batch, initial=run.step_number * config.batch, unit="img", disable=not progress)
    crops = Crops(pixels, run.device)
    with closing(Ahead(lambda step: draw_batch(crops, rows, config, step), run.device)) as ahead, bar:
        while run.step_number < last:
            seen = run.step(*ahead.take(run.step_number))
            mean = {name: mean.get(name, value) * 0.98 + 0.02 * value for name, value in seen.unread.items()}
            bar.update(config.batch)
            if run.step_number % 50 == 0:
                bar.set_postfix({name: f"{float(value):.4f}" for name, value in mean.items()})
            if time.monotonic() - saved > save_every:
                save_state(run.state(), path)
                saved = time.monotonic()
    save_state(run.state(), path)
    return run
