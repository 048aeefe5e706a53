/* A vocabulary: vocab.json, a zero byte, merges.txt. */
#include "fuzz.h"
#include "models/vocabulary.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    const uint8_t *zero = size ? memchr(bytes, 0, size) : NULL;
    size_t first = zero ? (size_t)(zero - bytes) : 0, rest = zero ? first + 1 : 0;
    const de_documents from = fuzz_folder();
    const char *vocabulary_name = fuzz_document(0, bytes, first),
               *merges_name = fuzz_document(1, bytes + rest, size - rest);
    de_vocabulary vocabulary;
    diffedit_error error = {.message = ""};
    diffedit_status status = de_vocabulary_open(&vocabulary, &from, vocabulary_name, merges_name,
                                                &error);
    fuzz_check_error(status, &error);
    if (status == DIFFEDIT_OK)
        de_vocabulary_close(&vocabulary);
    return 0;
}
