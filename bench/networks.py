"""The networks of Stable Diffusion 1.4's shape on random weights, by three programs: what
bench/peers.py times.

    networks.py PROGRAM NETWORK SIZE THREADS CACHE     PROGRAM: diffedit, torch or openvino
                                                       NETWORK: unet, guided, encode or decode
Prints "ready". Then, for each line on standard input, runs twice and prints the seconds and CPU
seconds of the second run: the first run finds its memory cold after the other programs' turns,
which does not happen between the steps of an edit.
"""
import ctypes
import os
import pathlib
import sys
import time

import numpy as np

SOURCE = pathlib.Path(__file__).resolve().parent.parent
LIBRARY = os.environ.get("DIFFEDIT_LIBRARY", SOURCE / "build/libdiffedit.so")
UNET = dict(sample_size=64, in_channels=4, out_channels=4, layers_per_block=2,
            cross_attention_dim=768, block_out_channels=(320, 640, 1280, 1280),
            attention_head_dim=8, down_block_types=("CrossAttnDownBlock2D",) * 3 + ("DownBlock2D",),
            up_block_types=("UpBlock2D",) + ("CrossAttnUpBlock2D",) * 3)
VAE = dict(block_out_channels=(128, 256, 512, 512), layers_per_block=2, latent_channels=4,
           sample_size=512, down_block_types=("DownEncoderBlock2D",) * 4,
           up_block_types=("UpDecoderBlock2D",) * 4)
TIMESTEP, GUIDANCE = 481, 7.5


def diffedit(network, size, threads, _):
    library, error = ctypes.CDLL(str(LIBRARY)), ctypes.create_string_buffer(4096)

    def call(name, *arguments):
        if getattr(library, name)(*arguments, error):
            sys.exit(f"{name}: {error.raw[4:].split(bytes(1))[0].decode()}")

    def at(array):
        return array.ctypes.data_as(ctypes.c_void_p)

    model, editor, side = ctypes.c_void_p(), ctypes.c_void_p(), size // 8
    call("diffedit_model_new_random", ctypes.byref(model), b"sd14")
    call("diffedit_editor_new", ctypes.byref(editor), model, None)
    library.diffedit_editor_set_threads(editor, threads)
    text = np.zeros((77, 768), np.float32)
    call("diffedit_encode_text", at(text), editor, b"a horse on a meadow")
    latent = np.random.randn(4, side, side).astype(np.float32)
    eps, pixels = np.zeros((4, side, side), np.float32), np.zeros((3, size, size), np.float32)
    t, scale = ctypes.c_double(TIMESTEP), ctypes.c_double(GUIDANCE)
    return {
        "unet": lambda: call("diffedit_predict_noise", at(eps), editor, at(latent), side, side, t,
                             at(text)),
        "guided": lambda: call("diffedit_predict_guided", at(eps), editor, at(latent), side, side,
                               t, at(text), at(text), scale),
        "encode": lambda: call("diffedit_encode_pixels", at(latent), editor, at(pixels), size,
                               size),
        "decode": lambda: call("diffedit_decode_latent", at(pixels), editor, at(latent), side,
                               side),
    }[network]


def example(network, size):
    """The network's inputs, as torch tensors."""
    import torch
    side, batch = size // 8, 2 if network == "guided" else 1
    if network in ("unet", "guided"):
        latent, text = torch.randn(batch, 4, side, side), torch.randn(batch, 77, 768)
        return latent, torch.tensor(TIMESTEP), text
    return (torch.randn(1, 3, size, size) if network == "encode"
            else torch.randn(1, 4, side, side),)


def module(network, size):
    """The network as a torch module that takes and gives tensors, and its inputs."""
    import diffusers
    import torch

    class Wrapped(torch.nn.Module):
        def __init__(self, inner):
            super().__init__()
            self.inner = inner

    class Unet(Wrapped):
        def forward(self, x, t, text):
            return self.inner(x, t, text, return_dict=False)[0]

    class Encoder(Wrapped):
        def forward(self, x):
            return self.inner.quant_conv(self.inner.encoder(x))

    class Decoder(Wrapped):
        def forward(self, z):
            return self.inner.decode(z, return_dict=False)[0]

    if network in ("unet", "guided"):
        net = Unet(diffusers.UNet2DConditionModel(**UNET))
    else:
        net = (Encoder if network == "encode" else Decoder)(diffusers.AutoencoderKL(**VAE))
    return net.eval().requires_grad_(False), example(network, size)


def torch(network, size, threads, _):
    """Inference mode, fused attention, and the faster of the two memory layouts."""
    import torch as library
    library.set_num_threads(threads)
    net, inputs = module(network, size)
    runs = {}
    for layout in (library.contiguous_format, library.channels_last):
        net.to(memory_format=layout)
        start = time.process_time()  # other programs' load does not count
        with library.inference_mode():
            net(*(x.to(memory_format=layout) if x.dim() == 4 else x for x in inputs))
        runs[layout] = time.process_time() - start
    layout = min(runs, key=runs.get)
    times = ", ".join(f"{name} {seconds:.1f} s" for name, seconds in runs.items())
    print(f"torch, {network}: {layout} (of processor time {times})", file=sys.stderr)
    net.to(memory_format=layout)
    inputs = tuple(x.to(memory_format=layout) if x.dim() == 4 else x for x in inputs)

    def run():
        with library.inference_mode():
            net(*inputs)
    return run


def openvino(network, size, threads, cache):
    """f32 arithmetic like the others, fixed shapes, optimised for latency. Converted once, on a
    small picture."""
    import openvino as library
    path = pathlib.Path(cache) / f"{'unet' if network == 'guided' else network}.xml"
    if not path.exists():
        net, small = module(network, 64)
        library.save_model(library.convert_model(net, example_input=small), path,
                           compress_to_fp16=False)
        del net
    arrays = [x.numpy() for x in example(network, size)]
    model = library.Core().read_model(path)
    model.reshape({port: array.shape for port, array in zip(model.inputs, arrays)})
    settings = {"INFERENCE_PRECISION_HINT": "f32", "INFERENCE_NUM_THREADS": threads,
                "PERFORMANCE_HINT": "LATENCY"}
    request = library.Core().compile_model(model, "CPU", settings).create_infer_request()
    return lambda: request.infer(arrays)


def main():
    program, network, size, threads, cache = sys.argv[1:]
    programs = {"diffedit": diffedit, "torch": torch, "openvino": openvino}
    run = programs[program](network, int(size), int(threads), cache)
    run()  # memory is mapped
    print("ready", flush=True)
    for _ in sys.stdin:
        run()
        start, processor = time.perf_counter(), time.process_time()
        run()
        print(time.perf_counter() - start, time.process_time() - processor, flush=True)


if __name__ == "__main__":
    main()
