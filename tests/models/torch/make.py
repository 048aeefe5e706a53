"""Writes the files of this folder: the same tensors by torch in each of its formats, and as
safetensors to compare with.

    pip install torch==2.8.0 safetensors==0.8.0 numpy==2.4.6
    python tests/models/torch/make.py
"""
import collections
import pathlib
import sys
import types

import numpy
import torch
from safetensors.torch import save_file

HERE = pathlib.Path(__file__).resolve().parent


def make_class(module, name):
    """A class that a pickle can name, of a package that need not be there."""
    parts = module.split(".")
    for i in range(len(parts)):
        sys.modules.setdefault(".".join(parts[:i + 1]), types.ModuleType(".".join(parts[:i + 1])))
    made = type(name, (), {"__module__": module})
    setattr(sys.modules[module], name, made)
    return made


def tensors():
    torch.manual_seed(1)
    whole, fused = torch.randn(4, 6), torch.randn(6, 2).half()
    return collections.OrderedDict([
        ("whole", whole), ("half", torch.randn(3, 5, 3, 3).half()),
        ("brain", torch.randn(7).bfloat16()),
        ("double", torch.randn(2, 2).double()), ("ids", torch.arange(77).expand(1, -1).clone()),
        ("short", torch.arange(-3, 3, dtype=torch.int16)),
        ("int", torch.arange(4, dtype=torch.int32)),
        ("bytes", torch.arange(5, dtype=torch.uint8)),
        ("signed", torch.arange(-2, 3, dtype=torch.int8)),
        ("bools", torch.tensor([True, False, True])), ("scalar", torch.tensor(1.5)),
        ("nothing", torch.zeros(0, 4)),
        ("parameter", torch.nn.Parameter(torch.randn(2, 3))),
        ("tied", whole), ("second third", fused[2:4]), ("last third", fused[4:]),
        ("transposed", whole.t()), ("a column", whole[:, 2]), ("every other", whole[::2, ::3]),
        ("channels last", torch.randn(2, 3, 4, 5).to(memory_format=torch.channels_last)),
    ])


def training(state):
    """What stands beside the weights in a checkpoint of pytorch_lightning, as sd-v1-4.ckpt is
    one."""
    checkpoint = make_class("pytorch_lightning.callbacks.model_checkpoint", "ModelCheckpoint")
    settings = make_class("omegaconf.dictconfig", "DictConfig")()
    settings.parent, settings.content = settings, {"lr": 1e-4}
    weight = torch.nn.Parameter(torch.randn(3))
    weight.grad = torch.ones(3)
    optimizer = torch.optim.AdamW([weight], lr=1e-4)
    optimizer.step()
    return {
        "epoch": 13, "global_step": 470000, "pytorch-lightning_version": "1.4.2",
        "state_dict": state,
        "callbacks": {checkpoint: {"monitor": "val/loss", "best_model_score": torch.tensor(0.25),
                                   "best_k_models": {},
                                   "best_model_path": "last.ckpt",
                                   "current_score": numpy.float64(0.5), "mode": None}},
        "optimizer_states": [optimizer.state_dict()],
        "lr_schedulers": [{"base_lrs": [1e-4], "last_epoch": -1}],
        "hyper_parameters": settings,
        "loops": collections.defaultdict(int, {"a": 2 ** 40, "b": -5}),
        "rng": numpy.arange(3), "shape": torch.Size([1, 2]), "names": {"x", "y"}, "big": 2 ** 100,
    }


def main():
    state = tensors()
    save_file({name: value.detach().contiguous().clone() for name, value in state.items()},
              HERE / "expected.safetensors")
    torch.save(training(state), HERE / "training.ckpt")
    torch.save(training(state), HERE / "training-2019.ckpt", _use_new_zipfile_serialization=False)
    torch.save(state, HERE / "plain-2019-protocol-4.bin", _use_new_zipfile_serialization=False,
               pickle_protocol=4)
    torch.save(state, HERE / "plain.bin")
    torch.save(state, HERE / "protocol-4.bin", pickle_protocol=4)
    torch.jit.script(torch.nn.Linear(2, 2)).save(HERE / "program.pt")


if __name__ == "__main__":
    main()
