"""Writes a random model of full size, f16: FOLDER/model (the diffusers layout) and
FOLDER/model.safetensors (the original).

    /usr/bin/python3 tests/models/make_full.py sd14|sd21 FOLDER
"""
import pathlib
import sys

import files

KINDS = {"sd14": files.FULL_SD1, "sd21": files.FULL_SD2}

if __name__ == "__main__":
    kind, folder = KINDS[sys.argv[1]], pathlib.Path(sys.argv[2])
    files.write_folder(folder / "model", kind)
    files.write_safetensors(folder / "model.safetensors", files.original(kind),
                            metadata={"modelspec.prediction_type": "v" if kind["open_clip"]
                                      else "epsilon"})
