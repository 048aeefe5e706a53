"""Writes a random model of full size, f16: FOLDER/model (the diffusers layout) and FOLDER/model.safetensors (the original).

    /usr/bin/python3 tests/models/make_full.py sd14|sd21 FOLDER
"""
import pathlib
import sys

import files

SCHEDULE = {"_class_name": "DDIMScheduler", "num_train_timesteps": 1000, "beta_start": 0.00085, "beta_end": 0.012,
            "beta_schedule": "scaled_linear", "clip_sample": False, "set_alpha_to_one": False, "steps_offset": 1}
KINDS = {"sd14": files.FULL_SD1, "sd21": files.FULL_SD2}

if __name__ == "__main__":
    kind, folder = KINDS[sys.argv[1]], pathlib.Path(sys.argv[2])
    files.write_folder(folder / "model", kind)
    files.write_json(folder / "model/scheduler/scheduler_config.json", {**SCHEDULE, "prediction_type": kind["prediction"]})
    files.write_safetensors(folder / "model.safetensors", files.original(kind),
                            metadata={"modelspec.prediction_type": "v" if kind["open_clip"] else "epsilon"})
