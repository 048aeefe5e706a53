/* What an S3-compatible store says in the body of an answer that is none. */
#ifndef BATCH_STORE_SAYS_H
#define BATCH_STORE_SAYS_H

#include <stddef.h>

/* The first Code and Message of its XML, without a full stop; "" where there are none. */
struct store_says {
    char code[64], message[256];
};

/* `body` is hostile, and need not be XML. */
struct store_says store_says(const char *body, size_t size);

#endif
