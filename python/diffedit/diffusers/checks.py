"""What the pipeline's arguments must be, in a sentence each."""
from __future__ import annotations

from typing import Any

from ..errors import ArgumentError


def check_share(name: str, value: Any) -> None:
    if value is None or not 0 <= value <= 1:
        raise ArgumentError(f"`{name}`: expected a number from 0 to 1, found {value!r}")


def check_count(name: str, value: Any) -> None:
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        raise ArgumentError(f"`{name}`: expected a whole number from 1, found {value!r}")


def check_texts(name: str, prompt: Any, embeds: Any, negative: Any, negative_embeds: Any) -> None:
    """One of a prompt and its embeddings is given, at most one of the negative's."""
    if (prompt is None) == (embeds is None):
        found = "neither" if prompt is None else "both"
        raise ArgumentError(f"`{name}` and `{name}_embeds`: expected one of them, found {found}")
    listed = [prompt] if isinstance(prompt, str) else prompt
    if prompt is not None and not (isinstance(listed, list) and listed
                                   and all(isinstance(text, str) for text in listed)):
        raise ArgumentError(f"`{name}`: expected a str or a list of them, found {prompt!r:.60}")
    if negative is not None and negative_embeds is not None:
        raise ArgumentError(f"both a negative text and embeddings of one were given with `{name}`: "
                            "expected one of them at most")
    if embeds is not None and negative_embeds is not None \
            and tuple(embeds.shape) != tuple(negative_embeds.shape):
        raise ArgumentError(f"`{name}_embeds` and the negative's: expected one shape, found "
                            f"{tuple(embeds.shape)} and {tuple(negative_embeds.shape)}")


def check_output(value: Any, known: tuple[str, ...]) -> None:
    if value not in known:
        raise ArgumentError(f"`output_type`: expected {' or '.join(map(repr, known))}, found "
                            f"{value!r}")


def refuse(**given: Any) -> None:
    """Arguments of the original that are not supported: each must be None or empty."""
    for name, value in given.items():
        if value:
            raise NotImplementedError(f"`{name}` is not supported by diffedit's pipeline")
