"""What stands for the networks of a pipeline."""
from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from .schedulers import Config, read_config

if TYPE_CHECKING:
    from ..model import Model

PARTS = {"vae": "config.json", "text_encoder": "config.json", "unet": "config.json",
         "tokenizer": "tokenizer_config.json"}


class Part:
    """A network or the tokenizer of a pipeline: its config, and which model it is of. It computes
    nothing by itself; diffedit.Editor has the networks as functions."""

    def __init__(self, name: str, model: Model, folder: str) -> None:
        self.name, self.model, self.folder = name, model, folder
        try:
            self.config = read_config(os.path.join(folder, name), PARTS[name])
        except FileNotFoundError:
            self.config = Config()

    def __repr__(self) -> str:
        return f"<{self.name} of {self.folder}>"

    def _same(self, *_: Any, **__: Any) -> Part:
        """Without effect."""
        return self

    to = eval = requires_grad_ = _same
