/* Every JSON file of a model: each reader gets the same bytes. */
#include "models/config.h"
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    const de_documents from = fuzz_folder();
    const char *name = fuzz_document(0, bytes, size);
    de_unet_config unet;
    de_vae_config vae;
    de_text_config text;
    de_schedule_config schedule = {0};
    de_model_hints hints = {0};
    diffedit_error error = {.message = ""};
    fuzz_check_error(de_unet_config_read(&unet, &from, name, &error), &error);
    fuzz_check_error(de_vae_config_read(&vae, &from, name, &error), &error);
    fuzz_check_error(de_text_config_read(&text, &from, name, &error), &error);
    if (de_schedule_config_read(&schedule, &from, name, &error) == DIFFEDIT_OK)
        de_schedule_config_free(&schedule);
    if (de_model_hints_read(&hints, &from, name, &error) == DIFFEDIT_OK)
        de_model_hints_free(&hints);
    fuzz_check_error(de_model_index_check(&from, name, &error), &error);
    return 0;
}
