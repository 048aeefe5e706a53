"""What the pipeline returns: by attribute, by name and by number, as diffusers' outputs."""
from __future__ import annotations

import dataclasses
from typing import Any, Iterator


class _Output:
    def to_tuple(self) -> tuple[Any, ...]:
        return tuple(getattr(self, key) for key in self.keys())

    def keys(self) -> list[str]:
        """The names of the fields that are not None."""
        return [field.name for field in dataclasses.fields(self)  # type: ignore[arg-type]
                if getattr(self, field.name) is not None]

    def __getitem__(self, key: Any) -> Any:
        if isinstance(key, str):
            return dict(zip(self.keys(), self.to_tuple()))[key]
        return self.to_tuple()[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self.keys())

    def __len__(self) -> int:
        return len(self.keys())


@dataclasses.dataclass
class DiffEditInversionPipelineOutput(_Output):
    """latents: tensor [pictures, steps, c, h, w], the noisiest first; images: with decode_latents a
    list of pictures x steps PIL pictures or an array [pictures x steps, height, width, 3]."""
    latents: Any
    images: Any = None


@dataclasses.dataclass
class StableDiffusionPipelineOutput(_Output):
    """images: a list of PIL pictures, an array [n, height, width, 3], or a tensor;
    nsfw_content_detected: None, as nothing looks for it."""
    images: Any
    nsfw_content_detected: Any = None
