#define _GNU_SOURCE /* memfd_create */
#include "fuzz.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

de_documents fuzz_folder(void)
{
    return (de_documents){.path = "/proc/self/fd"};
}

const char *fuzz_document(int number, const uint8_t *bytes, size_t size)
{
    enum { FILES = 2 };
    static char names[FILES][16];
    static int files[FILES];
    if (!files[number]) {
        files[number] = memfd_create("fuzz", 0);
        snprintf(names[number], sizeof names[number], "%d", files[number]);
    }
    if (files[number] < 0 || ftruncate(files[number], 0) != 0 ||
        pwrite(files[number], bytes, size, 0) != (ssize_t)size)
        abort();
    return names[number];
}

static void check_table(const de_table *table, const uint8_t *bytes, size_t size)
{
    for (size_t i = 0; i < table->count; i++) {
        const de_table_entry *entry = &table->entries[i];
        if (entry->mapped && (entry->data < bytes || entry->bytes > size ||
                              entry->data + entry->bytes > bytes + size))
            abort();
        if (i > 0 && strcmp(table->entries[i - 1].name, entry->name) >= 0)
            abort();
        size_t count = 1;
        for (int j = 0; j < entry->rank; j++)
            if (!de_multiply_size(count, (size_t)entry->shape[j], &count))
                abort();
        if (count * de_table_find_type(entry->type)->bytes != entry->bytes)
            abort();
        volatile unsigned char sum = 0; /* every byte may be read */
        for (size_t j = 0; j < entry->bytes; j++)
            sum ^= entry->data[j];
        (void)sum;
    }
}

void fuzz_check_error(diffedit_status status, const diffedit_error *error)
{
    if (status != DIFFEDIT_OK && !error->message[0])
        abort();
}

void fuzz_read_table(fuzz_reader *read, const uint8_t *bytes, size_t size)
{
    de_table table;
    diffedit_error error = {.message = ""};
    diffedit_status status = read(&table, "fuzz", bytes, size, &error);
    fuzz_check_error(status, &error);
    if (status == DIFFEDIT_OK)
        check_table(&table, bytes, size);
    de_table_free(&table);
}
