"""The tokenizer: an ordinary CLIP tokenizer folder whose merges make one token of each word of the
world."""
import argparse
import json
from pathlib import Path

from transformers import CLIPTokenizer
from transformers.models.clip.tokenization_clip import bytes_to_unicode

import world

LENGTH = 16
START, END = "<|startoftext|>", "<|endoftext|>"


def merge(symbols, left, right):
    """Join every `left` that is followed by `right`."""
    joined, index = [], 0
    while index < len(symbols):
        if symbols[index:index + 2] == [left, right]:
            joined.append(left + right)
            index += 2
        else:
            joined.append(symbols[index])
            index += 1
    return joined


def split(word, ranks):
    """The symbols that byte pair encoding makes of a word with the merges known so far."""
    symbols = list(word[:-1]) + [word[-1] + "</w>"]
    while True:
        pairs = [pair for pair in zip(symbols, symbols[1:]) if pair in ranks]
        if not pairs:
            return symbols
        symbols = merge(symbols, *min(pairs, key=ranks.get))


def learn_merges(words):
    """Merges in order of rank. A later word starts from what the earlier ones have joined."""
    ranks = {}
    for word in words:
        while len(symbols := split(word, ranks)) > 1:
            ranks[symbols[0], symbols[1]] = len(ranks)
    return list(ranks)


def write(folder):
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    merges = learn_merges(world.words())
    symbols = list(bytes_to_unicode().values())
    vocabulary = symbols + [symbol + "</w>" for symbol in symbols]
    vocabulary += [left + right for left, right in merges] + [START, END]
    ids = {token: index for index, token in enumerate(vocabulary)}
    special = {"bos_token": START, "eos_token": END, "unk_token": END, "pad_token": END}
    config = {"tokenizer_class": "CLIPTokenizer", "model_max_length": LENGTH, "do_lower_case": True,
              "add_prefix_space": False, "errors": "replace", **special}
    lines = ["#version: 0.2"] + [f"{left} {right}" for left, right in merges]
    (folder / "vocab.json").write_text(json.dumps(ids, ensure_ascii=False))
    (folder / "merges.txt").write_text("\n".join(lines) + "\n")
    (folder / "tokenizer_config.json").write_text(json.dumps(config, indent=2))
    (folder / "special_tokens_map.json").write_text(json.dumps(special, indent=2))


def open_tokenizer(folder):
    """Writes the folder and reads it back, so that what trains is what ships."""
    write(folder)
    tokenizer = CLIPTokenizer.from_pretrained(folder)
    for word in world.words():
        assert len(tokenizer(word).input_ids) == 3, f"{word} is not one token"
    return tokenizer


def encode(tokenizer, text):
    return tokenizer(text, padding="max_length", truncation=True).input_ids


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder")
    print(len(open_tokenizer(parser.parse_args().folder)), "tokens")
