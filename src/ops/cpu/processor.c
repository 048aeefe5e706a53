#include "ops/cpu/processor.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/error.h"

void de_processor_title(char *title, size_t size)
{
    static const char key[] = "model name";
    char line[256];
    snprintf(title, size, "unknown");
    FILE *file = fopen("/proc/cpuinfo", "r");
    while (file && fgets(line, sizeof line, file)) {
        char *colon = strchr(line, ':');
        if (strncmp(line, key, sizeof key - 1) != 0 || !colon)
            continue;
        line[strcspn(line, "\n")] = '\0';
        de_sentence(title, size, "%s", colon + 1 + (colon[1] == ' '));
        break;
    }
    if (file)
        fclose(file);
}

int64_t de_processor_memory(void)
{
    long pages = sysconf(_SC_PHYS_PAGES), bytes = sysconf(_SC_PAGESIZE);
    return pages > 0 && bytes > 0 ? (int64_t)pages * bytes : 0;
}
