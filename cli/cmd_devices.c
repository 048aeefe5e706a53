#include "commands.h"
#include "json.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>

#include <jansson.h>

/* What decides which devices there are, or how they are used */
static const char *const variables[] = {"DIFFEDIT_DEVICE",
                                        "DIFFEDIT_CPU",
                                        "DIFFEDIT_VULKAN",
                                        "DIFFEDIT_VULKAN_SOFTWARE",
                                        "VK_DRIVER_FILES",
                                        "VK_ADD_DRIVER_FILES",
                                        "VK_ICD_FILENAMES",
                                        "VK_LOADER_DRIVERS_SELECT",
                                        "VK_LOADER_DRIVERS_DISABLE",
                                        "VK_LOADER_LAYERS_ENABLE",
                                        "VK_INSTANCE_LAYERS",
                                        "MESA_VK_DEVICE_SELECT",
                                        "AMD_VULKAN_ICD",
                                        "RADV_DEBUG",
                                        "RADV_PERFTEST",
                                        "ANV_DEBUG",
                                        "NVK_I_WANT_A_BROKEN_VULKAN_DRIVER",
                                        "LD_LIBRARY_PATH"};

enum { VARIABLES = sizeof variables / sizeof *variables };

/* ---- the table ---- */

static void print_fact(void *user, const char *name, const char *value)
{
    (void)user;
    printf("         %-20s %s\n", name, value);
}

static void print_row(const diffedit_device_info *info, bool verbose)
{
    printf("%-8s %-15s %8.1f GB  %-8s %s%s%s\n", info->name ? info->name : "-", info->kind,
           (double)info->memory * 1e-9, info->family, info->title, info->driver ? ", " : "",
           info->driver ? info->driver : "");
    if (info->problem)
        printf("         cannot be used: %s\n", info->problem);
    if (verbose)
        diffedit_device_facts(info, print_fact, NULL);
}

static void print_program(void)
{
    struct utsname system;
    printf("\ndiffedit %s", diffedit_version());
    if (uname(&system) == 0)
        printf(", %s %s, %s", system.sysname, system.release, system.machine);
    putchar('\n');
    for (int i = 0; i < VARIABLES; i++)
        if (getenv(variables[i]))
            printf("%s=%s\n", variables[i], getenv(variables[i]));
}

static void print_table(const diffedit_device_info *const *devices, size_t count, bool verbose)
{
    printf("%-8s %-15s %11s  %-8s %s\n", "device", "kind", "memory", "kernels", "name, driver");
    for (size_t i = 0; i < count; i++)
        print_row(devices[i], verbose);
    if (diffedit_devices_problem())
        printf("no GPU: %s\n", diffedit_devices_problem());
    if (verbose)
        print_program();
}

/* ---- JSON ---- */

static void collect_fact(void *user, const char *name, const char *value)
{
    json_object_set_new(user, name, json_string(value));
}

static json_t *row_object(const diffedit_device_info *info, bool verbose)
{
    json_t *object = json_pack("{s:s?, s:s, s:s, s:I, s:s, s:s?, s:s?}", "name", info->name,
                               "title", info->title, "kind", info->kind, "memory",
                               (json_int_t)info->memory, "family", info->family, "driver",
                               info->driver, "problem", info->problem);
    json_t *facts = verbose ? json_object() : NULL;
    if (facts)
        diffedit_device_facts(info, collect_fact, facts);
    json_object_set_new(object, "facts", facts);
    return object;
}

static diffedit_status print_json(const diffedit_device_info *const *devices, size_t count,
                                  bool verbose, diffedit_error *error)
{
    json_t *rows = json_array(), *environment = json_object();
    for (size_t i = 0; i < count; i++)
        json_array_append_new(rows, row_object(devices[i], verbose));
    for (int i = 0; i < VARIABLES && verbose; i++)
        if (getenv(variables[i]))
            json_object_set_new(environment, variables[i], json_string(getenv(variables[i])));
    json_t *object = json_pack("{s:s, s:o, s:s?}", "diffedit", diffedit_version(), "devices", rows,
                               "problem", diffedit_devices_problem());
    if (verbose)
        json_object_set(object, "environment", environment);
    json_decref(environment);
    return cli_json_print(object, error);
}

static diffedit_status run(cli_arguments *arguments, diffedit_error *error)
{
    size_t count;
    const diffedit_device_info *const *devices = diffedit_devices(&count);
    if (arguments->json)
        return print_json(devices, count, arguments->verbose, error);
    print_table(devices, count, arguments->verbose);
    return DIFFEDIT_OK;
}

const cli_command cli_devices = {
    .name = "devices",
    .bit = CLI_DEVICES,
    .usage = "[--verbose] [--json]",
    .summary = "what can compute here: the processor, and GPUs by Vulkan",
    .examples = "  diffedit devices\n"
                "  diffedit devices --verbose        # for a report of a bug\n",
    .run = run,
};
