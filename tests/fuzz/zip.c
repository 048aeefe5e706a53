#include "weights/zip.h"
#include "fuzz.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    de_zip zip;
    diffedit_error error = {.message = ""};
    diffedit_status status = de_zip_read(&zip, "fuzz", bytes, size, &error);
    fuzz_check_error(status, &error);
    for (size_t i = 0; i < zip.count; i++) {
        const de_zip_entry *entry = &zip.entries[i];
        if (entry->stored &&
            (entry->data < bytes || entry->size > size || entry->data + entry->size > bytes + size))
            abort();
        if (de_zip_find(&zip, entry->name, entry->name_length) != entry)
            abort();
    }
    de_zip_free(&zip);
    return 0;
}
