#include "sha256.h"

#include <stdio.h>

static void write_hex(char text[SHA256_TEXT], const unsigned char *digest)
{
    for (int i = 0; i < (SHA256_TEXT - 1) / 2; i++)
        snprintf(text + 2 * i, 3, "%02x", digest[i]);
}

void sha256_text(char text[SHA256_TEXT], const void *bytes, size_t size)
{
    unsigned char digest[EVP_MAX_MD_SIZE] = {0};
    EVP_Digest(bytes, size, digest, NULL, EVP_sha256(), NULL);
    write_hex(text, digest);
}

EVP_MD_CTX *sha256_begin(void)
{
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    if (context && EVP_DigestInit_ex(context, EVP_sha256(), NULL) == 1)
        return context;
    EVP_MD_CTX_free(context);
    return NULL;
}

void sha256_end(char text[SHA256_TEXT], EVP_MD_CTX *context)
{
    unsigned char digest[EVP_MAX_MD_SIZE] = {0};
    EVP_DigestFinal_ex(context, digest, NULL);
    EVP_MD_CTX_free(context);
    write_hex(text, digest);
}
