/* The options of the command line: who takes the library's, and what the program adds. */
#include "arguments.h"

#include <string.h>

#define FIELD(name) offsetof(cli_arguments, name)

enum {
    PICTURES = CLI_EDIT | CLI_MASK | CLI_INPAINT | CLI_INVERT, /* who reads one */
    FINDERS = CLI_EDIT | CLI_MASK,                             /* who finds a mask */
    CHANGERS = CLI_EDIT | CLI_INPAINT, /* who changes a picture inside one */
    MAKERS = CHANGERS | CLI_GENERATE,  /* who runs the guided decode */
    ALL = PICTURES | CLI_GENERATE,
    READERS = CLI_MODEL_INFO | CLI_MODEL_CHECK | CLI_MODEL_CONVERT, /* who reads a model's files */
    OPENERS = ALL | READERS,
    ANY = OPENERS | CLI_BENCH | CLI_MODEL_PULL | CLI_SERVE | CLI_BATCH | CLI_WORK | CLI_EVAL |
          CLI_DEVICES
};

static const cli_option table[] = {
    {"from", PICTURES | CLI_BATCH, true, .kind = CLI_LIBRARY},
    {"to", MAKERS | CLI_MASK | CLI_BATCH, true, .kind = CLI_LIBRARY},
    {"output", ALL | CLI_MODEL_CONVERT, true, CLI_TEXT, 'o', FIELD(output), .argument = "FILE",
     .help = "write the result here; its ending selects the format; - is standard output; "
             "required"},
    {"output", CLI_BATCH, true, CLI_TEXT, 'o', FIELD(output), .argument = "DIR",
     .help = "folder of the results, which is made; required"},
    {"output", CLI_EVAL, true, CLI_TEXT, 'o', FIELD(output), .argument = "DIR",
     .help = "write the tables and the page here; else into the batch's own folder"},
    {"columns", CLI_EVAL, true, CLI_TEXTS, 0, FIELD(columns), .argument = "FILE.csv",
     .help = "add the columns of this file; its lines are named by a column id or line; may be "
             "given several times"},
    {"edge", CLI_EVAL, true, CLI_WHOLE, 0, FIELD(edge), 0, 4096, 0, .argument = "PX",
     .shown_default = "0",
     .help = "leave out pixels at most so near to a mask; its soft edge, which is neither inside "
             "nor outside of it"},
    {"model", ALL | CLI_BENCH | CLI_SERVE | CLI_BATCH | CLI_WORK, true, CLI_TEXTS, 'm',
     FIELD(models), .argument = "PATH",
     .help = "model folder or file, or a downloaded OWNER/NAME; else DIFFEDIT_MODEL, else the "
             "pocket model (bench: random weights; serve: may be given several times)"},
    {"format", CLI_BATCH, true, CLI_TEXT, 0, FIELD(format), .argument = "NAME",
     .shown_default = "png", .help = "format of the results; png, jpg, webp or tif"},
    {"limit", CLI_BATCH, true, CLI_WHOLE, 0, FIELD(limit), 0, (int64_t)1 << 40, 0, .argument = "N",
     .shown_default = "0, all", .help = "compute at most N edits now"},
    {"shard", CLI_BATCH, true, CLI_TEXT, 0, FIELD(shard), .argument = "I/N",
     .help = "compute the I-th of N parts of the list; or slurm, or kubernetes, whose array job "
             "says which"},
    {"dry-run", CLI_BATCH, true, CLI_FLAG, 0, FIELD(dry_run),
     .help = "only check the list and its files; say what would be done"},
    {"use-masks", CLI_BATCH, false, CLI_FLAG, 0, FIELD(use_masks),
     .help = "edit with the true mask of a line that gives no mask, instead of finding one"},
    {"stop", CLI_BATCH, true, CLI_FLAG, 0, FIELD(stop), .help = "end at the first edit that fails"},
    {"keep-going", CLI_BATCH, false, CLI_FLAG, 0, FIELD(keep_going),
     .help = "go on when an edit fails, which is what it does without --stop"},
    {"queue", CLI_BATCH, true, CLI_TEXT, 0, FIELD(queue), .argument = "URL",
     .help = "let the workers of a queue in Redis compute the edits; "
             "redis://[USER:PASSWORD@]HOST[:PORT]/NAME; the password may stand in "
             "DIFFEDIT_REDIS_PASSWORD"},
    {"root", CLI_BATCH | CLI_WORK, true, CLI_TEXT, 0, FIELD(root), .argument = "WHERE",
     .help = "what a queue's machines share; a folder, or s3://BUCKET/PREFIX; required with a "
             "queue"},
    {"idle-exit", CLI_WORK, true, CLI_WHOLE, 0, FIELD(idle_exit), 0, 1 << 30, -1, .argument = "N",
     .shown_default = "never", .help = "end after N seconds without anything to do"},
    {"silence", CLI_WORK, false, CLI_WHOLE, 0, FIELD(silence), 2, 86400, 30, .argument = "N",
     .shown_default = "30",
     .help = "take a worker for dead after N seconds without a sign of life; the same for all"},
    {"tries", CLI_WORK, false, CLI_WHOLE, 0, FIELD(tries), 1, 1000, 3, .argument = "N",
     .shown_default = "3", .help = "give up an edit when N workers died over it"},
    {"port", CLI_SERVE, true, CLI_WHOLE, 0, FIELD(port), 0, 65535, 7860, .argument = "N",
     .shown_default = "7860", .help = "listen on this port; 0 is any that is free"},
    {"listen", CLI_SERVE, true, CLI_TEXT, 0, FIELD(listen), .argument = "ADDRESS",
     .shown_default = "127.0.0.1",
     .help = "listen on this address; others than this machine's own need a token, which is made "
             "and shown as a link"},
    {"token", CLI_SERVE, true, CLI_TEXT, 0, FIELD(token), .argument = "TEXT",
     .help = "require this token, of at least 16 letters; else DIFFEDIT_TOKEN, which other users "
             "of the machine do not see"},
    {"host-name", CLI_SERVE, false, CLI_TEXTS, 0, FIELD(host_names), .argument = "NAME",
     .help = "answer to this name too, that of a proxy or of this machine; may be given several "
             "times"},
    {"data", CLI_SERVE, true, CLI_TEXT, 0, FIELD(data), .argument = "DIR",
     .help = "keep pictures, results and history here; else diffedit/edits in XDG_DATA_HOME or "
             "~/.local/share"},
    {"store-limit", CLI_SERVE, true, CLI_TEXT, 0, FIELD(store_limit), .argument = "SIZE",
     .shown_default = "10G",
     .help = "let the data grow to this size; the oldest results that are not kept go first; "
             "bytes, or with K, M, G or T"},
    {"editors", CLI_SERVE, false, CLI_WHOLE, 0, FIELD(editors), 1, 64, 4, .argument = "N",
     .shown_default = "4",
     .help = "keep what was computed of this many pictures; more memory, less to compute again"},
    {"lora", OPENERS | CLI_BENCH | CLI_SERVE | CLI_BATCH | CLI_WORK, true, CLI_LORAS, 0,
     FIELD(loras), .argument = "FILE[=WEIGHT]",
     .help = "add this LoRA to the model; times WEIGHT (default 1); may be given several times"},
    {"mask", CHANGERS, true, CLI_TEXT, 0, FIELD(mask), .argument = "FILE",
     .help = "change where this picture is white; grey >= 50 %; it must have the picture's size"},
    {"correction", FINDERS | CHANGERS, true, CLI_TEXT, 0, FIELD(correction), .argument = "FILE",
     .help = "paint over the mask; opaque white adds to it, opaque black removes from it, and it "
             "stays where this picture is transparent; it must have the picture's size"},
    {"mask-threshold", FINDERS | CLI_BENCH | CLI_BATCH, true, .kind = CLI_LIBRARY},
    {"mask-grow", FINDERS | CHANGERS | CLI_BENCH | CLI_BATCH, true, .kind = CLI_LIBRARY},
    {"ratio", CHANGERS | CLI_INVERT | CLI_BENCH | CLI_BATCH, true, .kind = CLI_LIBRARY},
    {"guidance", ALL | CLI_BENCH | CLI_BATCH, true, .kind = CLI_LIBRARY},
    {"steps", ALL | CLI_BENCH | CLI_BATCH, true, .kind = CLI_LIBRARY},
    {"seed", ALL | CLI_BENCH | CLI_BATCH, true, .kind = CLI_LIBRARY, .argument = "N|random"},
    {"negative", MAKERS | CLI_BATCH, true, .kind = CLI_LIBRARY},
    {"size", ALL | CLI_BENCH | CLI_BATCH, true, .kind = CLI_LIBRARY},
    {"preset", ALL | CLI_BENCH | CLI_BATCH, true, CLI_TEXT, 0, FIELD(preset), .argument = "NAME",
     .shown_default = "paper",
     .help = "paper, fast, lcm, turbo, diffusers, notebook; a set of defaults, applied before "
             "all other options"},
    {"arithmetic", ALL | CLI_BENCH | CLI_BATCH, true, CLI_SETTING, .offset = FIELD(arithmetic),
     .help = "what networks compute in; exact is float32, quick 16 bits (integers, on a GPU "
             "floats), faster and close to it"},
    {"arithmetic", CLI_SERVE, true, CLI_SETTING, .offset = FIELD(arithmetic),
     .shown_default = "each job's",
     .help = "what networks compute in, in all jobs; exact is float32, quick 16 bits (integers, "
             "on a GPU floats), faster and close to it"},
    {"arithmetic", CLI_WORK, true, CLI_SETTING, .offset = FIELD(arithmetic),
     .shown_default = "the batch's",
     .help = "what networks compute in; edits of batches that want the other fail"},
    {"device", ALL | CLI_BENCH | CLI_SERVE | CLI_BATCH | CLI_WORK, true, CLI_DEVICE, 0,
     FIELD(device), .argument = "NAME", .shown_default = "cpu",
     .help = "where networks compute; gpu is the first GPU, gpu:N one that diffedit devices lists, "
             "auto the first that the model fits on, else the CPU; without this option "
             "DIFFEDIT_DEVICE says it"},
    {"mask-out", CHANGERS, true, CLI_TEXT, 0, FIELD(mask_out), .argument = "FILE",
     .help = "write the binary mask, at picture size"},
    {"map-out", FINDERS, true, CLI_TEXT, 0, FIELD(map_out), .argument = "FILE",
     .help = "write the grey map, at picture size"},
    {"sheet", CHANGERS, true, CLI_TEXT, 0, FIELD(sheet), .argument = "FILE",
     .help = "write input, map, mask and result side by side"},
    {"again", ALL, true, CLI_TEXT, 0, FIELD(again), .argument = "FILE",
     .help = "start from the options recorded in this PNG; options given override"},
    {"threads", ALL | CLI_BENCH | CLI_SERVE | CLI_BATCH | CLI_WORK | CLI_EVAL, true, CLI_WHOLE, 'j',
     FIELD(threads), 1, 1024, .argument = "N", .shown_default = "all cores",
     .help = "number of threads; the result does not depend on it"},
    {"json",
     ALL | CLI_BENCH | CLI_MODEL_INFO | CLI_MODEL_CHECK | CLI_BATCH | CLI_EVAL | CLI_DEVICES, true,
     CLI_FLAG, 0, FIELD(json), .help = "print one JSON object on standard output; not with -o -"},
    {"quiet", ALL | CLI_MODEL_CONVERT | CLI_MODEL_PULL | CLI_BATCH | CLI_WORK | CLI_EVAL, true,
     CLI_FLAG, 'q', FIELD(quiet), .help = "do not show progress"},
    {"quiet", CLI_SERVE, true, CLI_FLAG, 'q', FIELD(quiet), .help = "log no line for each request"},
    {"verbose", ALL, false, CLI_FLAG, 'v', FIELD(verbose), .help = "show more progress"},
    {"verbose", CLI_DEVICES, true, CLI_FLAG, 'v', FIELD(verbose),
     .help = "say all that a report of a bug needs"},
    {"low-memory", ALL | CLI_SERVE | CLI_BATCH | CLI_WORK, false, CLI_FLAG, 0, FIELD(low_memory),
     .help = "prepare one network at a time: less memory, more time"},
    {"vae", OPENERS | CLI_SERVE | CLI_BATCH | CLI_WORK, false, CLI_TEXT, 0, FIELD(vae),
     .argument = "PATH", .help = "autoencoder to use instead of the model's; a file or folder"},
    {"text-encoder", OPENERS | CLI_SERVE | CLI_BATCH | CLI_WORK, false, CLI_TEXT, 0,
     FIELD(text_encoder), .argument = "PATH",
     .help = "text encoder to use instead of the model's; a file or folder"},
    {"prediction", OPENERS | CLI_SERVE | CLI_BATCH | CLI_WORK, false, CLI_TEXT, 0,
     FIELD(prediction), .argument = "NAME",
     .help = "what the UNet predicts, v or epsilon; for model files that do not say"},
    {"no-ema", OPENERS | CLI_SERVE | CLI_BATCH | CLI_WORK, false, CLI_FLAG, 0, FIELD(no_ema),
     .help = "use the last weights, not the averaged (EMA) ones, where a file has both"},
    {"precision", CLI_MODEL_CONVERT | CLI_MODEL_PULL, true, CLI_TEXT, 0, FIELD(precision),
     .argument = "NAME",
     .help = "f16 or f32; convert: of every tensor (default: unchanged); pull: files to prefer"},
    {"endpoint", CLI_MODEL_PULL, true, CLI_TEXT, 0, FIELD(endpoint), .argument = "URL",
     .help = "hub to download from; else HF_ENDPOINT, else https://huggingface.co"},
    {"revision", CLI_MODEL_PULL, true, CLI_TEXT, 0, FIELD(revision), .argument = "NAME",
     .shown_default = "main", .help = "branch, tag or commit of the model"},
    {"shape", CLI_BENCH, true, CLI_TEXT, 0, FIELD(shape), .argument = "NAME",
     .shown_default = "sd14",
     .help = "random weights of this shape; sd14, sd21 or pocket; not with --model"},
    {"edit", CLI_BENCH, true, CLI_FLAG, 0, FIELD(edit),
     .help = "time a whole edit instead, stage by stage"},
    {"repeat", CLI_BENCH, true, CLI_WHOLE, 0, FIELD(repeat), 1, 1000, 3, .argument = "N",
     .shown_default = "3", .help = "measure N times; the median is reported"},
    {"prompt-syntax", ALL | CLI_BENCH | CLI_BATCH, false, .kind = CLI_LIBRARY},
    {"rng", ALL | CLI_BENCH | CLI_BATCH, false, .kind = CLI_LIBRARY},
    {"guidance-kind", ALL | CLI_BENCH | CLI_BATCH, false, .kind = CLI_LIBRARY},
    {"scheduler", ALL | CLI_BENCH | CLI_BATCH, false, .kind = CLI_LIBRARY},
    {"spacing", ALL | CLI_BENCH | CLI_BATCH, false, .kind = CLI_LIBRARY},
    {"encode", CHANGERS | CLI_BENCH | CLI_BATCH, false, .kind = CLI_LIBRARY},
    {"encode-guidance", CHANGERS | CLI_INVERT | CLI_BENCH | CLI_BATCH, false, .kind = CLI_LIBRARY},
    {"background", CHANGERS | CLI_BENCH | CLI_BATCH, false, .kind = CLI_LIBRARY},
    {"posterior", PICTURES | CLI_BENCH | CLI_BATCH, false, .kind = CLI_LIBRARY},
    {"mask-method", FINDERS | CLI_BENCH | CLI_BATCH, false, .kind = CLI_LIBRARY},
    {"mask-noise-level", FINDERS | CLI_BENCH | CLI_BATCH, false, .kind = CLI_LIBRARY},
    {"mask-samples", FINDERS | CLI_BENCH | CLI_BATCH, false, .kind = CLI_LIBRARY},
    {"mask-limit", FINDERS | CLI_BENCH | CLI_BATCH, false, .kind = CLI_LIBRARY},
    {"mask-filter", FINDERS | CLI_BENCH | CLI_BATCH, false, .kind = CLI_LIBRARY},
    {"mask-fill", FINDERS | CLI_BENCH | CLI_BATCH, false, .kind = CLI_LIBRARY},
    {"mask-refine", FINDERS | CLI_BENCH | CLI_BATCH, false, .kind = CLI_LIBRARY},
    {"mask-blur", CHANGERS | CLI_BENCH | CLI_BATCH, false, .kind = CLI_LIBRARY},
    {"map-in", FINDERS, false, CLI_TEXT, 0, FIELD(map_in), .argument = "FILE.npy",
     .help = "reuse a map written by --stages; another threshold then costs no evaluation"},
    {"composite", CHANGERS | CLI_BENCH | CLI_BATCH, false, .kind = CLI_LIBRARY},
    {"feather", CHANGERS | CLI_BENCH | CLI_BATCH, false, .kind = CLI_LIBRARY},
    {"region", CHANGERS | CLI_BENCH | CLI_BATCH, true, .kind = CLI_LIBRARY},
    {"region-margin", CHANGERS | CLI_BENCH | CLI_BATCH, false, .kind = CLI_LIBRARY},
    {"max-pixels", PICTURES | CLI_SERVE | CLI_BATCH | CLI_WORK | CLI_EVAL, false, CLI_WHOLE, 0,
     FIELD(max_pixels), 1, (int64_t)1 << 40, DIFFEDIT_MAX_PIXELS_DEFAULT, .argument = "N",
     .shown_default = "2^28", .help = "refuse larger pictures, before they are decoded"},
    {"quality", (ALL & ~CLI_INVERT) | CLI_BATCH, false, CLI_WHOLE, 0, FIELD(quality), 1, 100, 95,
     .argument = "Q", .shown_default = "95",
     .help = "quality of JPEG (4:4:4) and WebP; 100 is lossless for WebP"},
    {"no-parameters", (ALL & ~CLI_INVERT) | CLI_BATCH, false, CLI_FLAG, 0, FIELD(no_parameters),
     .help = "do not record the options in the output"},
    {"stages", ALL, true, CLI_TEXT, 0, FIELD(stages), .argument = "DIR",
     .help = "write every intermediate result into this folder; arrays as .npy, and pictures"},
    {"force", PICTURES, false, CLI_FLAG, 0, FIELD(force), .help = "allow overwriting the input"},
    {"help", ANY, false, CLI_FLAG, 'h', FIELD(help), .help = "show the main options"},
    {"help-all", ANY, false, CLI_FLAG, 0, FIELD(help_all), .help = "show all options"},
};

enum { ROWS = sizeof table / sizeof table[0] };

const cli_option *cli_option_table(size_t *count)
{
    *count = ROWS;
    return table;
}

const diffedit_option *cli_library_row(const cli_option *option)
{
    return option->kind == CLI_SETTING ? diffedit_arithmetic_option()
                                       : diffedit_option_find(option->name);
}

bool cli_presets_differ(const diffedit_option *row)
{
    const char *first = diffedit_option_default(row, NULL);
    bool differ = false;
    for (const char *const *preset = diffedit_presets(); *preset && first; preset++)
        differ |= strcmp(first, diffedit_option_default(row, *preset)) != 0;
    return differ;
}

bool cli_takes(const cli_command *command, const char *name)
{
    for (size_t i = 0; i < ROWS; i++)
        if (strcmp(table[i].name, name) == 0 && table[i].commands & command->bit)
            return true;
    return false;
}

/* name[length], in which the library may write _ for - */
static bool is_option(const char *name, size_t length)
{
    for (size_t i = 0; i < ROWS; i++) {
        const char *known = table[i].name;
        size_t same = 0;
        while (same < length &&
               (known[same] == name[same] || (known[same] == '-' && name[same] == '_')))
            same++;
        if (same == length && known[same] == '\0')
            return true;
    }
    return false;
}

/* Every `PREFIXname` of an option becomes --name. */
static void add_dashes(char *message, const char *prefix)
{
    size_t skipped = 1 + strlen(prefix);
    for (char *open = strchr(message, '`'); open; open = strchr(open + 1, '`')) {
        char *close = strchr(open + 1, '`');
        if (!close)
            return;
        if (strncmp(open + 1, prefix, skipped - 1) != 0 ||
            !is_option(open + skipped, (size_t)(close - open) - skipped)) {
            open = close;
            continue;
        }
        char *end = open + 2 + (close - open - (ptrdiff_t)skipped);
        memmove(open + 2, open + skipped, (size_t)(end - open) - 2);
        memcpy(open, "--", 2);
        memmove(end, close + 1, strlen(close + 1) + 1);
        for (char *at = open; at < end; at++)
            *at = *at == '_' ? '-' : *at;
        open = end - 1;
    }
}

void cli_add_dashes(char *message)
{
    add_dashes(message, "");
    cli_add_dashes_to_settings(message);
}

void cli_add_dashes_to_settings(char *message)
{
    add_dashes(message, "settings.");
}
