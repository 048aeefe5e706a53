/* diffedit: the version, errors and models. Part of diffedit.h, which includes it and says what
 * holds of all: errors, arguments, structs with a size, threads. */
#ifndef DIFFEDIT_MODEL_H
#define DIFFEDIT_MODEL_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__)
#define DIFFEDIT_API __attribute__((visibility("default")))
#else
#define DIFFEDIT_API
#endif

#define DIFFEDIT_VERSION_MAJOR 0
#define DIFFEDIT_VERSION_MINOR 1
#define DIFFEDIT_VERSION_PATCH 0

/* The version of the library at run time, "MAJOR.MINOR.PATCH"; static storage. */
DIFFEDIT_API const char *diffedit_version(void);

/* ---- errors ---- */

typedef enum diffedit_status {
    DIFFEDIT_OK = 0,
    DIFFEDIT_ERROR_ARGUMENT,  /* an option or argument is out of range or conflicts with another */
    DIFFEDIT_ERROR_FILE,      /* a file cannot be opened, read or written */
    DIFFEDIT_ERROR_MODEL,     /* a model's files are damaged, incomplete or of an unknown kind */
    DIFFEDIT_ERROR_PICTURE,   /* a picture cannot be decoded, or is larger than allowed */
    DIFFEDIT_ERROR_MEMORY,    /* an allocation failed */
    DIFFEDIT_ERROR_CANCELLED, /* a progress callback asked to stop */
    DIFFEDIT_ERROR_DEVICE,    /* a GPU is missing, cannot do it, or was lost in mid-run */
} diffedit_status;

/* What went wrong: `message` is one sentence, without control characters, that names the file, the
 * thing, what was expected and what was found. Options, fields and arguments are in backquotes:
 * "`steps`: expected a whole number from 1 to 999, found "0"". This struct never changes. */
typedef struct diffedit_error {
    diffedit_status code;
    char message[512];
} diffedit_error;

/* Frees memory that the library handed out as bytes, text or a description; takes NULL. */
DIFFEDIT_API void diffedit_free(void *memory);

/* ---- models ---- */

/* Text encoder, UNet, autoencoder and noise schedule of one Stable Diffusion model. */
typedef struct diffedit_model diffedit_model;

typedef enum diffedit_model_flag {
    /* Prepares each network when it is needed, one at a time: less memory, and pauses. */
    DIFFEDIT_MODEL_LOW_MEMORY = 1,
    /* Uses the last weights where a file also has averaged ones (`model_ema.*`). */
    DIFFEDIT_MODEL_NO_EMA = 2
} diffedit_model_flag;

/* What a UNet predicts: the noise, or the velocity v (Salimans and Ho 2022). */
typedef enum diffedit_prediction {
    DIFFEDIT_PREDICTION_AUTO, /* in settings: as the files say; in info: the files do not say */
    DIFFEDIT_PREDICTION_EPSILON,
    DIFFEDIT_PREDICTION_V
} diffedit_prediction;

/* Where networks run: one of these, or 1 + N for gpu:N. */
typedef int32_t diffedit_device;
enum {
    DIFFEDIT_DEVICE_AUTO = -1, /* the first GPU that the model fits on, else the CPU */
    DIFFEDIT_DEVICE_CPU = 0
};

/* "cpu", "auto", "gpu:0", "gpu:1", ...; NULL for a device that no machine has. Static storage. */
DIFFEDIT_API const char *diffedit_device_name(diffedit_device device);
/* The one of this name; "gpu" is the first GPU. Whether the machine has it shows when a model is
 * opened. Errors: ARGUMENT. */
DIFFEDIT_API diffedit_status diffedit_device_read(diffedit_device *device, const char *name,
                                                  diffedit_error *error);

/* What this machine has to compute on, static storage. The library makes these, so the struct may
 * grow. */
typedef struct diffedit_device_info {
    const char *name;       /* "cpu", "gpu:0"; NULL: a GPU that cannot be used */
    diffedit_device device; /* AUTO: likewise */
    const char *title;      /* "AMD Radeon RX 7600 (RADV NAVI33)" */
    const char *kind;       /* "processor", "discrete GPU", "integrated GPU", "virtual GPU",
                               "software" (the processor plays a GPU), "unknown" */
    int64_t memory;         /* bytes, free or not; 0: unknown */
    const char *family;     /* its fastest kernels: "avx512", ... (docs/KERNELS.md); of a GPU
                               "matrix" or "scalar" (docs/GPU.md) */
    const char *driver;     /* "radv Mesa 24.1.3"; NULL: it needs none */
    const char *problem;    /* why it cannot be used: "its driver is older than Vulkan 1.2"; NULL */
} diffedit_device_info;

/* All of them, [count]: the CPU, the GPUs in the order of their numbers, then those that cannot be
 * used. Asked of the drivers once; static storage. */
DIFFEDIT_API const diffedit_device_info *const *diffedit_devices(size_t *count);
/* Why the machine has no GPU, not even one that cannot be used: one sentence; NULL: it has. */
DIFFEDIT_API const char *diffedit_devices_problem(void);

/* Bytes of a GPU's memory that are free now, as far as its driver says: else all of it. 0 for the
 * CPU, and for a GPU that cannot be used. */
DIFFEDIT_API int64_t diffedit_device_get_room(const diffedit_device_info *info);

/* Called with what is known about a device, by name. */
typedef void (*diffedit_fact_fn)(void *user, const char *name, const char *value);
/* What a report of a bug should say about a device, beside what its info says: limits, shapes of
 * matrices, versions. The names may change. */
DIFFEDIT_API void diffedit_device_facts(const diffedit_device_info *info, diffedit_fact_fn report,
                                        void *user);

/* What the UNet and the autoencoder compute in. */
typedef enum diffedit_arithmetic {
    DIFFEDIT_ARITHMETIC_EXACT, /* float32 */
    /* products of 16-bit integers, on a GPU of 16-bit floats summed in float32: faster, and close
     * to it (docs/KERNELS.md, docs/GPU.md) */
    DIFFEDIT_ARITHMETIC_QUICK
} diffedit_arithmetic;

/* "exact", "quick"; NULL for an unknown one. Static storage. */
DIFFEDIT_API const char *diffedit_arithmetic_name(diffedit_arithmetic arithmetic);
/* The one of this name. Errors: ARGUMENT. */
DIFFEDIT_API diffedit_status diffedit_arithmetic_read(diffedit_arithmetic *arithmetic,
                                                      const char *name, diffedit_error *error);
/* The one that a preset proposes that a model be opened for (NULL: "paper", which is exact, as is
 * an unknown preset). The library opens models exact unless settings say otherwise. */
DIFFEDIT_API diffedit_arithmetic diffedit_preset_arithmetic(const char *preset);

/* A LoRA (Hu et al. 2022) to be added to a model's weights: of linear layers and convolutions
 * (LoCon), of the UNet and the text encoder, in the names of kohya's scripts, diffusers or PEFT. */
typedef struct diffedit_lora {
    size_t struct_size;
    const char *path; /* .safetensors, or a torch checkpoint */
    double weight;    /* any finite number that f32 can hold; 1 is the whole LoRA */
} diffedit_lora;

/* How a model is opened, beyond its path. Zero is the default of each field. */
typedef struct diffedit_model_settings {
    size_t struct_size;
    uint32_t flags;                   /* any of diffedit_model_flag */
    diffedit_prediction prediction;   /* needed where the files do not say */
    const char *vae;                  /* file or folder whose autoencoder is used; NULL: its own */
    const char *text_encoder;         /* file or folder whose text encoder is used; NULL: its own */
    const diffedit_lora *const *lora; /* [lora_count], added to the weights in this order */
    size_t lora_count;
    diffedit_arithmetic arithmetic; /* that the weights are prepared for */
    diffedit_device device;         /* that the networks run on */
} diffedit_model_settings;

/* Opens a Stable Diffusion 1 or 2 model: a folder in the published diffusers layout
 * (model_index.json, tokenizer/, text_encoder/, unet/, vae/, scheduler/), the hub cache's folder of
 * a repository, or one file in the original layout (.safetensors or .ckpt, recognised by content)
 * or as diffedit_model_convert() writes it. `settings` may be NULL. Close the model when every
 * editor that uses it is gone. Errors: ARGUMENT, FILE, MODEL, DEVICE. */
DIFFEDIT_API diffedit_status diffedit_model_open(diffedit_model **model, const char *path,
                                                 const diffedit_model_settings *settings,
                                                 diffedit_error *error);
/* A model with random weights, for measuring time and memory without a file. `shape` is that of a
 * known model: "sd14" (Stable Diffusion 1.x), "sd21" (2.x) or "pocket"; f16 weights, CLIP's
 * vocabulary. Errors: ARGUMENT (unknown shape). */
DIFFEDIT_API diffedit_status diffedit_model_new_random(diffedit_model **model, const char *shape,
                                                       diffedit_error *error);
/* The same as settings say: their flags, arithmetic and device, the other fields being 0. May be
 * NULL. Errors: also DEVICE. */
DIFFEDIT_API diffedit_status diffedit_model_open_random(diffedit_model **model, const char *shape,
                                                        const diffedit_model_settings *settings,
                                                        diffedit_error *error);
/* The names of those shapes, NULL-terminated; static storage. */
DIFFEDIT_API const char *const *diffedit_random_shapes(void);
DIFFEDIT_API void diffedit_model_close(diffedit_model *model);

/* Properties of a model. */
typedef struct diffedit_model_info {
    size_t struct_size;
    int native_width, native_height; /* picture pixels: UNet sample_size x factor */
    int factor;                      /* picture pixels per latent cell, along one side */
    int latent_channels;
    int text_tokens; /* tokens per text, or chunk of one; start and end included */
    int text_width;  /* numbers per token in an embedding */
    int train_timesteps;
    diffedit_prediction prediction; /* AUTO: the files do not say (of an unopened model) */
    int64_t parameters;             /* of the three networks together */
    diffedit_arithmetic arithmetic; /* that it was opened for */
    diffedit_device device;         /* that its networks run on; never AUTO */
    const char *family;             /* of the kernels that they run in, as diffedit_device_info has
                                       it; NULL: it was not opened */
} diffedit_model_info;

DIFFEDIT_API void diffedit_model_get_info(diffedit_model_info *info, const diffedit_model *model);
/* A warning about the weights that were read so far: writes one sentence of up to `size` bytes, its
 * terminator included, and returns 1; or returns 0 and writes an empty text. It names the first
 * tensor with an infinite value or a NaN; otherwise the first that no network uses; otherwise one
 * without an average in a file that has averages of others (`model_ema.*`, of which none is used
 * then). Weights are read when the model is opened, or (LOW_MEMORY) when a network is first used.
 * */
DIFFEDIT_API int diffedit_model_get_warning(char *text, size_t size, const diffedit_model *model);
/* Likewise why DIFFEDIT_DEVICE_AUTO became the CPU; 0 where it did not. */
DIFFEDIT_API int diffedit_model_get_device_reason(char *text, size_t size,
                                                  const diffedit_model *model);
/* Whether the GPU of its networks was lost, in a call that failed or in another model's: every call
 * that computes fails with DEVICE from then on. To go on, free its editors, close it, and open it
 * again. From any thread. */
DIFFEDIT_API int diffedit_model_is_lost(const diffedit_model *model);

/* ---- models as files ---- */

/* Called with one sentence for each problem in a model's files. */
typedef void (*diffedit_problem_fn)(void *user, const char *problem);

/* The networks of a model. */
typedef enum diffedit_part_id {
    DIFFEDIT_PART_TEXT_ENCODER,
    DIFFEDIT_PART_UNET,
    DIFFEDIT_PART_VAE
} diffedit_part_id;

/* What the files contain of one network: tensors that it needs, in the right shape. */
typedef struct diffedit_part_info {
    int present; /* 0: the files have no such network */
    int64_t tensors;
    int64_t parameters;     /* values in them */
    int64_t bytes;          /* in the files */
    int64_t f32, f16, bf16; /* tensors in each precision */
    int64_t f64, f8;        /* likewise; 8 bits: E4M3 and E5M2 together */
} diffedit_part_info;

typedef struct diffedit_model_description {
    const char *layout;              /* "folder in the diffusers layout"; static storage */
    const char *kind;                /* "Stable Diffusion 1"; static storage */
    int inpaints;                    /* 1: the UNet reads a mask */
    const diffedit_model_info *info; /* fields are 0 where the part that says it is missing */
} diffedit_model_description;

/* A LoRA of a description. */
typedef struct diffedit_lora_info {
    const char *path;
    double weight;
    int64_t text_encoder_layers, unet_layers; /* that it changes */
    int64_t least_rank, most_rank;
} diffedit_lora_info;

/* Describes the files of a model without preparing it; the model may be incomplete or damaged. Each
 * problem is reported to `report` (may be NULL). `settings` as in diffedit_model_open().
 * *description is one block, released with diffedit_free(). Errors: ARGUMENT, FILE, MODEL (none).
 */
DIFFEDIT_API diffedit_status diffedit_model_describe(diffedit_model_description **description,
                                                     const char *path,
                                                     const diffedit_model_settings *settings,
                                                     diffedit_problem_fn report, void *user,
                                                     diffedit_error *error);
/* A network of a description, valid as long as the description; NULL for an unknown `part`. */
DIFFEDIT_API const diffedit_part_info *
diffedit_model_description_part(const diffedit_model_description *description,
                                diffedit_part_id part);
/* The LoRA that the settings name at `index`, valid as long as the description; NULL behind the
 * last, or behind one that does not fit. */
DIFFEDIT_API const diffedit_lora_info *
diffedit_model_description_lora(const diffedit_model_description *description, size_t index);
/* Reads all of a model's files, and checks that every config is understood and matches the others,
 * and that every tensor is present, used, finite and of the right shape and type. Reports each
 * problem, and sets *problems to their number. Errors: as above. */
DIFFEDIT_API diffedit_status diffedit_model_check(int64_t *problems, const char *path,
                                                  const diffedit_model_settings *settings,
                                                  diffedit_problem_fn report, void *user,
                                                  diffedit_error *error);

typedef enum diffedit_precision {
    DIFFEDIT_PRECISION_KEPT, /* each tensor keeps its own; but f64 becomes f32, and 8 bits f16, or
                                f32 where they have a scale */
    DIFFEDIT_PRECISION_F16,
    DIFFEDIT_PRECISION_F32
} diffedit_precision;

/* Called repeatedly: `done` of `total` bytes. A return other than 0 cancels. */
typedef int (*diffedit_bytes_fn)(void *user, int64_t done, int64_t total);

/* Writes a model of any layout as one .safetensors file that diffedit_model_open() maps and uses as
 * it is: the tensors that the networks need, under their published names, in their own precision
 * (the model then makes the same pictures, to the last bit) or all in one; configs and tokenizer as
 * the file's metadata. The file appears whole or not at all: it is written as OUTPUT.PID.part and
 * renamed at the end. `progress` may be NULL. Errors: ARGUMENT, FILE, MODEL (a value beyond f16),
 * CANCELLED. */
DIFFEDIT_API diffedit_status diffedit_model_convert(
    const char *path, const diffedit_model_settings *settings, const char *output,
    diffedit_precision precision, diffedit_bytes_fn progress, void *user, diffedit_error *error);

#ifdef __cplusplus
}
#endif

#endif
