"""The three networks, exactly as diffusers and transformers define them, and the noise schedule.

Their sizes stand here and nowhere else.
"""
import torch
from diffusers import AutoencoderKL, DDIMScheduler, UNet2DConditionModel
from safetensors.torch import load_file
from transformers import CLIPTextConfig, CLIPTextModel

LATENT_CHANNELS = 8
FACTOR = 4


def autoencoder(size, scaling_factor=1.0, latent_channels=LATENT_CHANNELS):
    """Factor 4, not 8: at 128 pixels factor 8 blurs. Six groups: fewer than four channels a group
    lose colour."""
    return AutoencoderKL(
        in_channels=3, out_channels=3, latent_channels=latent_channels, sample_size=size,
        down_block_types=("DownEncoderBlock2D",) * 3, up_block_types=("UpDecoderBlock2D",) * 3,
        block_out_channels=(24, 48, 96), layers_per_block=1, norm_num_groups=6,
        scaling_factor=scaling_factor)


def denoiser(size):
    """`attention_head_dim` is the number of heads, as in every published Stable Diffusion 1."""
    return UNet2DConditionModel(
        sample_size=size // FACTOR, in_channels=LATENT_CHANNELS, out_channels=LATENT_CHANNELS,
        down_block_types=("DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"),
        up_block_types=("CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"),
        block_out_channels=(64, 128, 192), layers_per_block=1, norm_num_groups=16,
        cross_attention_dim=128, attention_head_dim=4)


def text_encoder(tokenizer):
    return CLIPTextModel(CLIPTextConfig(
        vocab_size=len(tokenizer), max_position_embeddings=tokenizer.model_max_length,
        hidden_size=128, intermediate_size=512, num_hidden_layers=2, num_attention_heads=4,
        projection_dim=128, hidden_act="quick_gelu", bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id, pad_token_id=tokenizer.pad_token_id))


def scheduler():
    return DDIMScheduler(
        beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear", num_train_timesteps=1000,
        clip_sample=False, set_alpha_to_one=False, steps_offset=1, prediction_type="epsilon")


def exported(folder, part):
    """The weights of one network of a model folder, the reverse of export.py."""
    name = "model" if part == "text_encoder" else "diffusion_pytorch_model"
    weights = load_file(folder / part / f"{name}.safetensors")
    return {key: value.float() for key, value in weights.items()}


def to_tensor(pictures, device="cpu"):
    """Bytes [n, h, w, 3] to floats [n, 3, h, w] in -1 .. 1."""
    batch = torch.as_tensor(pictures, device=device).permute(0, 3, 1, 2).float() / 127.5 - 1
    return batch.contiguous(memory_format=torch.channels_last)
