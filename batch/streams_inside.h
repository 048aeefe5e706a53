/* What the operations on a queue share: asking Redis something, and trying again. */
#ifndef BATCH_STREAMS_INSIDE_H
#define BATCH_STREAMS_INSIDE_H

#include "streams.h"

#include <hiredis/hiredis.h>

#define STREAMS_GROUP "workers"
/* The consumer that has the lines which were given back. */
#define STREAMS_RETURNED "returned"

struct streams {
    struct streams_settings settings;
    char lines[QUEUE_NAME + 32]; /* the stream's key */
    redisContext *context;       /* NULL: not connected */
    void *tls;                   /* streams_tls.h; NULL: none */
    uint64_t connections;
    double lost_since;          /* clock_monotonic(); 0: it is there */
    double said;                /* when it was last said that it is not */
    char cursor[STREAMS_ENTRY]; /* where streams_take() goes on to look for silent workers */
};

enum streams_answer {
    STREAMS_ANSWERED,
    STREAMS_LOST,    /* the connection, or the server cannot do it now */
    STREAMS_REFUSED, /* trying again is of no use */
};

/* One attempt at an operation, with a connection that is there. */
typedef enum streams_answer streams_attempt(struct streams *streams, void *what,
                                            diffedit_error *error);
/* Connects where needed, and attempts until it is answered, as streams.h says. */
diffedit_status streams_do(struct streams *streams, streams_attempt *attempt, void *what,
                           diffedit_error *error);
/* The same, once. */
diffedit_status streams_do_once(struct streams *streams, streams_attempt *attempt, void *what,
                                diffedit_error *error);

/* Sends a command later, together with others. The format is hiredis': %s is one word, whatever is
 * in it. */
enum streams_answer streams_append(struct streams *streams, diffedit_error *error,
                                   const char *format, ...);
/* The reply to the oldest command that has none, freed by the caller. `seconds` is how long the
 * server itself may wait. Errors of the server that begin with NOGROUP or BUSYGROUP are replies. */
enum streams_answer streams_reply(redisReply **reply, struct streams *streams, double seconds,
                                  diffedit_error *error);
/* Both, for one command that is answered at once. */
enum streams_answer streams_ask(redisReply **reply, struct streams *streams, diffedit_error *error,
                                const char *format, ...);
/* The same where the reply says nothing. */
enum streams_answer streams_tell(struct streams *streams, diffedit_error *error, const char *format,
                                 ...);
/* Makes the group, and the stream, where they are missing. */
enum streams_answer streams_make_group(struct streams *streams, diffedit_error *error);
/* The group's consumers, of fields that streams_value() finds; freed by the caller. */
enum streams_answer streams_ask_consumers(redisReply **reply, struct streams *streams,
                                          diffedit_error *error);

/* A reply that is not of the kind that this command gives: STREAMS_REFUSED. */
enum streams_answer streams_odd(const struct streams *streams, const char *command,
                                diffedit_error *error);
bool streams_is_error(const redisReply *reply, const char *kind);
bool streams_is_text(const redisReply *reply);
/* Element `index` of an array, or NULL. */
const redisReply *streams_element(const redisReply *array, size_t index);
/* The value of a field in a list of fields and values, or NULL. */
const redisReply *streams_value(const redisReply *list, const char *field);
/* A whole number; -1: it is none. */
long long streams_number(const redisReply *reply);
/* Copies an entry's id, "1-2"; false: it is none. */
bool streams_copy_entry(char entry[STREAMS_ENTRY], const redisReply *reply);
/* A copy of a text; *text is NULL where it is none, or too long. False: memory. */
bool streams_copy_text(char **text, const redisReply *reply);
/* Reads [id, [field, value, ...]]. False: memory. *line is empty where it is none. */
bool streams_read_line(struct streams_line *line, const redisReply *entry);
void streams_results_key(char *key, size_t size, const struct streams *streams, const char *batch);

#endif
