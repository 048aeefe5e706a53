/* Progress of a file transfer. */
#ifndef CLI_TRANSFER_H
#define CLI_TRANSFER_H

#include <stdbool.h>
#include <stdint.h>

typedef struct cli_transfer {
    const char *name; /* what is transferred; borrowed */
    bool quiet;
    bool terminal, drawn;
    int tenths;         /* that were reported */
    double began, last; /* seconds */
    int64_t first;      /* bytes that were there before; -1: not yet known */
} cli_transfer;

void cli_transfer_start(cli_transfer *transfer, const char *name, bool quiet);
/* A diffedit_bytes_fn; `user` is the cli_transfer. Cancels after Ctrl-C. */
int cli_transfer_step(void *user, int64_t done, int64_t total);
/* Ends the line, also after an interrupted transfer. */
void cli_transfer_end(cli_transfer *transfer);

/* "1.7 GB" */
void cli_format_bytes(char text[16], int64_t bytes);

#endif
