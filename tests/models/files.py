"""Small random models in every layout that is published, written with nothing but numpy.

The names of the original layout follow diffusers' own script
(convert_diffusers_to_original_stable_diffusion.py), that is, the other way round than the
program's.
"""
import functools
import json
import pathlib
import struct

import numpy as np

SOURCE = pathlib.Path(__file__).resolve().parents[2]
TYPES = {"float16": "F16", "float32": "F32", "bfloat16": "BF16", "int64": "I64",
         "float64": "F64", "float8_e4m3fn": "F8_E4M3", "float8_e5m2": "F8_E5M2", "int32": "I32",
         "uint8": "U8", "bool": "BOOL"}
START, END = "<|startoftext|>", "<|endoftext|>"


class Brain(np.ndarray):
    """The upper halves of float32 numbers, as uint16: numpy knows no bfloat16."""
    kind = "bfloat16"


class E5M2(np.ndarray):
    """The upper bytes of halves: numpy knows no numbers of 8 bits."""
    kind = "float8_e5m2"


class E4M3(np.ndarray):
    kind = "float8_e4m3fn"


def e5m2(values):
    """Rounded towards 0."""
    return (values.astype(np.float16).view(np.uint16) >> 8).astype(np.uint8).view(E5M2)


def from_e5m2(values):
    return (np.asarray(values).astype(np.uint16) << 8).view(np.float16)


E4M3_VALUES = np.array([(8 + (i & 7)) * 2.0 ** ((i >> 3) - 10) if i > 7 else i / 512
                        for i in range(127)], np.float32)


def e4m3(values):
    """Rounded towards 0."""
    found = np.searchsorted(E4M3_VALUES, np.abs(values), "right") - 1
    return (found + 128 * (values < 0)).astype(np.uint8).view(E4M3)


def from_e4m3(values):
    values = np.asarray(values)
    return np.where(values < 128, 1, -1).astype(np.float32) * E4M3_VALUES[values & 127]


def brain(values):
    return (values.astype(np.float32).view(np.uint32) >> 16).astype(np.uint16).view(Brain)


def rounded(values):
    """float32 numbers that a bfloat16 holds exactly."""
    return (np.asarray(brain(values)).astype(np.uint32) << 16).view(np.float32)


def write_safetensors(path, tensors, metadata=None):
    header, offset = {}, 0
    if metadata:
        header["__metadata__"] = metadata
    for name, values in tensors.items():
        header[name] = {"dtype": TYPES[getattr(values, "kind", values.dtype.name)],
                        "shape": list(values.shape),
                        "data_offsets": [offset, offset + values.nbytes]}
        offset += values.nbytes
    text = json.dumps(header).encode()
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text)
        for values in tensors.values():
            file.write(values.tobytes())


def write_zeros(path, shapes):
    """float16 tensors of zeros, which take no room on the disk."""
    header, offset = {}, 0
    for name, shape in shapes.items():
        size = 2 * int(np.prod(shape))
        header[name] = {"dtype": "F16", "shape": list(shape),
                        "data_offsets": [offset, offset + size]}
        offset += size
    text = json.dumps(header).encode()
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text)
        file.truncate(8 + len(text) + offset)


class Maker:
    """Random tensors under their published names, with sizes at which activations stay finite; or
    only their shapes."""
    only_shapes = False

    def __init__(self, seed):
        self.random = np.random.default_rng(seed)
        self.tensors = {}

    def add(self, name, *shape):
        if self.only_shapes:
            self.tensors[name] = np.broadcast_to(np.float16(0), shape)
            return
        scale = 0.7 / np.sqrt(np.prod(shape[1:])) if len(shape) > 1 else 0.05
        values = scale * self.random.standard_normal(shape, np.float32)
        self.tensors[name] = values.astype(np.float16)

    def layer(self, name, out, *rest, bias=True):
        self.add(f"{name}.weight", out, *rest)
        if bias:
            self.add(f"{name}.bias", out)

    def norm(self, name, count):
        values = 1 + 0.1 * self.random.standard_normal(count)
        self.tensors[f"{name}.weight"] = values.astype(np.float16)
        self.add(f"{name}.bias", count)

    def convolution(self, name, out, in_, size=3):
        self.layer(name, out, in_, size, size)

    def resblock(self, name, in_, out, time=None):
        self.norm(f"{name}.norm1", in_)
        self.convolution(f"{name}.conv1", out, in_)
        if time:
            self.layer(f"{name}.time_emb_proj", out, time)
        self.norm(f"{name}.norm2", out)
        self.convolution(f"{name}.conv2", out, out)
        if in_ != out:
            self.convolution(f"{name}.conv_shortcut", out, in_, 1)


def transformer(make, name, c, text, linear):
    def project(part):
        return make.layer(part, c, c) if linear else make.convolution(part, c, c, 1)
    make.norm(f"{name}.norm", c)
    project(f"{name}.proj_in")
    block = f"{name}.transformer_blocks.0"
    for attention, width in (("attn1", c), ("attn2", text)):
        make.layer(f"{block}.{attention}.to_q", c, c, bias=False)
        make.layer(f"{block}.{attention}.to_k", c, width, bias=False)
        make.layer(f"{block}.{attention}.to_v", c, width, bias=False)
        make.layer(f"{block}.{attention}.to_out.0", c, c)
    make.layer(f"{block}.ff.net.0.proj", 8 * c, c)
    make.layer(f"{block}.ff.net.2", c, 4 * c)
    for i in (1, 2, 3):
        make.norm(f"{block}.norm{i}", c)
    project(f"{name}.proj_out")


def made_once(make):
    """For each kind; whoever asks gets arrays of their own, to be changed at will."""
    made = {}

    @functools.wraps(make)
    def copies(kind):
        if Maker.only_shapes:
            return make(kind)
        key = json.dumps(kind, sort_keys=True)
        if key not in made:
            made[key] = make(kind)
        return {name: values.copy() for name, values in made[key].items()}
    return copies


@made_once
def unet(kind):
    make, channels, text = Maker(1), kind["channels"], kind["text_width"]
    linear, time, last = kind["open_clip"], 4 * kind["channels"][0], len(kind["channels"]) - 1
    make.convolution("conv_in", channels[0], kind["in_channels"])
    make.layer("time_embedding.linear_1", time, channels[0])
    make.layer("time_embedding.linear_2", time, time)
    skips, in_ = [channels[0]], channels[0]
    for i, out in enumerate(channels):
        for j in range(2):
            make.resblock(f"down_blocks.{i}.resnets.{j}", in_, out, time)
            if i < last:
                transformer(make, f"down_blocks.{i}.attentions.{j}", out, text, linear)
            in_ = out
            skips.append(out)
        if i < last:
            make.convolution(f"down_blocks.{i}.downsamplers.0.conv", out, out)
            skips.append(out)
    make.resblock("mid_block.resnets.0", in_, in_, time)
    transformer(make, "mid_block.attentions.0", in_, text, linear)
    make.resblock("mid_block.resnets.1", in_, in_, time)
    for i, out in enumerate(reversed(channels)):
        for j in range(3):
            make.resblock(f"up_blocks.{i}.resnets.{j}", in_ + skips.pop(), out, time)
            if i > 0:
                transformer(make, f"up_blocks.{i}.attentions.{j}", out, text, linear)
            in_ = out
        if i < last:
            make.convolution(f"up_blocks.{i}.upsamplers.0.conv", out, out)
    make.norm("conv_norm_out", channels[0])
    make.convolution("conv_out", 4, channels[0])
    return make.tensors


@made_once
def vae(kind):
    make, channels = Maker(2), kind["vae_channels"]
    for side in ("encoder", "decoder"):
        in_ = channels[0] if side == "encoder" else channels[-1]
        make.convolution(f"{side}.conv_in", in_, 3 if side == "encoder" else 4)
        for i, out in enumerate(channels if side == "encoder" else reversed(channels)):
            level = f"encoder.down_blocks.{i}" if side == "encoder" else f"decoder.up_blocks.{i}"
            count = 2 if side == "encoder" else 3
            for j in range(count):
                make.resblock(f"{level}.resnets.{j}", in_, out)
                in_ = out
            if i + 1 < len(channels):
                sampler = "downsamplers" if side == "encoder" else "upsamplers"
                make.convolution(f"{level}.{sampler}.0.conv", out, out)
        c = channels[-1]
        make.resblock(f"{side}.mid_block.resnets.0", c, c)
        make.norm(f"{side}.mid_block.attentions.0.group_norm", c)
        for part in ("to_q", "to_k", "to_v", "to_out.0"):
            make.layer(f"{side}.mid_block.attentions.0.{part}", c, c)
        make.resblock(f"{side}.mid_block.resnets.1", c, c)
        make.norm(f"{side}.conv_norm_out", in_)
        make.convolution(f"{side}.conv_out", 8 if side == "encoder" else 3, in_)
    make.convolution("quant_conv", 8, 8, 1)
    make.convolution("post_quant_conv", 4, 4, 1)
    return make.tensors


@made_once
def text_encoder(kind):
    make, width = Maker(3), kind["text_width"]
    make.add("text_model.embeddings.token_embedding.weight", 49408, width)
    tokens = "text_model.embeddings.token_embedding.weight"
    make.tensors[tokens] = make.tensors[tokens] * np.float16(8)
    make.add("text_model.embeddings.position_embedding.weight", 77, width)
    for i in range(kind["text_layers"]):
        layer = f"text_model.encoder.layers.{i}"
        for part in ("q_proj", "k_proj", "v_proj", "out_proj"):
            make.layer(f"{layer}.self_attn.{part}", width, width)
        make.norm(f"{layer}.layer_norm1", width)
        make.norm(f"{layer}.layer_norm2", width)
        make.layer(f"{layer}.mlp.fc1", 4 * width, width)
        make.layer(f"{layer}.mlp.fc2", width, 4 * width)
    make.norm("text_model.final_layer_norm", width)
    return make.tensors


SD1 = {"channels": [32, 64, 64, 64], "vae_channels": [32, 32, 64], "text_width": 64,
       "text_layers": 2, "in_channels": 4,
       "open_clip": False, "prediction": "epsilon", "pad": END}
SD2 = {**SD1, "channels": [64, 64, 128, 128], "open_clip": True, "prediction": "v_prediction",
       "pad": "!"}
INPAINTING = {**SD1, "in_channels": 9}
FULL_SD1 = {**SD1, "channels": [320, 640, 1280, 1280], "vae_channels": [128, 256, 512, 512],
            "text_width": 768,
            "text_layers": 12}
FULL_SD2 = {**SD2, "channels": [320, 640, 1280, 1280], "vae_channels": [128, 256, 512, 512],
            "text_width": 1024,
            "text_layers": 23}


# ---- the diffusers layout ----

def write_json(path, value):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(value))


def byte_symbols():
    kept = [*range(33, 127), *range(161, 173), *range(174, 256)]
    others = [byte for byte in range(256) if byte not in kept]
    return [chr(byte) for byte in kept] + [chr(256 + i) for i in range(len(others))]


@functools.cache
def published_vocabulary():
    """The texts of merges.txt and vocab.json."""
    merges = (SOURCE / "data/clip/merges.txt").read_text(encoding="utf-8")
    symbols = byte_symbols()
    joined = ["".join(line.split(" ")) for line in merges.splitlines()[1:] if line]
    vocabulary = [*symbols, *(symbol + "</w>" for symbol in symbols), *joined, START, END]
    return merges, json.dumps({token: index for index, token in enumerate(vocabulary)})


def write_tokenizer(folder, pad):
    folder.mkdir(parents=True, exist_ok=True)
    merges, vocabulary = published_vocabulary()
    (folder / "merges.txt").write_text(merges, encoding="utf-8")
    (folder / "vocab.json").write_text(vocabulary)
    write_json(folder / "tokenizer_config.json", {"model_max_length": 77, "pad_token": pad})
    write_json(folder / "special_tokens_map.json", {"pad_token": pad})


def write_configs(folder, kind):
    channels, last = kind["channels"], len(kind["channels"]) - 1
    heads = [c // 64 for c in channels] if kind["open_clip"] else 8
    side = 96 if kind["prediction"] == "v_prediction" else 64
    write_json(folder / "model_index.json", {
        "_class_name": "StableDiffusionPipeline", "unet": ["diffusers", "UNet2DConditionModel"],
        "vae": ["diffusers", "AutoencoderKL"], "text_encoder": ["transformers", "CLIPTextModel"],
        "tokenizer": ["transformers", "CLIPTokenizer"],
        "scheduler": ["diffusers", "DDIMScheduler"]})
    write_json(folder / "unet/config.json", {
        "_class_name": "UNet2DConditionModel", "sample_size": side,
        "in_channels": kind["in_channels"],
        "out_channels": 4, "block_out_channels": channels, "layers_per_block": 2,
        "attention_head_dim": heads,
        "down_block_types": ["CrossAttnDownBlock2D"] * last + ["DownBlock2D"],
        "up_block_types": ["UpBlock2D"] + ["CrossAttnUpBlock2D"] * last,
        "cross_attention_dim": kind["text_width"], "use_linear_projection": kind["open_clip"]})
    count = len(kind["vae_channels"])
    write_json(folder / "vae/config.json", {
        "_class_name": "AutoencoderKL", "latent_channels": 4,
        "block_out_channels": kind["vae_channels"],
        "layers_per_block": 2, "down_block_types": ["DownEncoderBlock2D"] * count,
        "up_block_types": ["UpDecoderBlock2D"] * count})
    write_json(folder / "text_encoder/config.json", {
        "architectures": ["CLIPTextModel"], "vocab_size": 49408, "hidden_size": kind["text_width"],
        "intermediate_size": 4 * kind["text_width"],
        "num_hidden_layers": kind["text_layers"], "num_attention_heads": kind["text_width"] // 64,
        "hidden_act": "gelu" if kind["open_clip"] else "quick_gelu"})
    write_json(folder / "scheduler/scheduler_config.json", {"prediction_type": kind["prediction"]})


def write_folder(folder, kind):
    write_configs(folder, kind)
    write_tokenizer(folder / "tokenizer", kind["pad"])
    write_safetensors(folder / "unet/diffusion_pytorch_model.safetensors", unet(kind))
    write_safetensors(folder / "vae/diffusion_pytorch_model.safetensors", vae(kind))
    write_safetensors(folder / "text_encoder/model.safetensors", text_encoder(kind))
    return folder


# ---- the original layout ----

UNET_RESBLOCK = [("norm1", "in_layers.0"), ("conv1", "in_layers.2"), ("norm2", "out_layers.0"),
                 ("conv2", "out_layers.3"), ("time_emb_proj", "emb_layers.1"),
                 ("conv_shortcut", "skip_connection")]


def unet_prefixes(levels):
    pairs = [("time_embedding.linear_1.", "time_embed.0."),
             ("time_embedding.linear_2.", "time_embed.2."),
             ("conv_in.", "input_blocks.0.0."), ("conv_norm_out.", "out.0."),
             ("conv_out.", "out.2."),
             ("mid_block.attentions.0.", "middle_block.1.")]
    pairs += [(f"mid_block.resnets.{j}.", f"middle_block.{2 * j}.") for j in range(2)]
    for i in range(levels):
        for j in range(2):
            pairs += [(f"down_blocks.{i}.resnets.{j}.", f"input_blocks.{3 * i + j + 1}.0."),
                      (f"down_blocks.{i}.attentions.{j}.", f"input_blocks.{3 * i + j + 1}.1.")]
        for j in range(3):
            pairs += [(f"up_blocks.{i}.resnets.{j}.", f"output_blocks.{3 * i + j}.0."),
                      (f"up_blocks.{i}.attentions.{j}.", f"output_blocks.{3 * i + j}.1.")]
        pairs += [(f"down_blocks.{i}.downsamplers.0.conv.", f"input_blocks.{3 * (i + 1)}.0.op."),
                  (f"up_blocks.{i}.upsamplers.0.", f"output_blocks.{3 * i + 2}.{2 if i else 1}.")]
    return pairs


def vae_prefixes(levels):
    pairs = []
    for i in range(levels):
        for j in range(3):
            pairs += [(f"encoder.down_blocks.{i}.resnets.{j}.", f"encoder.down.{i}.block.{j}."),
                      (f"decoder.up_blocks.{i}.resnets.{j}.",
                       f"decoder.up.{levels - 1 - i}.block.{j}.")]
        pairs += [(f"encoder.down_blocks.{i}.downsamplers.0.", f"encoder.down.{i}.downsample."),
                  (f"decoder.up_blocks.{i}.upsamplers.0.",
                   f"decoder.up.{levels - 1 - i}.upsample.")]
    for side in ("encoder", "decoder"):
        pairs += [(f"{side}.mid_block.resnets.{j}.", f"{side}.mid.block_{j + 1}.")
                  for j in range(2)]
        attention = f"{side}.mid_block.attentions.0."
        pairs += [(attention + new, f"{side}.mid.attn_1.{old}") for new, old in
                  [("group_norm.", "norm."), ("to_q.", "q."), ("to_k.", "k."), ("to_v.", "v."),
                   ("to_out.0.", "proj_out.")]]
        pairs += [(f"{side}.conv_norm_out.", f"{side}.norm_out.")]
    return pairs


def renamed(name, prefixes, inner):
    for new, old in prefixes:
        if name.startswith(new):
            rest = name[len(new):]
            if ".resnets." in new:
                for part, original in inner:
                    rest = rest.replace(part, original)
            return old + rest
    return name


def original_text(tensors, kind):
    if not kind["open_clip"]:
        ids = {"text_model.embeddings.position_ids": np.arange(77)[None]}
        return {f"cond_stage_model.transformer.{name}": values
                for name, values in {**tensors, **ids}.items()}
    result = {}
    for name, values in tensors.items():
        name = name.replace("text_model.", "").replace("encoder.layers.", "transformer.resblocks.")
        for new, old in [("embeddings.token_embedding", "token_embedding"),
                         ("final_layer_norm", "ln_final"),
                         ("embeddings.position_embedding.weight", "positional_embedding"),
                         ("layer_norm", "ln_"),
                         ("self_attn.out_proj", "attn.out_proj"), ("mlp.fc1", "mlp.c_fc"),
                         ("mlp.fc2", "mlp.c_proj")]:
            name = name.replace(new, old)
        result[name] = values
    last = kind["text_layers"] - 1
    for i in range(kind["text_layers"]):
        layer = f"transformer.resblocks.{i}"
        for part in ("weight", "bias"):
            thirds = [result.pop(f"{layer}.self_attn.{letter}_proj.{part}") for letter in "qkv"]
            result[f"{layer}.attn.in_proj_{part}"] = np.concatenate(thirds)
    unused = {name.replace(f"resblocks.{last}.", f"resblocks.{last + 1}."): values + np.float16(1)
              for name, values in result.items() if f"resblocks.{last}." in name}
    width = kind["text_width"]
    extra = {"text_projection": np.ones((width, width), np.float16),
             "logit_scale": np.ones((), np.float32)}
    return {f"cond_stage_model.model.{name}": values
            for name, values in {**result, **unused, **extra}.items()}


def original(kind):
    """Every tensor of a single file."""
    prefixes = unet_prefixes(len(kind["channels"]))
    tensors = {f"model.diffusion_model.{renamed(name, prefixes, UNET_RESBLOCK)}": values
               for name, values in unet(kind).items()}
    prefixes = vae_prefixes(len(kind["vae_channels"]))
    for name, values in vae(kind).items():
        old = renamed(name, prefixes, [("conv_shortcut", "nin_shortcut")])
        if ".mid.attn_1." in old and values.ndim == 2:  # 1x1 convolutions there
            values = values[:, :, None, None]
        tensors[f"first_stage_model.{old}"] = values
    tensors["alphas_cumprod"] = np.zeros(1000, np.float32)
    return {**tensors, **original_text(text_encoder(kind), kind)}
