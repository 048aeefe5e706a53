#include "weights/table.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const de_table_type TYPES[] = {
    {"F32", 4, true, DE_F32},
    {"F16", 2, true, DE_F16},
    {"BF16", 2, true, DE_BF16},
    {"F64", 8, true, DE_F64},
    {"F8_E4M3", 1, true, DE_F8_E4M3},
    {"F8_E5M2", 1, true, DE_F8_E5M2},
    {"F8_E4M3FNUZ", 1, false, 0},
    {"F8_E5M2FNUZ", 1, false, 0},
    {"F8_E8M0", 1, false, 0},
    {"C64", 8, false, 0},
    {"I64", 8, false, 0},
    {"I32", 4, false, 0},
    {"I16", 2, false, 0},
    {"I8", 1, false, 0},
    {"U64", 8, false, 0},
    {"U32", 4, false, 0},
    {"U16", 2, false, 0},
    {"U8", 1, false, 0},
    {"BOOL", 1, false, 0},
};

const de_table_type *de_table_find_type(const char *name)
{
    for (size_t i = 0; i < sizeof TYPES / sizeof *TYPES; i++)
        if (strcmp(TYPES[i].name, name) == 0)
            return &TYPES[i];
    return NULL;
}

void de_table_set_type(de_table_entry *entry, const de_table_type *type)
{
    entry->type = type->name;
    entry->readable = type->readable;
    entry->dtype = type->dtype;
    entry->scale = 1;
}

struct de_table_memory {
    struct de_table_memory *next;
    unsigned char bytes[];
};

void *de_table_allocate(de_table *table, size_t bytes)
{
    struct de_table_memory *memory = malloc(sizeof *memory + bytes);
    if (!memory)
        return NULL;
    memory->next = table->memory;
    table->memory = memory;
    return memory->bytes;
}

void de_table_free(de_table *table)
{
    for (struct de_table_memory *memory = table->memory, *next; memory; memory = next) {
        next = memory->next;
        free(memory);
    }
    for (size_t i = 0; i < table->count; i++)
        free(table->entries[i].name);
    free(table->entries);
    json_decref(table->notes);
    *table = (de_table){0};
}

static int compare_names(const void *a, const void *b)
{
    const de_table_entry *first = a, *second = b;
    return strcmp(first->name, second->name);
}

static int compare_places(const void *a, const void *b)
{
    const de_table_entry *first = *(const de_table_entry *const *)a;
    const de_table_entry *second = *(const de_table_entry *const *)b;
    if (first->data != second->data)
        return first->data < second->data ? -1 : 1;
    return first->bytes < second->bytes ? -1 : first->bytes > second->bytes;
}

diffedit_status de_table_check_overlap(const de_table *table, const char *path,
                                       diffedit_error *error)
{
    if (table->count == 0)
        return DIFFEDIT_OK;
    const de_table_entry **places = calloc(table->count, sizeof *places);
    if (!places)
        return de_fail_memory(error, table->count * sizeof *places, "a list of tensors");
    for (size_t i = 0; i < table->count; i++)
        places[i] = &table->entries[i];
    qsort(places, table->count, sizeof *places, compare_places);
    diffedit_status status = DIFFEDIT_OK;
    for (size_t i = 1; i < table->count && status == DIFFEDIT_OK; i++)
        if (places[i]->data < places[i - 1]->data + places[i - 1]->bytes)
            status = de_fail(error, DIFFEDIT_ERROR_MODEL,
                             "%s: tensors `%s` and `%s` overlap in the file", path,
                             places[i - 1]->name, places[i]->name);
    free(places);
    return status;
}

diffedit_status de_table_sort(de_table *table, const char *path, diffedit_error *error)
{
    if (table->count > 1)
        qsort(table->entries, table->count, sizeof *table->entries, compare_names);
    for (size_t i = 1; i < table->count; i++)
        if (strcmp(table->entries[i - 1].name, table->entries[i].name) == 0)
            return de_fail(error, DIFFEDIT_ERROR_MODEL, "%s: tensor `%s` occurs twice", path,
                           de_table_entry_in_file(&table->entries[i]));
    return DIFFEDIT_OK;
}

const de_table_entry *de_table_find(const de_table *table, const char *name)
{
    size_t begin = 0, end = table->count;
    while (begin < end) {
        size_t middle = begin + (end - begin) / 2;
        int order = strcmp(table->entries[middle].name, name);
        if (order == 0)
            return &table->entries[middle];
        if (order < 0)
            begin = middle + 1;
        else
            end = middle;
    }
    return NULL;
}

const de_table_entry *de_table_find_format(const de_table *table, const char *format, ...)
{
    char name[256];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(name, sizeof name, format, arguments);
    va_end(arguments);
    return de_table_find(table, name);
}

const char *de_table_note(const de_table *table, const char *name)
{
    return json_string_value(json_object_get(table->notes, name));
}

int64_t de_table_entry_count(const de_table_entry *entry)
{
    int64_t count = 1;
    for (int i = 0; i < entry->rank; i++)
        count *= entry->shape[i];
    return count;
}

const char *de_table_entry_in_file(const de_table_entry *entry)
{
    return entry->in_file ? entry->in_file : entry->name;
}
