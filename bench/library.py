"""libdiffedit from Python, as far as the measurements need it: a model's networks on arrays."""
import ctypes
import os
import pathlib

import numpy as np

SOURCE = pathlib.Path(__file__).resolve().parent.parent
LIBRARY = os.environ.get("DIFFEDIT_LIBRARY", SOURCE / "build/libdiffedit.so")
ARITHMETICS = ["exact", "quick"]


class Settings(ctypes.Structure):  # diffedit_model_settings
    _fields_ = [("struct_size", ctypes.c_size_t), ("flags", ctypes.c_uint32),
                ("prediction", ctypes.c_int), ("vae", ctypes.c_char_p),
                ("text_encoder", ctypes.c_char_p), ("lora", ctypes.c_void_p),
                ("lora_count", ctypes.c_size_t), ("arithmetic", ctypes.c_int),
                ("device", ctypes.c_int)]


class Info(ctypes.Structure):  # diffedit_model_info
    _fields_ = [("struct_size", ctypes.c_size_t)] + [
        (name, ctypes.c_int) for name in ("native_width", "native_height", "factor", "channels",
                                          "text_tokens", "text_width", "train_timesteps",
                                          "prediction")] + [
        ("parameters", ctypes.c_int64), ("arithmetic", ctypes.c_int), ("device", ctypes.c_int),
        ("family", ctypes.c_char_p)]


class Computed(ctypes.Structure):  # diffedit_computed
    _fields_ = [("struct_size", ctypes.c_size_t), ("operations", ctypes.c_double),
                ("device_seconds", ctypes.c_double)]


def at(array):
    assert array.dtype == np.float32 and array.flags.c_contiguous
    return array.ctypes.data_as(ctypes.c_void_p)


class Model:
    """A model folder or file, or one of random weights by the name of its shape. Arrays are those
    of diffedit.h, float32."""

    def __init__(self, path=None, *, shape=None, arithmetic="exact", threads=1, device="cpu"):
        self.library, self.error = ctypes.CDLL(str(LIBRARY)), ctypes.create_string_buffer(4096)
        self.model, self.editor = ctypes.c_void_p(), ctypes.c_void_p()
        settings = Settings(struct_size=ctypes.sizeof(Settings),
                            arithmetic=ARITHMETICS.index(arithmetic))
        chosen = ctypes.c_int()
        self.call("diffedit_device_read", ctypes.byref(chosen), device.encode())
        settings.device = chosen.value
        self.call("diffedit_model_open_random" if shape else "diffedit_model_open",
                  ctypes.byref(self.model), str(shape or path).encode(), ctypes.byref(settings))
        self.call("diffedit_editor_new", ctypes.byref(self.editor), self.model, None)
        self.library.diffedit_editor_set_threads(self.editor, threads)
        self.info = Info(struct_size=ctypes.sizeof(Info))
        self.library.diffedit_model_get_info(ctypes.byref(self.info), self.model)
        self.kernels = self.info.family.decode()

    def call(self, name, *arguments):
        if getattr(self.library, name)(*arguments, self.error):
            raise SystemExit(f"{name}: {self.error.raw[4:].split(bytes(1))[0].decode()}")

    def computed(self):
        """What its networks have computed so far."""
        found = Computed(struct_size=ctypes.sizeof(Computed))
        self.library.diffedit_editor_get_computed(ctypes.byref(found), self.editor)
        return found

    def peak(self, threads):
        """Operations per second that its device reaches at best"""
        reached = ctypes.c_double()
        self.call("diffedit_model_measure_peak", ctypes.byref(reached), self.model, threads)
        return reached.value

    def close(self):
        self.library.diffedit_editor_free(self.editor)
        self.library.diffedit_model_close(self.model)

    def encode_text(self, text):
        embedding = np.zeros((self.info.text_tokens, self.info.text_width), np.float32)
        self.call("diffedit_encode_text", at(embedding), self.editor, text.encode())
        return embedding

    def predict(self, latent, timestep, embedding):
        eps, (_, h, w) = np.zeros_like(latent), latent.shape
        self.call("diffedit_predict_noise", at(eps), self.editor, at(latent), h, w,
                  ctypes.c_double(timestep), at(embedding))
        return eps

    def guided(self, latent, timestep, unconditional, embedding, guidance):
        eps, (_, h, w) = np.zeros_like(latent), latent.shape
        self.call("diffedit_predict_guided", at(eps), self.editor, at(latent), h, w,
                  ctypes.c_double(timestep), at(unconditional), at(embedding),
                  ctypes.c_double(guidance))
        return eps

    def encode(self, pixels):
        _, h, w = pixels.shape
        side = self.info.factor
        latent = np.zeros((self.info.channels, h // side, w // side), np.float32)
        self.call("diffedit_encode_pixels", at(latent), self.editor, at(pixels), h, w)
        return latent

    def decode(self, latent):
        _, h, w = latent.shape
        pixels = np.zeros((3, h * self.info.factor, w * self.info.factor), np.float32)
        self.call("diffedit_decode_latent", at(pixels), self.editor, at(latent), h, w)
        return pixels
