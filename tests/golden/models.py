"""Small random models in the published folder layout."""
import json
import pathlib
import shutil

import torch
from diffusers import AutoencoderKL, UNet2DConditionModel
from safetensors.torch import save_file
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTokenizer
from transformers.models.clip.tokenization_clip import bytes_to_unicode

MERGES = pathlib.Path(__file__).resolve().parents[2] / "data/clip/merges.txt"
START, END = "<|startoftext|>", "<|endoftext|>"

MODELS = {
    # Stable Diffusion 1: 1x1 convolutions around transformers, one number of heads, epsilon, factor
    # 8
    "tiny-sd1": {
        "dtype": torch.float16, "merges": 500, "length": 77, "pad": END,
        "text": {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2,
                 "num_attention_heads": 4,
                 "hidden_act": "quick_gelu"},
        "unet": {"sample_size": 8, "in_channels": 4, "out_channels": 4, "layers_per_block": 2,
                 "block_out_channels": (8, 16, 16, 24), "attention_head_dim": 2,
                 "norm_num_groups": 4,
                 "cross_attention_dim": 32,
                 "down_block_types": ("CrossAttnDownBlock2D",) * 3 + ("DownBlock2D",),
                 "up_block_types": ("UpBlock2D",) + ("CrossAttnUpBlock2D",) * 3},
        "vae": {"block_out_channels": (8, 8, 16, 16), "layers_per_block": 2, "latent_channels": 4,
                "norm_num_groups": 4, "sample_size": 64, "scaling_factor": 0.18215},
        "schedule": {},
    },
    # Stable Diffusion 2: linear projections, heads by level, v-prediction, erf GELU, "!" as padding
    "tiny-sd2": {
        "dtype": torch.float32, "merges": 300, "length": 77, "pad": "!",
        "text": {"hidden_size": 24, "intermediate_size": 48, "num_hidden_layers": 3,
                 "num_attention_heads": 3,
                 "hidden_act": "gelu"},
        "unet": {"sample_size": 8, "in_channels": 4, "out_channels": 4, "layers_per_block": 1,
                 "block_out_channels": (8, 16, 24), "attention_head_dim": (1, 2, 4),
                 "norm_num_groups": 4,
                 "cross_attention_dim": 24, "use_linear_projection": True,
                 "transformer_layers_per_block": 1,
                 "down_block_types": ("CrossAttnDownBlock2D",) * 2 + ("DownBlock2D",),
                 "up_block_types": ("UpBlock2D",) + ("CrossAttnUpBlock2D",) * 2},
        "vae": {"block_out_channels": (8, 8, 12, 16), "layers_per_block": 1, "latent_channels": 4,
                "norm_num_groups": 4, "sample_size": 64, "scaling_factor": 0.18215},
        "schedule": {"prediction_type": "v_prediction"},
    },
    # Inpainting: the UNet reads the mask and the masked picture too
    "tiny-inpaint": {
        "dtype": torch.float16, "merges": 300, "length": 77, "pad": END,
        "text": {"hidden_size": 24, "intermediate_size": 48, "num_hidden_layers": 2,
                 "num_attention_heads": 3,
                 "hidden_act": "quick_gelu"},
        "unet": {"sample_size": 8, "in_channels": 9, "out_channels": 4, "layers_per_block": 1,
                 "block_out_channels": (8, 16, 16), "attention_head_dim": 2, "norm_num_groups": 4,
                 "cross_attention_dim": 24,
                 "down_block_types": ("CrossAttnDownBlock2D",) * 2 + ("DownBlock2D",),
                 "up_block_types": ("UpBlock2D",) + ("CrossAttnUpBlock2D",) * 2},
        "vae": {"block_out_channels": (8, 8, 12, 16), "layers_per_block": 1, "latent_channels": 4,
                "norm_num_groups": 4, "sample_size": 64, "scaling_factor": 0.18215},
        "schedule": {},
    },
    # Odd throughout: two levels, factor 4, three latent channels, linear betas, another number of
    # timesteps
    "tiny-odd": {
        "dtype": torch.bfloat16, "merges": 700, "length": 16, "pad": END,
        "text": {"hidden_size": 30, "intermediate_size": 50, "num_hidden_layers": 2,
                 "num_attention_heads": 5,
                 "hidden_act": "quick_gelu", "layer_norm_eps": 1e-6},
        "unet": {"sample_size": (9, 13), "in_channels": 3, "out_channels": 3,
                 "layers_per_block": (1, 2),
                 "block_out_channels": (12, 30), "attention_head_dim": (4, 6), "norm_num_groups": 3,
                 "norm_eps": 1e-6, "cross_attention_dim": 30,
                 "transformer_layers_per_block": (1, 2),
                 "down_block_types": ("CrossAttnDownBlock2D", "CrossAttnDownBlock2D"),
                 "up_block_types": ("CrossAttnUpBlock2D", "UpBlock2D")},
        "vae": {"block_out_channels": (6, 9, 15), "layers_per_block": 1, "latent_channels": 3,
                "norm_num_groups": 3, "sample_size": 36, "scaling_factor": 0.5},
        "schedule": {"beta_schedule": "linear", "beta_start": 0.0002, "beta_end": 0.02,
                     "num_train_timesteps": 500,
                     "steps_offset": 0, "set_alpha_to_one": True},
    },
}

SCHEDULE = {"_class_name": "DDIMScheduler", "num_train_timesteps": 1000, "beta_start": 0.00085,
            "beta_end": 0.012,
            "beta_schedule": "scaled_linear", "steps_offset": 1, "set_alpha_to_one": False,
            "clip_sample": False,
            "prediction_type": "epsilon"}


def write_json(path, value):
    path.write_text(json.dumps(value, indent=2, ensure_ascii=False) + "\n")


def make_tokenizer(folder, merges, length, pad):
    """The first merges of the published CLIP vocabulary, in the layout of a published tokenizer
    folder."""
    folder.mkdir(parents=True)
    lines = MERGES.read_text().split("\n")[1:merges + 1]
    symbols = list(bytes_to_unicode().values())
    tokens = symbols + [s + "</w>" for s in symbols]
    tokens += [line.replace(" ", "") for line in lines] + [START, END]
    specials = {"bos_token": START, "eos_token": END, "unk_token": END, "pad_token": pad}
    write_json(folder / "vocab.json", {token: i for i, token in enumerate(tokens)})
    (folder / "merges.txt").write_text("#version: 0.2\n" + "\n".join(lines) + "\n")
    write_json(folder / "tokenizer_config.json",
               {"tokenizer_class": "CLIPTokenizer", "model_max_length": length,
                "do_lower_case": True, **specials})
    write_json(folder / "special_tokens_map.json", specials)


def randomise(network, dtype, generator):
    """Weights of a size that keeps activations of order 1, at values that `dtype` holds exactly."""
    for parameter in network.parameters():
        noise = torch.randn(parameter.shape, generator=generator)
        if parameter.ndim > 1:
            parameter.data = noise / parameter[0].numel() ** 0.5
        else:
            parameter.data = parameter.data + 0.1 * noise
        parameter.data = parameter.data.to(dtype).float()
    return network.eval().requires_grad_(False)


def save(network, folder, file, dtype):
    folder.mkdir(parents=True)
    config = network.config
    config = config.to_diff_dict() if hasattr(config, "to_diff_dict") else dict(config)
    write_json(folder / "config.json", config)
    save_file({name: value.to(dtype).contiguous() for name, value in network.state_dict().items()
               if value.dtype.is_floating_point}, folder / file)


def make_model(folder, name):
    """Writes the model and returns its parts for the reference."""
    recipe = MODELS[name]
    shutil.rmtree(folder, ignore_errors=True)
    generator = torch.Generator().manual_seed(sum(name.encode()))
    torch.manual_seed(0)  # the networks' own initial biases
    make_tokenizer(folder / "tokenizer", recipe["merges"], recipe["length"], recipe["pad"])
    tokenizer = CLIPTokenizer.from_pretrained(folder / "tokenizer")
    text = CLIPTextModel(CLIPTextConfig(vocab_size=len(tokenizer),
                                        max_position_embeddings=recipe["length"], **recipe["text"]))
    levels = len(recipe["vae"]["block_out_channels"])
    vae = AutoencoderKL(down_block_types=("DownEncoderBlock2D",) * levels,
                        up_block_types=("UpDecoderBlock2D",) * levels, **recipe["vae"])
    unet = UNet2DConditionModel(**recipe["unet"])
    schedule = {**SCHEDULE, **recipe["schedule"]}
    for network in (text, vae, unet):
        randomise(network, recipe["dtype"], generator)
    save(text, folder / "text_encoder", "model.safetensors", recipe["dtype"])
    save(vae, folder / "vae", "diffusion_pytorch_model.safetensors", recipe["dtype"])
    save(unet, folder / "unet", "diffusion_pytorch_model.safetensors", recipe["dtype"])
    (folder / "scheduler").mkdir()
    write_json(folder / "scheduler/scheduler_config.json", schedule)
    write_json(folder / "model_index.json", {
        "_class_name": "StableDiffusionPipeline", "scheduler": ["diffusers", "DDIMScheduler"],
        "text_encoder": ["transformers", "CLIPTextModel"],
        "tokenizer": ["transformers", "CLIPTokenizer"],
        "unet": ["diffusers", "UNet2DConditionModel"], "vae": ["diffusers", "AutoencoderKL"],
        "safety_checker": [None, None], "feature_extractor": [None, None]})
    return {"tokenizer": tokenizer, "text_encoder": text, "vae": vae, "unet": unet,
            "schedule": schedule}


def read_model(folder):
    """The parts of a model that make_model() wrote."""
    parts = {"text_encoder": CLIPTextModel.from_pretrained(folder / "text_encoder"),
             "vae": AutoencoderKL.from_pretrained(folder / "vae"),
             "unet": UNet2DConditionModel.from_pretrained(folder / "unet")}
    parts = {name: network.float().eval().requires_grad_(False) for name, network in parts.items()}
    schedule = json.loads((folder / "scheduler/scheduler_config.json").read_text())
    return {"tokenizer": CLIPTokenizer.from_pretrained(folder / "tokenizer"), **parts,
            "schedule": {**SCHEDULE, **schedule}}
