#include "base64.h"

#include <limits.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

char *base64_encode(const char *before, const void *bytes, size_t size)
{
    size_t length = strlen(before);
    char *text = size <= INT_MAX / 2 ? malloc(length + (size + 2) / 3 * 4 + 1) : NULL;
    if (!text)
        return NULL;
    memcpy(text, before, length);
    EVP_EncodeBlock((unsigned char *)text + length, bytes, (int)size);
    return text;
}
