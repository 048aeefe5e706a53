/* Replies into what the operations give: everything in them may be anything. */
#include "streams_inside.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *const streams_field_names[STREAMS_FIELDS] = {
    [STREAMS_BATCH] = "batch",
    [STREAMS_ID] = "id",
    [STREAMS_RUN] = "run",
    [STREAMS_TASK] = "task",
    [STREAMS_MODEL] = "model",
    [STREAMS_ARITHMETIC] = "arithmetic",
    [STREAMS_QUALITY] = "quality",
    [STREAMS_RECORD] = "record",
    [STREAMS_PICTURE] = "picture",
    [STREAMS_MASK] = "mask",
    [STREAMS_CORRECTION] = "correction",
    [STREAMS_RESULT] = "result",
    [STREAMS_RESULT_MASK] = "result-mask",
};

bool streams_is_text(const redisReply *reply)
{
    return reply && (reply->type == REDIS_REPLY_STRING || reply->type == REDIS_REPLY_STATUS);
}

long long streams_number(const redisReply *reply)
{
    return reply && reply->type == REDIS_REPLY_INTEGER ? reply->integer : -1;
}

const redisReply *streams_element(const redisReply *array, size_t index)
{
    bool there = array && array->type == REDIS_REPLY_ARRAY && index < array->elements;
    return there ? array->element[index] : NULL;
}

const redisReply *streams_value(const redisReply *list, const char *field)
{
    const redisReply *name;
    for (size_t i = 0; (name = streams_element(list, i)); i += 2)
        if (streams_is_text(name) && strcmp(name->str, field) == 0)
            return streams_element(list, i + 1);
    return NULL;
}

bool streams_copy_entry(char entry[STREAMS_ENTRY], const redisReply *reply)
{
    entry[0] = '\0';
    if (!streams_is_text(reply) || reply->len == 0 || reply->len >= STREAMS_ENTRY ||
        strspn(reply->str, "0123456789-") != reply->len)
        return false;
    memcpy(entry, reply->str, reply->len + 1);
    return true;
}

bool streams_copy_text(char **text, const redisReply *reply)
{
    *text = NULL;
    if (!streams_is_text(reply) || reply->len > STREAMS_LONGEST || strlen(reply->str) != reply->len)
        return true;
    *text = strdup(reply->str);
    return *text;
}

bool streams_read_line(struct streams_line *line, const redisReply *entry)
{
    *line = (struct streams_line){0};
    if (!streams_copy_entry(line->entry, streams_element(entry, 0)))
        return true;
    for (int i = 0; i < STREAMS_FIELDS; i++)
        if (!streams_copy_text(&line->fields[i],
                               streams_value(streams_element(entry, 1), streams_field_names[i]))) {
            streams_line_free(line);
            return false;
        }
    return true;
}

void streams_line_free(struct streams_line *line)
{
    for (int i = 0; i < STREAMS_FIELDS; i++)
        free(line->fields[i]);
    *line = (struct streams_line){0};
}

void streams_results_key(char *key, size_t size, const struct streams *s, const char *batch)
{
    snprintf(key, size, "diffedit:%s:results:%.64s", s->settings.url->name, batch);
}
