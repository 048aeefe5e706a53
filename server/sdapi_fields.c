#include "sdapi_fields.h"

#include "common/error.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/random.h>

const sdapi_sampler sdapi_samplers[] = {{"Euler a", "euler-a", "linspace", "k_euler_a"},
                                        {"Euler", "ddim", "linspace", "k_euler"}, /* the same */
                                        {"DPM++ 2M", "dpm++2m", "karras", "k_dpmpp_2m"},
                                        {"DPM++ 2M Karras", "dpm++2m", "karras", NULL},
                                        {"LMS", "lms", "linspace", "k_lms"},
                                        {"DDIM", "ddim", "leading", NULL},
                                        {"LCM", "lcm", "trailing", "k_lcm"},
                                        {NULL, NULL, NULL, NULL}};

const sdapi_scheduler sdapi_schedulers[] = {
    {"automatic", "Automatic", NULL},   {"karras", "Karras", "karras"},
    {"uniform", "Uniform", "linspace"}, {"sgm_uniform", "SGM Uniform", "trailing"},
    {"ddim", "DDIM", "leading"},        {NULL, NULL, NULL}};

/* ---- fields that change nothing here, or must not change anything ---- */

typedef enum field_kind {
    HONOURED,   /* read below */
    WITHOUT,    /* any value: it says what no request to this server depends on */
    WITHOUT_HR, /* likewise while enable_hr is false */
    NEUTRAL     /* only the values in `neutral` and what is empty: null, false, 0, "", [], {} */
} field_kind;

typedef struct field {
    const char *name;
    field_kind kind;
    const char *neutral; /* JSON, an array of values */
} field;

static const field fields[] = {
    {"prompt", HONOURED, NULL},
    {"negative_prompt", HONOURED, NULL},
    {"seed", HONOURED, NULL},
    {"steps", HONOURED, NULL},
    {"cfg_scale", HONOURED, NULL},
    {"width", HONOURED, NULL},
    {"height", HONOURED, NULL},
    {"batch_size", HONOURED, NULL},
    {"n_iter", HONOURED, NULL},
    {"sampler_name", HONOURED, NULL},
    {"sampler_index", HONOURED, NULL},
    {"scheduler", HONOURED, NULL},
    {"override_settings", HONOURED, NULL},
    {"send_images", HONOURED, NULL},
    {"init_images", HONOURED, NULL},
    {"denoising_strength", HONOURED, NULL},
    {"resize_mode", HONOURED, NULL},
    {"mask", HONOURED, NULL},
    {"mask_blur", HONOURED, NULL},
    {"inpainting_fill", HONOURED, NULL},
    {"inpaint_full_res", HONOURED, NULL},
    {"inpaint_full_res_padding", HONOURED, NULL},
    {"inpainting_mask_invert", HONOURED, NULL},
    {"include_init_images", HONOURED, NULL},
    {"save_images", WITHOUT, NULL},
    {"do_not_save_samples", WITHOUT, NULL},
    {"do_not_save_grid", WITHOUT, NULL},
    {"override_settings_restore_afterwards", WITHOUT, NULL},
    {"force_task_id", WITHOUT, NULL},
    {"image_cfg_scale", WITHOUT, NULL}, /* of instruct-pix2pix models, which are not opened */
    {"eta", NEUTRAL, "[0, 1]"},         /* each sampler has its own: DDIM 0, Euler a 1 */
    {"s_churn", NEUTRAL, "[0]"},
    {"s_tmin", NEUTRAL, "[0]"},
    {"s_tmax", NEUTRAL, "[0]"},
    {"s_noise", NEUTRAL, "[1]"},
    {"s_min_uncond", NEUTRAL, "[0]"},
    {"subseed", WITHOUT, NULL},
    {"subseed_strength", NEUTRAL, "[0]"},
    {"seed_resize_from_h", NEUTRAL, "[-1, 0]"},
    {"seed_resize_from_w", NEUTRAL, "[-1, 0]"},
    {"initial_noise_multiplier", NEUTRAL, "[1]"},
    {"mask_round", NEUTRAL, "[true]"},
    {"enable_hr", NEUTRAL, "[false]"},
    {"hr_scale", WITHOUT_HR, NULL},
    {"hr_upscaler", WITHOUT_HR, NULL},
    {"hr_second_pass_steps", WITHOUT_HR, NULL},
    {"hr_resize_x", WITHOUT_HR, NULL},
    {"hr_resize_y", WITHOUT_HR, NULL},
    {"hr_checkpoint_name", WITHOUT_HR, NULL},
    {"hr_sampler_name", WITHOUT_HR, NULL},
    {"hr_scheduler", WITHOUT_HR, NULL},
    {"hr_prompt", WITHOUT_HR, NULL},
    {"hr_negative_prompt", WITHOUT_HR, NULL},
};

static bool is_empty(const json_t *value)
{
    return !json_is_true(value) && (json_is_null(value) || json_is_false(value) ||
                                    (json_is_string(value) && json_string_length(value) == 0) ||
                                    (json_is_array(value) && json_array_size(value) == 0) ||
                                    (json_is_object(value) && json_object_size(value) == 0) ||
                                    (json_is_number(value) && json_number_value(value) == 0));
}

static bool same(const json_t *a, const json_t *b)
{
    if (json_is_number(a) && json_is_number(b))
        return json_number_value(a) == json_number_value(b);
    return json_equal(a, b);
}

static bool is_neutral(const char *neutral, const json_t *value)
{
    json_t *values = neutral ? json_loads(neutral, 0, NULL) : NULL;
    bool found = false;
    size_t i;
    json_t *each;
    json_array_foreach (values, i, each)
        found |= same(each, value);
    json_decref(values);
    return found;
}

static const field *find_field(const char *name)
{
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++)
        if (strcmp(fields[i].name, name) == 0)
            return &fields[i];
    return NULL;
}

/* Scripts that run always: each with {"args": [...]}; what is switched off has false there. */
static diffedit_status check_scripts(const json_t *scripts, diffedit_error *error)
{
    const char *name;
    json_t *script;
    json_object_foreach ((json_t *)scripts, name, script) {
        const json_t *arguments = json_object_get(script, "args");
        bool off = json_array_size(arguments) > 0 ? is_empty(json_array_get(arguments, 0))
                                                  : !arguments || is_empty(arguments);
        if (!off)
            return de_fail(error, DIFFEDIT_ERROR_ARGUMENT,
                           "alwayson_scripts: \"%.60s\" is not supported; this server runs no "
                           "scripts",
                           name);
    }
    return DIFFEDIT_OK;
}

static diffedit_status check_field(const char *name, const json_t *value, diffedit_error *error)
{
    if (strcmp(name, "alwayson_scripts") == 0 && json_is_object(value))
        return check_scripts(value, error);
    const field *known = find_field(name);
    if (known && known->kind != NEUTRAL)
        return DIFFEDIT_OK;
    if (is_empty(value) || (known && is_neutral(known->neutral, value)))
        return DIFFEDIT_OK;
    return de_fail(error, DIFFEDIT_ERROR_ARGUMENT, "%.60s: this server does not support it%s%s",
                   name, known ? "; expected one of " : "", known ? known->neutral : "");
}

diffedit_status sdapi_read_settings(const char **model, const json_t *settings,
                                    diffedit_error *error)
{
    static const field known[] = {{"CLIP_stop_at_last_layers", NEUTRAL, "[1]"},
                                  {"samples_format", NEUTRAL, "[\"png\"]"},
                                  {"save_images_add_number", WITHOUT, NULL},
                                  {"samples_save", WITHOUT, NULL},
                                  {"grid_save", WITHOUT, NULL},
                                  {"sd_vae", NEUTRAL, "[\"Automatic\", \"None\"]"}};
    const char *name;
    json_t *value;
    json_object_foreach ((json_t *)settings, name, value) {
        bool fine = is_empty(value);
        if (strcmp(name, "sd_model_checkpoint") == 0 && !json_is_null(value)) {
            if (!json_is_string(value))
                return de_fail(error, DIFFEDIT_ERROR_ARGUMENT, "%s: expected a name", name);
            *model = fine ? *model : json_string_value(value);
            continue;
        }
        for (size_t i = 0; i < sizeof known / sizeof *known && !fine; i++)
            fine = strcmp(known[i].name, name) == 0 &&
                   (known[i].kind == WITHOUT || is_neutral(known[i].neutral, value));
        if (!fine)
            return de_fail(error, DIFFEDIT_ERROR_ARGUMENT,
                           "%.60s: this server has no such setting to change; it has "
                           "sd_model_checkpoint",
                           name);
    }
    return DIFFEDIT_OK;
}

/* ---- fields that are honoured ---- */

/* The field's number, or `initial` where it is missing or null. Errors: ARGUMENT. */
static diffedit_status read_number(double *number, const json_t *body, const char *name,
                                   double initial, double least, double most, diffedit_error *error)
{
    const json_t *value = json_object_get(body, name);
    *number = initial;
    if (!value || json_is_null(value))
        return DIFFEDIT_OK;
    if (json_is_number(value))
        *number = json_number_value(value);
    else if (json_is_boolean(value))
        *number = json_is_true(value);
    if ((json_is_number(value) || json_is_boolean(value)) && *number >= least && *number <= most)
        return DIFFEDIT_OK;
    return de_fail(error, DIFFEDIT_ERROR_ARGUMENT, "%s: expected a number from %g to %g", name,
                   least, most);
}

static diffedit_status read_int(int *number, const json_t *body, const char *name, int initial,
                                int least, int most, diffedit_error *error)
{
    double value;
    diffedit_status status = read_number(&value, body, name, initial, least, most, error);
    if (status == DIFFEDIT_OK && value != floor(value))
        return de_fail(error, DIFFEDIT_ERROR_ARGUMENT, "%s: expected a whole number", name);
    *number = (int)value;
    return status;
}

static diffedit_status read_flag(bool *flag, const json_t *body, const char *name, bool initial,
                                 diffedit_error *error)
{
    int value;
    diffedit_status status = read_int(&value, body, name, initial, 0, 1, error);
    *flag = value;
    return status;
}

static diffedit_status read_text(const char **text, const json_t *body, const char *name,
                                 const char *initial, diffedit_error *error)
{
    const json_t *value = json_object_get(body, name);
    *text = initial;
    if (!value || json_is_null(value))
        return DIFFEDIT_OK;
    *text = json_string_value(value);
    return *text ? DIFFEDIT_OK
                 : de_fail(error, DIFFEDIT_ERROR_ARGUMENT, "%s: expected a text", name);
}

/* A text to draw. The web UI's own syntax for networks to load stays out of it. */
static diffedit_status read_prompt(const char **text, const json_t *body, const char *name,
                                   diffedit_error *error)
{
    static const char *const networks[] = {"<lora:", "<lyco:", "<hypernet:"};
    diffedit_status status = read_text(text, body, name, "", error);
    for (size_t i = 0; i < sizeof networks / sizeof *networks && status == DIFFEDIT_OK; i++)
        if (strstr(*text, networks[i]))
            status = de_fail(error, DIFFEDIT_ERROR_ARGUMENT,
                             "%s: %s...> is not supported; start the server with --lora", name,
                             networks[i]);
    return status;
}

static diffedit_status set(json_t *options, const char *name, const char *value,
                           diffedit_error *error)
{
    return json_object_set_new(options, name, json_string(value)) == 0
               ? DIFFEDIT_OK
               : de_fail_memory(error, strlen(value), "an option");
}

static diffedit_status set_number(json_t *options, const char *name, double value,
                                  diffedit_error *error)
{
    char text[32];
    snprintf(text, sizeof text, "%.17g", value);
    return set(options, name, text, error);
}

static const sdapi_sampler *find_sampler(const char *name)
{
    for (const sdapi_sampler *each = sdapi_samplers; each->name; each++)
        if (strcasecmp(each->name, name) == 0 || (each->alias && strcmp(each->alias, name) == 0))
            return each;
    return NULL;
}

static const sdapi_scheduler *find_scheduler(const char *name)
{
    for (const sdapi_scheduler *each = sdapi_schedulers; each->name; each++)
        if (strcasecmp(each->name, name) == 0 || strcasecmp(each->label, name) == 0)
            return each;
    return NULL;
}

static diffedit_status read_sampler(sdapi_wish *wish, const json_t *body, diffedit_error *error)
{
    const char *named, *older, *spacing;
    diffedit_status status = read_text(&older, body, "sampler_index", "Euler a", error);
    if (status == DIFFEDIT_OK)
        status = read_text(&named, body, "sampler_name", older, error);
    if (status == DIFFEDIT_OK)
        status = read_text(&spacing, body, "scheduler", "automatic", error);
    if (status != DIFFEDIT_OK)
        return status;
    const sdapi_sampler *sampler = find_sampler(named);
    const sdapi_scheduler *scheduler = find_scheduler(spacing);
    if (!sampler)
        return de_fail(error, DIFFEDIT_ERROR_ARGUMENT,
                       "sampler_name: expected one of /sdapi/v1/samplers, found \"%.60s\"", named);
    if (!scheduler)
        return de_fail(error, DIFFEDIT_ERROR_ARGUMENT,
                       "scheduler: expected one of /sdapi/v1/schedulers, found \"%.60s\"", spacing);
    wish->sampler = sampler;
    status = set(wish->options, "scheduler", sampler->scheduler, error);
    if (status == DIFFEDIT_OK)
        status = set(wish->options, "spacing",
                     scheduler->spacing ? scheduler->spacing : sampler->spacing, error);
    return status;
}

/* -1 is a seed of 32 bits, drawn anew, as clients expect of it. */
static diffedit_status read_seed(uint64_t *seed, const json_t *body, diffedit_error *error)
{
    const json_t *value = json_object_get(body, "seed");
    int64_t number = -1;
    if (value && !json_is_null(value)) {
        if (!json_is_integer(value) || json_integer_value(value) < -1)
            return de_fail(error, DIFFEDIT_ERROR_ARGUMENT,
                           "seed: expected a whole number, or -1 for one drawn at random");
        number = json_integer_value(value);
    }
    *seed = (uint64_t)number;
    if (number >= 0)
        return DIFFEDIT_OK;
    uint32_t drawn;
    if (getrandom(&drawn, sizeof drawn, 0) != sizeof drawn)
        return de_fail(error, DIFFEDIT_ERROR_FILE, "seed: the system gave no random number");
    *seed = drawn;
    return DIFFEDIT_OK;
}

static diffedit_status read_count(sdapi_wish *wish, const json_t *body, diffedit_error *error)
{
    int batch, batches;
    diffedit_status status = read_int(&batch, body, "batch_size", 1, 1, SDAPI_PICTURES, error);
    if (status == DIFFEDIT_OK)
        status = read_int(&batches, body, "n_iter", 1, 1, SDAPI_PICTURES, error);
    if (status != DIFFEDIT_OK)
        return status;
    wish->pictures = batch * batches;
    if (wish->pictures > SDAPI_PICTURES)
        return de_fail(error, DIFFEDIT_ERROR_ARGUMENT,
                       "batch_size times n_iter: expected at most %d pictures, found %d",
                       (int)SDAPI_PICTURES, wish->pictures);
    return DIFFEDIT_OK;
}

static diffedit_status read_common(sdapi_wish *wish, const json_t *body, diffedit_error *error)
{
    enum { MOST_STEPS = 999, MOST_GUIDANCE = 100 };
    diffedit_status status = read_prompt(&wish->to, body, "prompt", error);
    if (status == DIFFEDIT_OK)
        status = read_prompt(&wish->negative, body, "negative_prompt", error);
    if (status == DIFFEDIT_OK)
        status = read_seed(&wish->seed, body, error);
    if (status == DIFFEDIT_OK)
        status = read_count(wish, body, error);
    if (status == DIFFEDIT_OK)
        status = read_int(&wish->width, body, "width", 512, 8, SDAPI_SIDE, error);
    if (status == DIFFEDIT_OK)
        status = read_int(&wish->height, body, "height", 512, 8, SDAPI_SIDE, error);
    if (status == DIFFEDIT_OK)
        status = read_int(&wish->steps, body, "steps", 20, 1, MOST_STEPS, error);
    if (status == DIFFEDIT_OK)
        status = read_number(&wish->guidance, body, "cfg_scale", 7, -MOST_GUIDANCE, MOST_GUIDANCE,
                             error);
    if (status == DIFFEDIT_OK)
        status = read_flag(&wish->send_images, body, "send_images", true, error);
    if (status == DIFFEDIT_OK)
        status = read_sampler(wish, body, error);
    const json_t *settings = json_object_get(body, "override_settings");
    if (status == DIFFEDIT_OK && json_is_object(settings))
        status = sdapi_read_settings(&wish->model, settings, error);
    return status;
}

static diffedit_status set_common(sdapi_wish *wish, diffedit_error *error)
{
    char size[32];
    snprintf(size, sizeof size, "%dx%d", wish->width, wish->height);
    diffedit_status status = set_number(wish->options, "steps", wish->steps, error);
    if (status == DIFFEDIT_OK)
        status = set_number(wish->options, "guidance", wish->guidance, error);
    if (status == DIFFEDIT_OK)
        status = set(wish->options, "prompt-syntax", "weighted", error);
    if (status == DIFFEDIT_OK)
        status = set(wish->options, "size", size, error);
    return status;
}

static diffedit_status read_picture(sdapi_wish *wish, const json_t *body, diffedit_error *error)
{
    const json_t *images = json_object_get(body, "init_images");
    if (json_array_size(images) != 1 || !json_is_string(json_array_get(images, 0)))
        return de_fail(error, DIFFEDIT_ERROR_ARGUMENT,
                       "init_images: expected a list of one picture in base64");
    wish->image = json_string_value(json_array_get(images, 0));
    int resize;
    diffedit_status status = read_text(&wish->mask, body, "mask", NULL, error);
    if (status == DIFFEDIT_OK)
        status = read_int(&resize, body, "resize_mode", SDAPI_STRETCH, SDAPI_STRETCH, SDAPI_PAD,
                          error);
    if (status == DIFFEDIT_OK)
        status = read_flag(&wish->include_images, body, "include_init_images", false, error);
    if (status == DIFFEDIT_OK)
        wish->resize = (sdapi_resize)resize;
    return status;
}

/* What is known of a mask, into the options of the composite. */
static diffedit_status read_mask(sdapi_wish *wish, const json_t *body, diffedit_error *error)
{
    enum { FILL = 0, ORIGINAL = 1, MOST_BLUR = 64, MOST_PADDING = 4096 };
    int padding, fill;
    double blur;
    diffedit_status status = read_flag(&wish->only_masked, body, "inpaint_full_res", true, error);
    if (status == DIFFEDIT_OK)
        status = read_flag(&wish->invert_mask, body, "inpainting_mask_invert", false, error);
    if (status == DIFFEDIT_OK)
        status = read_int(&padding, body, "inpaint_full_res_padding", 0, 0, MOST_PADDING, error);
    if (status == DIFFEDIT_OK)
        status = read_int(&fill, body, "inpainting_fill", FILL, FILL, ORIGINAL, error);
    if (status == DIFFEDIT_OK)
        status = read_number(&blur, body, "mask_blur", 4, 0, MOST_BLUR, error);
    if (status != DIFFEDIT_OK)
        return status;
    wish->fill = fill == FILL;
    /* there a Gaussian's sigma, here twice that */
    status = set_number(wish->options, "mask-blur", 2 * blur, error);
    if (status == DIFFEDIT_OK)
        status = set(wish->options, "feather", "0", error);
    if (status == DIFFEDIT_OK)
        status = set(wish->options, "composite", "pixel", error);
    if (status != DIFFEDIT_OK || !wish->only_masked)
        return status;
    status = set(wish->options, "region", "crop", error);
    return status == DIFFEDIT_OK ? set_number(wish->options, "region-margin", padding, error)
                                 : status;
}

/* Image to image starts from the picture with noise added, inside the mask and outside. The web UI
 * takes one step more than its share of them (setup_img2img_steps()). */
static diffedit_status read_edit(sdapi_wish *wish, const json_t *body, diffedit_error *error)
{
    static const double most = 0.999;
    double strength;
    diffedit_status status = read_picture(wish, body, error);
    if (status == DIFFEDIT_OK)
        status = read_number(&strength, body, "denoising_strength", 0.75, 0, 1, error);
    if (status != DIFFEDIT_OK)
        return status;
    double taken = floor(fmin(strength, most) * wish->steps) + 1;
    wish->from_noise = strength == 1;
    status = set_number(wish->options, "ratio", taken / wish->steps, error);
    if (status == DIFFEDIT_OK)
        status = set(wish->options, "encode", "none", error);
    if (status == DIFFEDIT_OK)
        status = set(wish->options, "background", "same", error);
    if (status != DIFFEDIT_OK)
        return status;
    return wish->mask ? read_mask(wish, body, error)
                      : set(wish->options, "composite", "latent", error);
}

static diffedit_status check_fields(const json_t *body, diffedit_error *error)
{
    const char *name;
    json_t *value;
    diffedit_status status = DIFFEDIT_OK;
    json_object_foreach ((json_t *)body, name, value) {
        status = check_field(name, value, error);
        if (status != DIFFEDIT_OK)
            return status;
    }
    return status;
}

diffedit_status sdapi_read_wish(sdapi_wish *wish, const json_t *body, bool has_picture,
                                diffedit_error *error)
{
    *wish = (sdapi_wish){.options = json_object()};
    if (!wish->options)
        return de_fail_memory(error, sizeof *wish, "a request");
    diffedit_status status = check_fields(body, error);
    if (status == DIFFEDIT_OK)
        status = read_common(wish, body, error);
    if (status == DIFFEDIT_OK)
        status = set_common(wish, error);
    if (status == DIFFEDIT_OK && has_picture)
        status = read_edit(wish, body, error);
    if (status != DIFFEDIT_OK)
        sdapi_wish_free(wish);
    return status;
}

void sdapi_wish_free(sdapi_wish *wish)
{
    json_decref(wish->options);
    *wish = (sdapi_wish){0};
}
