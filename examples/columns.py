"""LPIPS and CLIP similarity of a batch's results, as columns for `diffedit eval --columns`.

    pip install torchmetrics torchvision transformers
    python examples/columns.py edits.csv results      writes results/columns.csv

The weights of SqueezeNet and CLIP are downloaded when they are first used.
"""
import csv
import pathlib
import sys

import numpy as np
import torch
from PIL import Image, ImageOps
from torchmetrics.image.lpip import LearnedPerceptualImagePatchSimilarity
from torchmetrics.multimodal import CLIPScore

CLIP = "openai/clip-vit-large-patch14"


def levels(path):
    """[1, 3, h, w], bytes, upright."""
    picture = np.array(ImageOps.exif_transpose(Image.open(path)).convert("RGB"))
    return torch.from_numpy(picture).permute(2, 0, 1)[None]


def columns(pictures, results):
    """A row for each result; `pictures` is the folder of the list."""
    lpips = LearnedPerceptualImagePatchSimilarity(net_type="squeeze", normalize=True)
    clip = CLIPScore(model_name_or_path=CLIP)
    with open(results / "results.csv", newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["state"] == "done"]
    for row in rows:
        before, after = levels(pictures / row["picture"]), levels(results / row["result"])
        with torch.no_grad():
            yield {"line": row["line"], "lpips": float(lpips(before / 255, after / 255)),
                   "clip": float(clip(after, [row["to"]]))}
        lpips.reset()
        clip.reset()


def main():
    pictures, results = pathlib.Path(sys.argv[1]).parent, pathlib.Path(sys.argv[2])
    with open(results / "columns.csv", "w", newline="") as file:
        writer = csv.DictWriter(file, ["line", "lpips", "clip"])
        writer.writeheader()
        writer.writerows(columns(pictures, results))


if __name__ == "__main__":
    main()
