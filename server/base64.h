/* Base64 (RFC 4648). */
#ifndef SERVER_BASE64_H
#define SERVER_BASE64_H

#include <stddef.h>

/* The bytes in base64, behind `before` ("data:image/png;base64,"). Freed by the caller; NULL:
 * memory, or more than libcrypto counts. */
char *base64_encode(const char *before, const void *bytes, size_t size);

#endif
