#include "fuzz.h"
#include "weights/checkpoint.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    de_table table;
    diffedit_error error = {.message = ""};
    diffedit_status status = de_checkpoint_read(&table, "fuzz", bytes, size, &error);
    fuzz_check_error(status, &error);
    if (status == DIFFEDIT_OK)
        fuzz_check_table(&table, bytes, size);
    de_table_free(&table);
    return 0;
}
