"""The networks of Stable Diffusion 1.4's shape on random weights, by three programs: what
bench/peers.py times.

    networks.py PROGRAM ARITHMETIC NETWORK SIZE THREADS CACHE [DEVICE]

    PROGRAM      diffedit, torch or openvino
    ARITHMETIC   default or f32 of torch and OpenVINO, exact or quick of diffedit
    NETWORK      unet, guided, encode or decode
    DEVICE       cpu, or diffedit's name of a GPU: torch then computes in f16 by CUDA where it can,
                 else on the CPU
Prints "ready" and what it really computes with. Then, for each line on standard input, runs twice
and prints the seconds and CPU seconds of the second run, the seconds of a GPU by its own clock, and
the share of the device's peak that diffedit reached by it (0: not known): the first run finds its
memory cold after the other programs' turns, which does not happen between the steps of an edit.
"""
import pathlib
import sys
import time

import numpy as np

import library

UNET = dict(sample_size=64, in_channels=4, out_channels=4, layers_per_block=2,
            cross_attention_dim=768, block_out_channels=(320, 640, 1280, 1280),
            attention_head_dim=8, down_block_types=("CrossAttnDownBlock2D",) * 3 + ("DownBlock2D",),
            up_block_types=("UpBlock2D",) + ("CrossAttnUpBlock2D",) * 3)
VAE = dict(block_out_channels=(128, 256, 512, 512), layers_per_block=2, latent_channels=4,
           sample_size=512, down_block_types=("DownEncoderBlock2D",) * 4,
           up_block_types=("UpDecoderBlock2D",) * 4)
TIMESTEP, GUIDANCE = 481, 7.5
SHORT = {"float32": "f32", "bfloat16": "bf16", "float16": "f16"}


def diffedit(arithmetic, network, size, threads, _, device):
    model = library.Model(shape="sd14", arithmetic=arithmetic, threads=threads, device=device)
    text = model.encode_text("a horse on a meadow")
    latent = np.random.randn(4, size // 8, size // 8).astype(np.float32)
    pixels = np.random.randn(3, size, size).astype(np.float32)
    runs = {"unet": lambda: model.predict(latent, TIMESTEP, text),
            "guided": lambda: model.guided(latent, TIMESTEP, text, text, GUIDANCE),
            "encode": lambda: model.encode(pixels), "decode": lambda: model.decode(latent)}
    if device == "cpu":
        return runs[network], model.kernels
    peak = model.peak(threads)

    def run():
        before = model.computed()
        runs[network]()
        after = model.computed()
        seconds = after.device_seconds - before.device_seconds
        return seconds, (after.operations - before.operations) / seconds / peak if seconds else 0
    return run, f"{model.kernels}, {device}"


def example(network, size):
    """The network's inputs, as torch tensors."""
    import torch
    side, batch = size // 8, 2 if network == "guided" else 1
    if network in ("unet", "guided"):
        latent, text = torch.randn(batch, 4, side, side), torch.randn(batch, 77, 768)
        return latent, torch.tensor(TIMESTEP), text
    return (torch.randn(1, 3, size, size) if network == "encode"
            else torch.randn(1, 4, side, side),)


def wrapped(network, inner):
    """The network as a torch module that takes and gives tensors; `inner` is of diffusers."""
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

    kinds = {"unet": Unet, "guided": Unet, "encode": Encoder, "decode": Decoder}
    return kinds[network](inner).eval().requires_grad_(False)


def module(network):
    import diffusers
    return wrapped(network, diffusers.UNet2DConditionModel(**UNET) if network in ("unet", "guided")
                   else diffusers.AutoencoderKL(**VAE))


def torch(_, network, size, threads, __, device):
    """Inference mode, fused attention, and the faster of the two memory layouts. The default is
    the parameters' f32, by CUDA f16."""
    import torch as package
    package.set_num_threads(threads)
    net, inputs = module(network), example(network, size)
    if device != "cpu" and package.cuda.is_available():
        return torch_by_cuda(net, inputs)
    runs = {}
    for layout in (package.contiguous_format, package.channels_last):
        net.to(memory_format=layout)
        start = time.process_time()  # other programs' load does not count
        with package.inference_mode():
            net(*(x.to(memory_format=layout) if x.dim() == 4 else x for x in inputs))
        runs[layout] = time.process_time() - start
    layout = min(runs, key=runs.get)
    times = ", ".join(f"{name} {seconds:.1f} s" for name, seconds in runs.items())
    print(f"torch, {network}: {layout} (of processor time {times})", file=sys.stderr)
    net.to(memory_format=layout)
    inputs = tuple(x.to(memory_format=layout) if x.dim() == 4 else x for x in inputs)

    def run():
        with package.inference_mode():
            net(*inputs)
    used = SHORT[str(next(net.parameters()).dtype).removeprefix("torch.")]
    return run, used if device == "cpu" else f"{used}, on the CPU"


def torch_by_cuda(net, inputs):
    import torch as package
    net.to("cuda", package.float16)
    inputs = tuple(x.to("cuda", package.float16 if x.dim() else x.dtype) for x in inputs)
    first, last = (package.cuda.Event(enable_timing=True) for _ in range(2))

    def run():
        with package.inference_mode():
            first.record()
            net(*inputs)
            last.record()
        package.cuda.synchronize()
        return first.elapsed_time(last) / 1e3, 0
    return run, f"f16, {package.cuda.get_device_name()}"


def save_for_openvino(make, example_input, path):
    """Converts the module that make() gives, with f32 weights, unless that was done before."""
    import openvino as package
    if not path.exists():
        package.save_model(package.convert_model(make(), example_input=example_input), path,
                           compress_to_fp16=False)


def compile_for_openvino(path, arrays, arithmetic, threads):
    """Fixed shapes, optimised for latency; at its default the plugin chooses the arithmetic.
    Returns a request for arrays of these shapes, and what it computes in."""
    import openvino as package
    model = package.Core().read_model(path)
    model.reshape({port: array.shape for port, array in zip(model.inputs, arrays)})
    settings = {"INFERENCE_NUM_THREADS": threads, "PERFORMANCE_HINT": "LATENCY"}
    if arithmetic != "default":
        settings["INFERENCE_PRECISION_HINT"] = arithmetic
    compiled = package.Core().compile_model(model, "CPU", settings)
    used = compiled.get_property("INFERENCE_PRECISION_HINT").get_type_name()
    return compiled.create_infer_request(), used


def openvino(arithmetic, network, size, threads, cache, _):
    path = pathlib.Path(cache) / f"{'unet' if network == 'guided' else network}.xml"
    save_for_openvino(lambda: module(network), example(network, 64), path)
    arrays = [x.numpy() for x in example(network, size)]
    request, used = compile_for_openvino(path, arrays, arithmetic, threads)
    return lambda: request.infer(arrays), used


def main():
    program, arithmetic, network, size, threads, cache, *rest = sys.argv[1:]
    device = rest[0] if rest else "cpu"
    programs = {"diffedit": diffedit, "torch": torch, "openvino": openvino}
    run, used = programs[program](arithmetic, network, int(size), int(threads), cache, device)
    run()  # memory is mapped
    print("ready", used, flush=True)
    for _ in sys.stdin:
        run()
        start, processor = time.perf_counter(), time.process_time()
        found = run()
        print(time.perf_counter() - start, time.process_time() - processor,
              *(found if isinstance(found, tuple) else (0, 0)), flush=True)


if __name__ == "__main__":
    main()
