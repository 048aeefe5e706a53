/* The hub's answers, without a hub: which files a list makes us want, and what is refused. */
#include "cli/hub.h"
#include "scratch.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define COMMIT "0123456789abcdef0123456789abcdef01234567"
#define SHA256 COMMIT "0123456789abcdef01234567"
#define URL "https://hub/list"

static const cli_server SERVER = {.endpoint = "https://hub", .model = "own/name"};

/* ---- lists ---- */

#define EMPTY_LIST "{\"sha\": \"" COMMIT "\", \"siblings\": []}"
#define NAMES(...) ((const char *const[]){__VA_ARGS__, NULL})
#define UNET "unet/diffusion_pytorch_model"

/* All of a model but the UNet's weights. */
static const char *const BESIDE_UNET[] = {"model_index.json",
                                          "scheduler/scheduler_config.json",
                                          "tokenizer/vocab.json",
                                          "tokenizer/merges.txt",
                                          "tokenizer/tokenizer_config.json",
                                          "text_encoder/config.json",
                                          "unet/config.json",
                                          "vae/config.json",
                                          "text_encoder/model.safetensors",
                                          "vae/diffusion_pytorch_model.safetensors",
                                          NULL};
static const char *const NOTHING[] = {NULL};

/* As the hub lists a file: weights are in its large storage, under SHA-256; all else is in git. */
static json_t *listed_file(const char *name)
{
    const char *ending = strrchr(name, '.');
    bool large = ending && (!strcmp(ending, ".safetensors") || !strcmp(ending, ".bin"));
    json_t *file = json_pack("{s:s, s:i, s:s}", "rfilename", name, "size", large ? 134 : 12,
                             "blobId", COMMIT);
    if (large)
        json_object_set_new(
            file, "lfs", json_pack("{s:I, s:s}", "size", (json_int_t)5000000000, "sha256", SHA256));
    return file;
}

/* The hub's answer that lists two rows of names; freed by the caller. */
static char *list_of(const char *const *names, const char *const *more)
{
    json_t *files = json_array();
    for (; *names; names++)
        json_array_append_new(files, listed_file(*names));
    for (; *more; more++)
        json_array_append_new(files, listed_file(*more));
    json_t *answer = json_pack("{s:s, s:o}", "sha", COMMIT, "siblings", files);
    char *text = json_dumps(answer, JSON_ENSURE_ASCII);
    json_decref(answer);
    assert_non_null(text);
    return text;
}

static diffedit_status read_list(cli_hub *hub, const char *list, diffedit_error *error)
{
    return cli_hub_read_list(hub, SERVER, list, URL, error);
}

static void expect_list_refused(const char *list, const char *sentence)
{
    cli_hub hub;
    diffedit_error error = {.message = ""};
    diffedit_status status = read_list(&hub, list, &error);
    if (status == DIFFEDIT_OK)
        status = cli_hub_choose(&hub, false, &error);
    assert_int_equal(status, DIFFEDIT_ERROR_FILE);
    assert_string_equal(error.message, sentence);
    cli_hub_close(&hub);
}

static void expect_refused(const char *const *names, const char *const *more, const char *sentence)
{
    char *list = list_of(names, more);
    expect_list_refused(list, sentence);
    free(list);
}

/* A hub with this list, of which nothing is chosen. */
static cli_hub open_list(const char *const *names, const char *const *more)
{
    cli_hub hub;
    diffedit_error error;
    char *list = list_of(names, more);
    if (read_list(&hub, list, &error) != DIFFEDIT_OK)
        fail_msg("%s", error.message);
    free(list);
    return hub;
}

static cli_hub choose(const char *const *beside_unet, const char *const *more, bool prefer_f16)
{
    diffedit_error error;
    cli_hub hub = open_list(beside_unet, more);
    if (cli_hub_choose(&hub, prefer_f16, &error) != DIFFEDIT_OK)
        fail_msg("%s", error.message);
    return hub;
}

/* ---- reading ---- */

static void test_answers_that_are_no_list(void **state)
{
    static const char *const answers[] = {
        "",
        "{",
        "[]",
        "null",
        "{}",
        "{\"sha\": \"" COMMIT "\"}",
        "{\"sha\": \"" COMMIT "\", \"siblings\": {}}",
        "{\"siblings\": []}",
        "{\"sha\": 5, \"siblings\": []}",
        "{\"sha\": \"../../" COMMIT "\", \"siblings\": []}",
        "{\"sha\": \"0123\", \"siblings\": []}",
        "{\"sha\": \"0123456789ABCDEF0123456789abcdef01234567\", \"siblings\": []}",
        "<html>" EMPTY_LIST "</html>",
        EMPTY_LIST EMPTY_LIST,
    };
    (void)state;
    for (size_t i = 0; i < sizeof answers / sizeof *answers; i++)
        expect_list_refused(answers[i], URL ": expected a list of files, got something else");
}

/* Entries of other kinds are passed over; of two with one name, the later counts. */
static void test_odd_entries(void **state)
{
    cli_hub hub;
    diffedit_error error;
    (void)state;
    const char *list = "{\"sha\": \"" COMMIT "\", \"siblings\": [3, null, {}, [\"x\"], "
                       "{\"rfilename\": 3}, {\"rfilename\": null}, "
                       "{\"rfilename\": \"a\", \"size\": 1}, {\"rfilename\": \"../b\"}, "
                       "{\"rfilename\": \"a\", \"size\": 2}]}";
    assert_int_equal(read_list(&hub, list, &error), DIFFEDIT_OK);
    assert_string_equal(hub.commit, COMMIT);
    assert_int_equal(json_object_size(hub.listed), 2);
    assert_int_equal(json_integer_value(json_object_get(json_object_get(hub.listed, "a"), "size")),
                     2);
    cli_hub_close(&hub);
}

/* ---- choosing ---- */

static void expect_chosen(const cli_hub *hub, const char *name, int64_t size, const char *hash)
{
    for (int i = 0; i < hub->count; i++)
        if (strcmp(hub->files[i].name, name) == 0) {
            assert_true(hub->files[i].expected.size == size);
            assert_string_equal(hub->files[i].expected.hash, hash);
            assert_true(cli_hub_is_chosen(hub, name));
            return;
        }
    fail_msg("%s is not chosen", name);
}

static void test_what_is_needed_and_no_more(void **state)
{
    (void)state;
    cli_hub hub = choose(BESIDE_UNET,
                         NAMES(UNET ".safetensors", "README.md", "safety_checker/model.safetensors",
                               UNET ".fp16.safetensors", UNET ".bin", "v1-5-pruned.ckpt",
                               "unet/../../../evil.safetensors", "/etc/evil",
                               "tokenizer/special_tokens_map.json", "diffedit.json"),
                         false);
    assert_int_equal(hub.count, 13);
    expect_chosen(&hub, UNET ".safetensors", 5000000000, SHA256);
    expect_chosen(&hub, "text_encoder/model.safetensors", 5000000000, SHA256);
    expect_chosen(&hub, "vae/diffusion_pytorch_model.safetensors", 5000000000, SHA256);
    expect_chosen(&hub, "unet/config.json", 12, COMMIT);
    expect_chosen(&hub, "tokenizer/special_tokens_map.json", 12, COMMIT);
    expect_chosen(&hub, "diffedit.json", 12, COMMIT);
    assert_false(cli_hub_is_chosen(&hub, "README.md"));
    assert_false(cli_hub_is_chosen(&hub, UNET ".bin"));
    /* without it a folder is no model, so it is put there last */
    assert_string_equal(hub.files[hub.count - 1].name, "model_index.json");
    cli_hub_close(&hub);
}

/* Which of the UNet's files is taken: whole or an index of shards, safetensors before pickles, the
 * variant that is preferred before any other. */
static void test_forms_of_weights(void **state)
{
    static const struct {
        const char *listed[3], *plain, *half;
    } cases[] = {
        {{UNET ".safetensors"}, UNET ".safetensors", UNET ".safetensors"},
        {{UNET ".fp16.safetensors", UNET ".safetensors"},
         UNET ".safetensors",
         UNET ".fp16.safetensors"},
        {{UNET ".fp16.safetensors"}, UNET ".fp16.safetensors", UNET ".fp16.safetensors"},
        {{UNET ".bin", UNET ".safetensors"}, UNET ".safetensors", UNET ".safetensors"},
        {{UNET ".bin", UNET ".fp16.bin"}, UNET ".bin", UNET ".fp16.bin"},
        {{UNET ".safetensors.index.json", UNET ".bin"},
         UNET ".safetensors.index.json",
         UNET ".safetensors.index.json"},
        {{UNET ".safetensors.index.fp16.json", UNET ".bin"},
         UNET ".bin",
         UNET ".safetensors.index.fp16.json"},
        {{UNET ".non_ema.safetensors"}, UNET ".non_ema.safetensors", UNET ".non_ema.safetensors"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        for (int half = 0; half < 2; half++) {
            cli_hub hub = choose(BESIDE_UNET, cases[i].listed, half);
            const char *chosen = half ? cases[i].half : cases[i].plain;
            if (!cli_hub_is_chosen(&hub, chosen))
                fail_msg("list %zu: %s is not chosen", i, chosen);
            assert_int_equal(hub.count, 11);
            cli_hub_close(&hub);
        }
}

static void test_old_names_of_a_text_encoder(void **state)
{
    const char *names[sizeof BESIDE_UNET / sizeof *BESIDE_UNET];
    (void)state;
    memcpy(names, BESIDE_UNET, sizeof names);
    names[8] = "text_encoder/pytorch_model.bin";
    cli_hub hub = choose(names, NAMES(UNET ".safetensors"), false);
    assert_true(cli_hub_is_chosen(&hub, "text_encoder/pytorch_model.bin"));
    cli_hub_close(&hub);
}

static void test_models_that_are_none_of_ours(void **state)
{
    (void)state;
    expect_refused(NOTHING, NOTHING,
                   "own/name: has no model_index.json, so it is not a model in the diffusers "
                   "layout");
    expect_refused(BESIDE_UNET, NAMES("text_encoder_2/config.json"),
                   "own/name: is not Stable Diffusion 1 or 2, which have no "
                   "text_encoder_2/config.json");
    expect_refused(BESIDE_UNET, NAMES("transformer/\x1b[31m.bin"),
                   "own/name: is not Stable Diffusion 1 or 2, which have no transformer/?[31m.bin");
    expect_refused(BESIDE_UNET, NOTHING,
                   "own/name: unet/diffusion_pytorch_model.safetensors is missing");
    expect_refused(NAMES("model_index.json", "text_encoder/model.safetensors",
                         "vae/diffusion_pytorch_model.safetensors"),
                   NAMES(UNET ".safetensors"),
                   "own/name: scheduler/scheduler_config.json is missing");
}

static void test_files_without_size_or_hash(void **state)
{
    static const char *const entries[] = {
        "\"size\": 5",
        "\"blobId\": \"" COMMIT "\"",
        "\"size\": -1, \"blobId\": \"" COMMIT "\"",
        "\"size\": 1.5, \"blobId\": \"" COMMIT "\"",
        "\"size\": \"5\", \"blobId\": \"" COMMIT "\"",
        "\"size\": 5, \"blobId\": \"" COMMIT "0\"",
        "\"size\": 5, \"blobId\": \"../../../../../../../../../../../../etc\"",
        "\"size\": 5, \"blobId\": null",
        "\"size\": 5, \"blobId\": \"" COMMIT "\", \"lfs\": {}",
        "\"size\": 5, \"blobId\": \"" COMMIT "\", \"lfs\": 3",
        "\"size\": 5, \"blobId\": \"" COMMIT "\", \"lfs\": {\"size\": 5, \"sha256\": \"" COMMIT
        "\"}",
    };
    (void)state;
    for (size_t i = 0; i < sizeof entries / sizeof *entries; i++) {
        char list[1000];
        snprintf(list, sizeof list,
                 "{\"sha\": \"" COMMIT "\", \"siblings\": [{\"rfilename\": "
                 "\"model_index.json\"}, {\"rfilename\": \"text_encoder/model.safetensors\", "
                 "%s}]}",
                 entries[i]);
        expect_list_refused(list, "own/name: the hub gives no size or hash for "
                                  "text_encoder/model.safetensors");
    }
}

/* ---- shards ---- */

/* A hub whose UNet is in shards, of which none is chosen. */
static cli_hub sharded(void)
{
    return open_list(NAMES("unet/1.safetensors", "unet/2.safetensors"), NAMES("vae/3.safetensors"));
}

static void test_shards(void **state)
{
    cli_hub hub = sharded();
    diffedit_error error;
    (void)state;
    const char *path = scratch_write_text(
        "index.json", "{\"metadata\": {}, \"weight_map\": {\"a\": \"1.safetensors\", "
                      "\"b\": \"2.safetensors\", \"c\": \"1.safetensors\"}}");
    for (int i = 0; i < 2; i++) { /* the second time they are there */
        assert_int_equal(cli_hub_add_shards(&hub, "unet/x.index.json", path, &error), DIFFEDIT_OK);
        assert_int_equal(hub.count, 2);
    }
    expect_chosen(&hub, "unet/1.safetensors", 5000000000, SHA256);
    expect_chosen(&hub, "unet/2.safetensors", 5000000000, SHA256);
    cli_hub_close(&hub);
}

static void test_shards_that_are_refused(void **state)
{
#define OUTSIDE(shown) \
    "own/name: unet/x.index.json: expected names of files in its own folder, found \"" shown "\""
#define NO_MAP "own/name: unet/x.index.json: expected a `weight_map`, found none"
    static const struct {
        const char *index, *sentence;
    } cases[] = {
        {"{\"weight_map\": {\"a\": \"../1.safetensors\"}}", OUTSIDE("../1.safetensors")},
        {"{\"weight_map\": {\"a\": \"/etc/evil\"}}", OUTSIDE("/etc/evil")},
        {"{\"weight_map\": {\"a\": \"more/1.safetensors\"}}", OUTSIDE("more/1.safetensors")},
        {"{\"weight_map\": {\"a\": \".\"}}", OUTSIDE(".")},
        {"{\"weight_map\": {\"a\": \"..\"}}", OUTSIDE("..")},
        {"{\"weight_map\": {\"a\": \".hidden\"}}", OUTSIDE(".hidden")},
        {"{\"weight_map\": {\"a\": \"\"}}", OUTSIDE("")},
        {"{\"weight_map\": {\"a\": 3}}", OUTSIDE("something else")},
        {"{\"weight_map\": {\"a\": null}}", OUTSIDE("something else")},
        {"{\"weight_map\": {\"a\": \"/\\u001b[2J\\r\\n\"}}", OUTSIDE("/?[2J??")},
        {"{\"weight_map\": {\"a\": \"1.safetensors\", \"b\": \"../2\"}}", OUTSIDE("../2")},
        {"{\"weight_map\": {\"a\": \"3.safetensors\"}}",
         "own/name: unet/3.safetensors is missing"}, /* it is the autoencoder's */
        {"{\"weight_map\": {}}", NO_MAP},
        {"{\"weight_map\": [\"1.safetensors\"]}", NO_MAP},
        {"{}", NO_MAP},
        {"[]", NO_MAP},
        {"", NO_MAP},
        {"{\"weight_map\": {\"a\": \"1.safetensors\", \"a\": \"2.safetensors\"}}", NO_MAP},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        cli_hub hub = sharded();
        diffedit_error error;
        const char *path = scratch_write_text("index.json", cases[i].index);
        assert_int_equal(cli_hub_add_shards(&hub, "unet/x.index.json", path, &error),
                         DIFFEDIT_ERROR_FILE);
        assert_string_equal(error.message, cases[i].sentence);
        cli_hub_close(&hub);
    }
    cli_hub hub = sharded();
    diffedit_error error;
    char index[700];
    memset(index, 'n', sizeof index);
    memcpy(index, "{\"weight_map\": {\"a\": \"", 22);
    memcpy(index + sizeof index - 4, "\"}}", 4);
    const char *path = scratch_write_text("index.json", index);
    assert_int_equal(cli_hub_add_shards(&hub, "unet/x.index.json", path, &error),
                     DIFFEDIT_ERROR_FILE);
    assert_string_equal(error.message,
                        "own/name: unet/x.index.json: the name of a file in it is too long");
    cli_hub_close(&hub);
#undef OUTSIDE
#undef NO_MAP
}

/* ---- addresses ---- */

static void test_addresses(void **state)
{
    static const struct {
        const char *name, *path;
    } cases[] = {{"model_index.json", "model_index.json"},
                 {"unet/a-b_c.1~.safetensors", "unet/a-b_c.1~.safetensors"},
                 {"unet/a b?c#d%e.bin", "unet/a%20b%3Fc%23d%25e.bin"},
                 {"unet/\xc3\xa9&+;", "unet/%C3%A9%26%2B%3B"}};
    cli_hub hub = sharded();
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char expected[200], *url = cli_hub_url(&hub, cases[i].name);
        snprintf(expected, sizeof expected, "https://hub/own/name/resolve/" COMMIT "/%s",
                 cases[i].path);
        assert_string_equal(url, expected);
        free(url);
    }
    cli_hub_close(&hub);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_answers_that_are_no_list),
                                       cmocka_unit_test(test_odd_entries),
                                       cmocka_unit_test(test_what_is_needed_and_no_more),
                                       cmocka_unit_test(test_forms_of_weights),
                                       cmocka_unit_test(test_old_names_of_a_text_encoder),
                                       cmocka_unit_test(test_models_that_are_none_of_ours),
                                       cmocka_unit_test(test_files_without_size_or_hash),
                                       cmocka_unit_test(test_shards),
                                       cmocka_unit_test(test_shards_that_are_refused),
                                       cmocka_unit_test(test_addresses)};
    scratch_make();
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    scratch_remove();
    return failed;
}
