/* The published file of Stable Diffusion 1.4, every name and shape of it: each tensor that our
 * networks read is there, and each that is there is read, but for the schedule's and the position
 * ids. The values are holes in a file. */
#include "models/model.h"
#include "models/original_names.h"
#include "scratch.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

enum { LINE = 256, HEADER = 1 << 20 };

/* "name \t float or I64 \t 320,4,3,3"; the sizes replace the second tab's rest */
static int64_t parse(char *line, char **name, char **type, char **shape)
{
    *name = strtok(line, "\t\n");
    *type = strtok(NULL, "\t\n");
    *shape = strtok(NULL, "\t\n");
    assert_non_null(*shape);
    int64_t count = 1;
    for (const char *at = *shape; at; at = strchr(at, ',') ? strchr(at, ',') + 1 : NULL)
        count *= strtol(at, NULL, 10);
    return count * (strcmp(*type, "I64") == 0 ? 8 : 4);
}

static const char *write_file(void)
{
    char *header = malloc(HEADER), line[LINE];
    size_t length = (size_t)sprintf(header, "{");
    int64_t offset = 0;
    FILE *list = fopen(SD14_KEYS, "r");
    assert_non_null(list);
    while (fgets(line, sizeof line, list)) {
        char *name, *type, *shape;
        int64_t bytes = parse(line, &name, &type, &shape);
        length += (size_t)sprintf(
            header + length,
            "%s\"%s\":{\"dtype\":\"%s\",\"shape\":[%s],\"data_offsets\":[%jd,%jd]}",
            offset ? "," : "", name, strcmp(type, "I64") == 0 ? "I64" : "F32", shape,
            (intmax_t)offset, (intmax_t)(offset + bytes));
        offset += bytes;
        assert_true(length + 2 * LINE < HEADER);
    }
    fclose(list);
    header[length++] = '}';
    uint64_t size = length;
    const char *path = scratch_write("sd14.safetensors", &size,
                                     sizeof size); /* little-endian here */
    FILE *file = fopen(path, "ab");
    assert_int_equal(fwrite(header, 1, length, file), length);
    fclose(file);
    free(header);
    assert_int_equal(truncate(path, (off_t)(8 + length) + offset), 0);
    return path;
}

enum { MOST_TENSORS = 2000 };

typedef struct counts {
    int found, wrong;
    const void *data[MOST_TENSORS]; /* of the tensors that were found */
} counts;

static void look(void *user, const char *name, const de_weight *weight, const char *problem)
{
    counts *seen = user;
    if (weight)
        seen->data[seen->found++] = weight->data;
    seen->wrong += weight == NULL;
    if (problem)
        print_error("%s: %s\n", name, problem);
}

static bool is_used(const counts *seen, const unsigned char *data)
{
    for (de_part part = 0; part < DE_PART_COUNT; part++)
        for (int i = 0; i < seen[part].found; i++)
            if (seen[part].data[i] == data)
                return true;
    return false;
}

/* The schedule and the positions' numbers; these 13 are all that nobody reads. */
static bool is_known(const char *name)
{
    return strstr(name, ".position_ids") || !strncmp(name, "betas", 5) ||
           !strncmp(name, "alphas_", 7) || !strncmp(name, "sqrt_", 5) ||
           !strncmp(name, "log_", 4) || !strncmp(name, "posterior_", 10);
}

static void test_every_name(void **state)
{
    (void)state;
    const char *path = write_file();
    const diffedit_model_settings settings = {0};
    const int expected[DE_PART_COUNT] = {
        [DE_PART_TEXT] = 196, [DE_PART_UNET] = 686, [DE_PART_VAE] = 248};
    diffedit_model *model;
    diffedit_error error;
    if (de_model_read(&model, path, &settings, NULL, &error) != DIFFEDIT_OK)
        fail_msg("%s", error.message);
    const de_network_sources sources = de_model_sources(model);
    static counts all[DE_PART_COUNT];
    for (de_part part = 0; part < DE_PART_COUNT; part++) {
        assert_int_equal(
            de_network_survey(&sources, part, &(de_survey){look, &all[part], true}, &error),
            DIFFEDIT_OK);
        assert_int_equal(all[part].wrong, 0);
        assert_int_equal(all[part].found, expected[part]);
    }
    de_weight_file *file;
    int unused = 0;
    assert_int_equal(de_weight_file_open(&file, path, &error), DIFFEDIT_OK);
    const de_table *table = de_weight_file_table(file);
    assert_int_equal(table->count, 1143);
    /* the same file, mapped twice: places are compared from that of one tensor */
    const unsigned char *mine =
        de_table_find(table, "model.diffusion_model.time_embed.0.weight")->data;
    de_weight first;
    assert_int_equal(de_weights_get(model->parts.weights[DE_PART_UNET],
                                    "time_embedding.linear_1.weight", 2, (int64_t[]){1280, 320},
                                    &first, &error),
                     DIFFEDIT_OK);
    const unsigned char *theirs = first.data;
    for (size_t i = 0; i < table->count; i++) {
        const de_table_entry *entry = &table->entries[i];
        if (is_used(all, theirs + (entry->data - mine)))
            continue;
        if (!is_known(entry->name))
            fail_msg("%s is not read", entry->name);
        unused++;
    }
    assert_int_equal(unused, 13);
    de_weight_file_release(file);
    de_model_close(model);
}

static void flatten(char *name)
{
    for (; *name; name++)
        *name = *name == '.' ? '_' : *name;
}

/* LoRA files have names whose dots were replaced: what is published for them differs from the
 * published name by its dots alone. */
static void test_names_without_dots(void **state)
{
    (void)state;
    const de_unet_naming dotted = {2, '.'}, flat = {2, '_'};
    char line[LINE], published[DE_TENSOR_NAME], of_flat[DE_TENSOR_NAME];
    int count = 0;
    FILE *list = fopen(SD14_KEYS, "r");
    assert_non_null(list);
    while (fgets(line, sizeof line, list)) {
        char *full, *type, *shape, *name;
        parse(line, &full, &type, &shape);
        if (!(name = (char *)de_after_prefix(full, DE_ORIGINAL_UNET)))
            continue;
        assert_true(de_original_unet_name(&dotted, name, published));
        flatten(name);
        assert_false(de_original_unet_name(&dotted, name, of_flat));
        assert_true(de_original_unet_name(&flat, name, of_flat));
        flatten(published);
        flatten(of_flat);
        assert_string_equal(of_flat, published);
        count++;
    }
    fclose(list);
    assert_int_equal(count, 686);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_every_name),
                                       cmocka_unit_test(test_names_without_dots)};
    scratch_make();
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    scratch_remove();
    return failed;
}
