/* SHA-256, as hex digits. */
#ifndef BATCH_SHA256_H
#define BATCH_SHA256_H

#include <stddef.h>

#include <openssl/evp.h>

enum { SHA256_TEXT = 65 };

/* Of bytes that are there. */
void sha256_text(char text[SHA256_TEXT], const void *bytes, size_t size);

/* Of bytes that come one after the other, by EVP_DigestUpdate(). NULL: memory. */
EVP_MD_CTX *sha256_begin(void);
/* Frees it. */
void sha256_end(char text[SHA256_TEXT], EVP_MD_CTX *context);

#endif
