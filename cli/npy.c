#include "npy.h"

#include "fail.h"
#include "files.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* magic, version 1.0, then the length of the header in two bytes */
static const unsigned char prefix[8] = {0x93, 'N', 'U', 'M', 'P', 'Y', 1, 0};

enum {
    PREFIX_SIZE = sizeof prefix + 2,
    ALIGNMENT = 64,    /* where the data begins */
    HEADER_SIZE = 192, /* of what is written: room for four 19-digit sides */
    LARGEST_SIDE = 1 << 20
};

/* ---- writing ---- */

static void format_header(char header[HEADER_SIZE], const diffedit_array *array)
{
    size_t used = (size_t)snprintf(header, HEADER_SIZE,
                                   "{'descr': '%s', 'fortran_order': False, 'shape': (",
                                   array->tokens ? "<i4" : "<f4");
    for (int i = 0; i < array->dimensions; i++)
        used += (size_t)snprintf(header + used, HEADER_SIZE - used, i ? ", %jd" : "%jd",
                                 (intmax_t)array->shape[i]);
    used += (size_t)snprintf(header + used, HEADER_SIZE - used,
                             array->dimensions == 1 ? ",), }" : "), }");
    size_t end = (PREFIX_SIZE + used + ALIGNMENT) / ALIGNMENT * ALIGNMENT - PREFIX_SIZE;
    memset(header + used, ' ', end - used);
    header[end - 1] = '\n';
    header[end] = '\0';
}

diffedit_status cli_npy_write(const char *path, const diffedit_array *array, diffedit_error *error)
{
    de_new_file file;
    diffedit_status status = cli_file_create(&file, path, error);
    if (status != DIFFEDIT_OK)
        return status;
    char header[HEADER_SIZE];
    format_header(header, array);
    size_t length = strlen(header), count = 1;
    for (int i = 0; i < array->dimensions; i++)
        count *= (size_t)array->shape[i];
    const unsigned char length_bytes[2] = {length & 255, (unsigned char)(length >> 8)};
    const struct {
        const void *bytes;
        size_t size;
    } pieces[] = {{prefix, sizeof prefix},
                  {length_bytes, sizeof length_bytes},
                  {header, length},
                  {array->tokens ? (const void *)array->tokens : array->data, 4 * count}};
    for (size_t i = 0; i < sizeof pieces / sizeof *pieces && status == DIFFEDIT_OK; i++)
        status = de_new_file_write(&file, pieces[i].bytes, pieces[i].size, error);
    return de_new_file_finish(&file, status, error);
}

/* ---- reading ---- */

/* Reads what NumPy writes for a two-dimensional float32 array, to the letter. */
static bool parse_header(const char *header, int *height, int *width)
{
    static const char start[] = "{'descr': '<f4', 'fortran_order': False, 'shape': (";
    if (strncmp(header, start, sizeof start - 1) != 0)
        return false;
    char *end;
    long h = strtol(header + sizeof start - 1, &end, 10);
    if (*end != ',' || h < 1 || h > LARGEST_SIDE)
        return false;
    long w = strtol(end + 1, &end, 10);
    if (*end != ')' || w < 1 || w > LARGEST_SIDE)
        return false;
    end += 1;
    end += *end == ',';
    end += strspn(end, " ");
    if (*end != '}')
        return false;
    end += 1;
    *height = (int)h;
    *width = (int)w;
    return end[strspn(end, " \n")] == '\0';
}

static diffedit_status read_header(FILE *stream, int *height, int *width, const char *path,
                                   diffedit_error *error)
{
    unsigned char start[PREFIX_SIZE];
    if (fread(start, 1, sizeof start, stream) != sizeof start ||
        memcmp(start, prefix, sizeof prefix) != 0)
        return cli_fail(error, DIFFEDIT_ERROR_FILE, "%.300s: not a .npy file of version 1.0", path);
    size_t length = start[8] | (size_t)start[9] << 8;
    char header[UINT16_MAX + 1];
    if (fread(header, 1, length, stream) != length)
        return cli_fail(error, DIFFEDIT_ERROR_FILE, "%.300s: truncated in its header", path);
    while (length && (header[length - 1] == ' ' || header[length - 1] == '\n')) /* padding */
        length--;
    header[length] = '\0';
    if (!parse_header(header, height, width))
        return cli_fail(error, DIFFEDIT_ERROR_FILE,
                        "%.200s: expected a map, float32 [height, width] in C order, found %.120s",
                        path, header);
    return DIFFEDIT_OK;
}

/* Reads row by row, so that memory grows with what the file has, not with what its header says. */
static diffedit_status read_rows(FILE *stream, float **map, int height, int width, const char *path,
                                 diffedit_error *error)
{
    size_t row = (size_t)width * sizeof **map, capacity = 0;
    for (size_t used = 0; used < row * (size_t)height; used += row) {
        if (used + row > capacity) {
            capacity = 2 * (used + row);
            float *larger = realloc(*map, capacity);
            if (!larger)
                return cli_fail_memory(error);
            *map = larger;
        }
        if (fread((char *)*map + used, 1, row, stream) != row)
            return cli_fail(error, DIFFEDIT_ERROR_FILE,
                            "%.300s: contains fewer values than %d x %d", path, height, width);
    }
    if (fgetc(stream) != EOF)
        return cli_fail(error, DIFFEDIT_ERROR_FILE, "%.300s: contains more values than %d x %d",
                        path, height, width);
    return DIFFEDIT_OK;
}

diffedit_status cli_npy_read_map(float **map, int *height, int *width, const char *path,
                                 diffedit_error *error)
{
    FILE *stream = fopen(path, "rb");
    if (!stream)
        return cli_fail(error, DIFFEDIT_ERROR_FILE, "%.300s: cannot be opened: %s", path,
                        strerror(errno));
    float *values = NULL;
    diffedit_status status = read_header(stream, height, width, path, error);
    if (status == DIFFEDIT_OK)
        status = read_rows(stream, &values, *height, *width, path, error);
    fclose(stream);
    if (status == DIFFEDIT_OK)
        *map = values;
    else
        free(values);
    return status;
}
